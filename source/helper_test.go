package source_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/source"
	"golang.org/x/sys/unix"
)

// dump shows everything about a tree but file contents beyond a hash, a line per name.
func dump(t testing.TB, tree *source.Tree) string {
	t.Helper()
	var b strings.Builder
	r := tree.NewReader()
	defer r.Close()
	var walk func(p string, id source.ID)
	walk = func(p string, id source.ID) {
		fmt.Fprintf(&b, "%q %s\n", p, describe(t, tree, r, id))
		for name, child := range tree.Entries(id) {
			walk(path.Join(p, name), child)
		}
	}
	walk("/", 0)
	return b.String()
}

// describe shows one node.
func describe(t testing.TB, tree *source.Tree, r source.Reader, id source.ID) string {
	t.Helper()
	n := tree.Node(id)
	s := fmt.Sprintf("%06o %d:%d links=%d size=%d mtime=%d.%09d", n.Mode, n.UID, n.GID, n.NLink, n.Size, n.Sec, n.Nsec)
	if n.Rdev != 0 {
		major, minor := format.DecodeDev(n.Rdev)
		s += fmt.Sprintf(" dev=%d:%d", major, minor)
	}
	if target := tree.Target(id); target != "" {
		s += fmt.Sprintf(" -> %q", target)
	}
	for _, x := range tree.Xattrs(id) {
		s += fmt.Sprintf(" %s=%x", x.Name, x.Value)
	}
	if ranges := tree.Extents(id); ranges != nil {
		s += fmt.Sprintf(" extents=%v", ranges)
	}
	if n.Mode&format.ModeType == format.ModeReg && n.Size < 1<<24 {
		p := make([]byte, n.Size)
		if err := r.ReadAt(id, p, 0); err != nil {
			t.Error(err)
		}
		s += fmt.Sprintf(" sha256=%.4x", sha256.Sum256(p))
		if len(p) > 0 && len(p) <= 16 {
			s += fmt.Sprintf(" %q", p)
		}
	}
	return s
}

// checkTree fails the test unless a tree keeps what trees promise.
func checkTree(t testing.TB, tree *source.Tree) {
	t.Helper()
	links := make([]uint32, tree.Len())
	subdirs := make([]uint32, tree.Len())
	first := make([]string, tree.Len())
	next := source.ID(1)
	var walk func(p string, id source.ID)
	walk = func(p string, id source.ID) {
		last, count := "", 0
		for name, child := range tree.Entries(id) {
			count++
			if name <= last || len(name) > 255 || strings.ContainsAny(name, "/\x00") {
				t.Fatalf("%s: %q behind %q", p, name, last)
			}
			last = name
			if int(child) >= tree.Len() || child == 0 {
				t.Fatalf("%s: %q leads to node %d of %d", p, name, child, tree.Len())
			}
			full := path.Join(p, name)
			if links[child]++; links[child] == 1 {
				if child != next {
					t.Fatalf("%s is node %d, want %d", full, child, next)
				}
				next++
				first[child] = full
			}
			if tree.Node(child).Mode&format.ModeType == format.ModeDir {
				subdirs[id]++
				if links[child] > 1 {
					t.Fatalf("directory %s has a second name %s", first[child], full)
				}
				walk(full, child)
			}
		}
		if count != tree.NumEntries(id) {
			t.Errorf("%s: %d entries, NumEntries is %d", p, count, tree.NumEntries(id))
		}
	}
	first[0] = "/"
	walk("/", 0)
	if int(next) != tree.Len() {
		t.Fatalf("%d nodes, %d can be reached", tree.Len(), next)
	}
	for i := range tree.Len() {
		id := source.ID(i)
		n, p := tree.Node(id), first[i]
		want := links[i]
		if n.Mode&format.ModeType == format.ModeDir {
			want = 2 + subdirs[i]
		}
		if n.NLink != want {
			t.Errorf("%s: %d links, want %d", p, n.NLink, want)
		}
		if tree.Path(id) != p {
			t.Errorf("path of node %d is %q, want %q", id, tree.Path(id), p)
		}
		if n.Size < 0 || n.Nsec >= 1e9 || int64(len(tree.Target(id))) > n.Size {
			t.Errorf("%s: %+v", p, n)
		}
		for k, x := range tree.Xattrs(id) {
			if k > 0 && tree.Xattrs(id)[k-1].Name >= x.Name {
				t.Errorf("%s: attributes are not sorted", p)
			}
		}
		end := int64(0)
		for _, r := range tree.Extents(id) {
			if r.Off < end || r.Len <= 0 || r.End() > n.Size {
				t.Errorf("%s: extents %v of %d bytes", p, tree.Extents(id), n.Size)
			}
			end = r.End()
		}
	}
}

// lookup finds a path, without following links.
func lookup(tree *source.Tree, p string) (source.ID, bool) {
	id := source.ID(0)
next:
	for name := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
		for n, child := range tree.Entries(id) {
			if n == name {
				id = child
				continue next
			}
		}
		return 0, false
	}
	return id, true
}

// content reads a file by its path, in pieces of a size that fits nothing.
func content(t testing.TB, tree *source.Tree, p string) []byte {
	t.Helper()
	id, ok := lookup(tree, p)
	if !ok {
		t.Fatalf("%s is not there", p)
	}
	r := tree.NewReader()
	defer r.Close()
	var all []byte
	piece := make([]byte, 1021)
	for size := tree.Node(id).Size; int64(len(all)) < size; {
		n := min(size-int64(len(all)), int64(len(piece)))
		if err := r.ReadAt(id, piece[:n], int64(len(all))); err != nil {
			t.Fatal(err)
		}
		all = append(all, piece[:n]...)
	}
	return all
}

// names lists all paths of a tree.
func names(tree *source.Tree) string {
	var b strings.Builder
	var walk func(p string, id source.ID)
	walk = func(p string, id source.ID) {
		for name, child := range tree.Entries(id) {
			full := path.Join(p, name)
			b.WriteString(full + " ")
			walk(full, child)
		}
	}
	walk("", 0)
	return strings.TrimSpace(b.String())
}

func pattern(seed byte, n int) []byte {
	p := bytes.Repeat([]byte{seed}, n)
	for i := range p {
		p[i] += byte(i*7 + i>>8)
	}
	return p
}

// smallZoo is a tree of all kinds of files that we can read.
func smallZoo(t testing.TB) string {
	t.Helper()
	dir := zoo.Home(t)
	zoo.Small(t, dir)
	if os.Geteuid() == 0 {
		return dir
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		st, err := d.Info()
		if err == nil && st.Mode()&0o500 != 0o500 {
			err = os.Chmod(p, st.Mode()|0o500)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func preadFD(fd int, p []byte, off int64) (int, error) { return unix.Pread(fd, p, off) }
