package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
	"golang.org/x/sys/unix"
)

// memFile is a file that only memory holds; the path leads to it as long as the test runs.
func memFile(t *testing.T, b []byte) string {
	t.Helper()
	fd, err := unix.MemfdCreate("fuzz", unix.MFD_CLOEXEC)
	if err != nil {
		t.Skip("no memfd: ", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.Pwrite(fd, b, 0); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd)
}

// FuzzTar reads two layers, the bytes before and behind cut, in place and as a stream. Whatever
// they hold, both ways agree, and the tree is a tree whose files can be read.
func FuzzTar(f *testing.F) {
	lower := pack(f, folder("d"), file("d/a", "content"), symlink("s", "d"), hardlink("h", "d/a"), file("d/b/c", "x"),
		mode(file("acl", ""), 0o640))
	upper := pack(f, file("s/new", "x"), file("d/.wh.a", ""), file("d/b/.wh..wh..opq", ""), hardlink("h2", "h"), file("a/../e", "1"))
	f.Add(lower, 0)
	f.Add(append(bytes.Clone(lower), upper...), len(lower))
	f.Add(gzipped(f, lower), 0)
	f.Add(zstandard(f, lower), 0)
	f.Add(append(gzipped(f, lower), upper...), len(gzipped(f, lower)))
	acl := file("acl", "")
	acl.PAXRecords = map[string]string{"SCHILY.xattr.user.x": "y", "LIBARCHIVE.xattr.user.z": "AQ", "SCHILY.acl.access": "u::rwx,g::r,o::-", "mtime": "1.5"}
	f.Add(pack(f, acl), 0)
	f.Add(rawSparse(f, "2\n5\n3\n10\n2\n"+string(make([]byte, 500))+"abcde", map[string]string{
		"GNU_sparse.major": "1", "GNU_sparse.minor": "0", "GNU_sparse.name": "file", "GNU_sparse.realsize": "14"}), 0)
	f.Add(rawSparse(f, "abc", map[string]string{"GNU_sparse.size": "9", "GNU_sparse.numblocks": "2", "GNU_sparse.map": "1,1,4,2"}), 0)
	spool := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if len(b) > 1<<20 {
			return
		}
		b = fixSums(b)
		parts := [][]byte{b}
		if cut > 0 && cut < len(b) {
			parts = [][]byte{b[:cut], b[cut:]}
		}
		var paths []string
		for _, p := range parts {
			paths = append(paths, memFile(t, p))
		}
		o := source.Options{SpoolDir: spool}
		plain, err := source.ReadTar(context.Background(), paths, o)
		if err == nil {
			defer plain.Close()
			checkTree(t, plain)
			readAll(t, plain)
		}
		// The last layer as a stream.
		o.Stdin = bytes.NewReader(parts[len(parts)-1])
		paths[len(paths)-1] = "-"
		stream, serr := source.ReadTar(context.Background(), paths, o)
		if (err == nil) != (serr == nil) {
			t.Fatalf("in place: %v\nas a stream: %v", err, serr)
		}
		if serr != nil {
			return
		}
		defer stream.Close()
		if a, b := readAll(t, plain), readAll(t, stream); a != b {
			t.Fatalf("in place:\n%s\nas a stream:\n%s", a, b)
		}
	})
}

// fixSums gives all that looks like a header the right checksum, so that what a fuzzer changes is
// not just refused for that.
func fixSums(b []byte) []byte {
	b = bytes.Clone(b)
	for at := 0; at+512 <= len(b); at += 512 {
		h := b[at : at+512]
		if string(h[257:262]) != "ustar" {
			continue
		}
		copy(h[148:156], "        ")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:156], fmt.Sprintf("%06o\x00 ", sum))
	}
	return b
}

// readAll shows names and nodes, and the first and last bytes of files.
func readAll(t *testing.T, tree *source.Tree) string {
	t.Helper()
	r := tree.NewReader()
	defer r.Close()
	s := names(tree)
	for i := range tree.Len() {
		id := source.ID(i)
		n := tree.Node(id)
		s += fmt.Sprintf("\n%o %d %d %d %d %d %d %q %v %v", n.Mode, n.UID, n.GID, n.Size, n.Sec, n.Nsec, n.Rdev, tree.Target(id), tree.Xattrs(id), tree.Extents(id))
		if n.Mode&format.ModeType != format.ModeReg {
			continue
		}
		p := make([]byte, min(n.Size, 4096))
		for _, off := range []int64{0, n.Size - int64(len(p))} {
			if err := r.ReadAt(id, p, off); err != nil {
				t.Fatal(err)
			}
			s += fmt.Sprintf(" %q", p)
		}
	}
	return s
}

func TestErrorsHaveAClass(t *testing.T) {
	err := error(&source.ArchiveError{Archive: "a.tar", Entry: "x\n", Offset: 512, Err: source.ErrTruncated})
	if !errors.Is(err, source.ErrTruncated) || err.Error() != `a.tar: entry "x\n": offset 512: archive is cut off` {
		t.Error(err)
	}
	err = &source.ChangedError{Path: "/a", Detail: "it is gone"}
	if !errors.Is(err, source.ErrChanged) || err.Error() != "/a: changed while it was read: it is gone" {
		t.Error(err)
	}
}
