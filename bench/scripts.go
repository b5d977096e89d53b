package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/bigtree"
	"github.com/cowfs/cowfs/volume"
)

// scriptSets are about scripts of cowdb and of xfs_db that ask the same.
var scriptSets = []set{
	{name: "script-one", what: "one command: a field of the superblock", size: "1g", script: &script{write: oneField, same: true}},
	{name: "script-fields", what: "a script of 1,000 commands: go to inodes and headers, print a field", size: "1g", script: &script{write: fieldScript, same: true}},
	{name: "script-paths", what: "a script of 1,000 commands: go to inodes by path, print a field", size: "1g", script: &script{write: pathScript, same: true}},
	{name: "script-ls", what: "a script of 1,000 commands: list a directory by path", size: "1g", script: &script{write: listScript}},
	{name: "script-bmap", what: "a script of 1,000 commands: go to inodes of up to 500 extents, print their extents", size: "1g", script: &script{write: bmapScript}},
}

// script makes the lines of a set for both programs.
type script struct {
	write func(*scriptSource) (ours, theirs []string)
	same  bool // both print the same
}

// scriptSource is what scripts are about.
type scriptSource struct {
	files, sparse, dirs []entry
}

// entry is a name in the image.
type entry struct {
	path string
	ino  uint64
}

// Files beside the image.
func oursOf(p places) string   { return p.image + ".cowdb" }
func theirsOf(p places) string { return p.image + ".xfs_db" }

func oneField(*scriptSource) (ours, theirs []string) {
	return []string{"sb 0 dblocks"}, []string{"sb 0", "print dblocks"}
}

func fieldScript(src *scriptSource) (ours, theirs []string) {
	headers := [...][2]string{{"agf", "freeblks"}, {"agi", "count"}, {"agfl", "seqno"}, {"sb", "dblocks"}}
	for n := range 500 {
		if n%5 == 4 {
			h, ag := headers[n/5%4], n/20%4
			ours = append(ours, fmt.Sprintf("%s -q %d", h[0], ag), "print "+h[1])
			theirs = append(theirs, fmt.Sprintf("%s %d", h[0], ag), "print "+h[1])
			continue
		}
		ino := src.files[n%len(src.files)].ino
		ours = append(ours, fmt.Sprintf("inode -q %d", ino), "print core.size")
		theirs = append(theirs, fmt.Sprintf("inode %d", ino), "print core.size")
	}
	return ours, theirs
}

func pathScript(src *scriptSource) (ours, theirs []string) {
	for n := range 500 {
		path := src.files[n%len(src.files)].path
		ours = append(ours, "inode -q "+path, "print core.size")
		theirs = append(theirs, "path "+path, "print core.size")
	}
	return ours, theirs
}

func listScript(src *scriptSource) (ours, theirs []string) {
	for n := range 1000 {
		path := src.dirs[n%len(src.dirs)].path
		ours = append(ours, "ls -i "+path)
		theirs = append(theirs, "ls "+path)
	}
	return ours, theirs
}

func bmapScript(src *scriptSource) (ours, theirs []string) {
	for n := range 500 {
		of := src.files[n%len(src.files)]
		if n%5 == 0 {
			of = src.sparse[n/5%len(src.sparse)]
		}
		line := fmt.Sprintf("inode %d", of.ino)
		ours, theirs = append(ours, "inode -q"+line[len("inode"):], "bmap"), append(theirs, line, "bmap")
	}
	return ours, theirs
}

// prepare makes the image of a set of scripts, and the scripts beside it.
func (s *script) prepare(ctx context.Context, b *bench, size string, p places) error {
	tree := filepath.Join(filepath.Dir(p.image), "tree")
	if _, err := goSource(ctx, tree); err != nil {
		return err
	}
	for n := range 20 {
		if err := bigtree.Sparse(filepath.Join(tree, fmt.Sprint("sparse", n)), 64<<20, 25*(n+1), 4096); err != nil {
			return err
		}
	}
	if err := do(ctx, b.mkcowfs, "-q", "--size", size, "--root", tree, p.image); err != nil {
		return err
	}
	src, err := readSource(p.image)
	if err != nil {
		return err
	}
	ours, theirs := s.write(src)
	return errors.Join(writeLines(oursOf(p), ours), writeLines(theirsOf(p), theirs))
}

func writeLines(path string, lines []string) error {
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

// readSource lists what is in an image, in an order that jumps about in it and is always the same.
func readSource(image string) (*scriptSource, error) {
	dev, err := device.Open(image, device.ReadOnly)
	if err != nil {
		return nil, err
	}
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	src := &scriptSource{}
	err = fs.WalkDir(v, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		e := entry{path: path.Join("/", name)}
		i, err := v.LookupLink(e.path)
		if err != nil {
			return err
		}
		e.ino = uint64(i.Ino)
		switch {
		case d.IsDir():
			src.dirs = append(src.dirs, e)
		case strings.HasPrefix(name, "sparse"):
			src.sparse = append(src.sparse, e)
		case d.Type().IsRegular():
			src.files = append(src.files, e)
		}
		return nil
	})
	rng := rand.New(rand.NewPCG(1, 1))
	for _, list := range [][]entry{src.files, src.sparse, src.dirs} {
		rng.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	}
	return src, errors.Join(err, v.Close())
}

// scripted are those that run a set's script, after a look at what they print.
func (b *bench) scripted(ctx context.Context, s *script, p places) ([]contender, error) {
	out := []contender{
		{name: "cowdb -f", args: []string{b.cowdb, "-f", oursOf(p), wordImage}},
		program("xfs_db 7.2, from standard input", xfsprogs7("xfs_db"), "-r", wordImage),
		program("xfs_db of the system, from standard input", installed("xfs_db"), "-r", wordImage),
	}
	var first []byte
	for i := range out {
		c := &out[i]
		c.judges = true
		if i > 0 {
			c.stdin = theirsOf(p)
		}
		if c.missing != "" {
			continue
		}
		args := p.fill(c.args)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		if c.stdin != "" {
			f, err := os.Open(c.stdin)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			cmd.Stdin = f
		}
		got, err := cmd.Output()
		switch {
		case err != nil && i > 1: // an old one, which does not know all
			c.missing = err.Error()
		case err != nil:
			return nil, fmt.Errorf("%s: %w", c.name, err)
		case i == 0:
			first = got
		case s.same && !bytes.Equal(got, first):
			return nil, fmt.Errorf("%s prints something else: %d bytes, cowdb %d", c.name, len(got), len(first))
		case len(got) < len(first)/3:
			return nil, fmt.Errorf("%s prints %d bytes, cowdb %d", c.name, len(got), len(first))
		}
	}
	return out, nil
}
