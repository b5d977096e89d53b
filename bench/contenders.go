package main

import (
	"context"
	"os"
)

// contender is one way to do the job of a set.
type contender struct {
	name string
	// args is the command line; words in it stand for the image, the tree and its archive.
	args []string
	// missing says why it cannot take part, or is empty.
	missing string
	// judges is true of those that check an image, and tell by their exit code how it is.
	judges bool
	// stdin is a file that it reads as its standard input; empty: none.
	stdin string
	// prepare, unless nil, is done before each run, and not timed.
	prepare func(ctx context.Context, p places) error
}

// Words that stand for something in a contender's command line.
const (
	wordImage   = "IMAGE" // does not exist before the run
	wordSize    = "SIZE"
	wordTree    = "TREE"
	wordArchive = "ARCHIVE"
	wordMount   = "MOUNT" // an empty directory
)

// contenders are all that can do a set's job; the first is what the others are compared with.
func (b *bench) contenders(s *set) []contender {
	if s.repair {
		return b.repairers()
	}
	if s.image != nil {
		return b.judges(s)
	}
	if s.source == nil {
		return []contender{
			{name: "mkcowfs", args: []string{b.mkcowfs, "-q", "--size", wordSize, wordImage}},
			program("mkfs.xfs 7.2", xfsprogs7("mkfs.xfs"), "-q", "-d", "file,name="+wordImage+",size="+wordSize),
			program("mkfs.xfs of the system", installed("mkfs.xfs"), "-q", "-d", "file,name="+wordImage+",size="+wordSize),
		}
	}
	mount := program("mkfs.xfs, mount, cp -a, umount", installed("mkfs.xfs"))
	if os.Geteuid() != 0 {
		mount.missing = "needs root"
	}
	mount.args = []string{"/bin/sh", "-ec", `mkfs.xfs -q -d "file,name=$1,size=$2"; mount -o loop "$1" "$4"; cp -a "$3/." "$4"; umount "$4"`,
		"sh", wordImage, wordSize, wordTree, wordMount}
	return []contender{
		{name: "mkcowfs --root", args: []string{b.mkcowfs, "-q", "--size", wordSize, "--root", wordTree, wordImage}},
		{name: "mkcowfs --root, smallest image", args: []string{b.mkcowfs, "-q", "--root", wordTree, wordImage}},
		{name: "mkcowfs --root --dedupe", args: []string{b.mkcowfs, "-q", "--size", wordSize, "--dedupe", "--root", wordTree, wordImage}},
		{name: "mkcowfs --tar", args: []string{b.mkcowfs, "-q", "--size", wordSize, "--tar", wordArchive, wordImage}},
		mount,
		program("mkfs.xfs 7.2 -p", xfsprogs7("mkfs.xfs"), "-q", "-d", "file,name="+wordImage+",size="+wordSize, "-p", wordTree),
		program("mke2fs -d", installed("mke2fs"), "-q", "-t", "ext4", "-d", wordTree, wordImage, wordSize),
		inShell("mkfs.btrfs --rootdir", installed("mkfs.btrfs"), `truncate -s "$2" "$1"; mkfs.btrfs -q --rootdir "$3" "$1"`),
		{name: "the limit: cat of the archive", args: []string{"/bin/sh", "-c", `cat "$1" >"$2"`, "sh", wordArchive, wordImage}},
	}
}

// judges are those that check an image.
func (b *bench) judges(s *set) []contender {
	out := []contender{
		{name: "cowfsck", args: []string{b.cowfsck, "-n", "-q", wordImage}},
		{name: "cowfsck --threads 1", args: []string{b.cowfsck, "-n", "-q", "--threads", "1", wordImage}},
		program("xfs_repair -n 7.2", xfsprogs7("xfs_repair"), "-n", wordImage),
	}
	if s.dirty {
		// xfs_repair -n leaves the log alone, and so checks the image as it was before.
		out = append(out, contender{name: "copy, mount, umount, xfs_repair -n 7.2", args: []string{"/bin/sh", "-ec",
			`cp --sparse=always "$1" "$1.copy"; mount -o loop "$1.copy" "$2"; umount "$2"; "$3" -n "$1.copy"; rm "$1.copy"`,
			"sh", wordImage, wordMount, xfsprogs7("xfs_repair")}})
	}
	for i := range out {
		out[i].judges = true
	}
	return out
}

func program(name, path string, args ...string) contender {
	c := contender{name: name, args: append([]string{path}, args...)}
	if path == "" {
		c.missing = "not installed"
	}
	return c
}

// inShell is a contender that takes more than one command; $1 is the image, $2 its size, $3
// the tree.
func inShell(name, path, script string) contender {
	c := program(name, path)
	c.args = []string{"/bin/sh", "-ec", script, "sh", wordImage, wordSize, wordTree}
	return c
}
