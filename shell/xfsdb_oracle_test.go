package shell

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/bigtree"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/xfsdb"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/volume"
)

// kernelImage makes an image with small blocks that the kernel fills with all sorts of things.
func kernelImage(t *testing.T, options ...string) string {
	t.Helper()
	path := bareImage(t, 320<<20, options...)
	m := oracle.Mount(t, path, oracle.MountOptions{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"zoo", "names", "links"} {
		must(os.Mkdir(filepath.Join(m.Dir, d), 0o755))
	}
	zoo.Small(t, filepath.Join(m.Dir, "zoo"))
	must(bigtree.Names(filepath.Join(m.Dir, "names"), 2500))
	must(bigtree.Links(filepath.Join(m.Dir, "links"), 400))
	sparse := filepath.Join(m.Dir, "sparse")
	must(bigtree.Sparse(sparse, 8<<20, 1000, 4096))
	must(os.Symlink(strings.Repeat("long/", 150), filepath.Join(m.Dir, "long")))
	must(unix.Setxattr(sparse, "user.big", bytes.Repeat([]byte("big"), 1000), 0))
	src, err := os.Open(sparse)
	must(err)
	dst, err := os.Create(sparse + "-clone")
	must(err)
	must(unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())))
	for i := range int64(500) { // breaks the sharing in pieces
		_, err := dst.WriteAt([]byte("new"), i*16384)
		must(err)
	}
	must(errors.Join(dst.Close(), src.Close()))
	m.Unmount()
	return path
}

// readerOn opens an image for reading, and raw changes when raw is set.
func readerOn(t *testing.T, path string, raw bool) *Session {
	t.Helper()
	mode := device.ReadOnly
	if raw {
		mode = device.ReadWrite
	}
	dev, err := device.Open(path, mode)
	if err != nil {
		t.Fatal(err)
	}
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	s := &Session{Vol: v, Out: io.Discard}
	if raw {
		s.Raw = dev
	}
	return s
}

// way is how to get somewhere, here and in xfs_db.
type way struct{ ours, theirs []string }

// agreeOnWays compares what lies at the end of ways of several steps, here and in xfs_db.
func agreeOnWays(t *testing.T, path string) {
	s := readerOn(t, path, false)
	var ways []way
	add := func(ours, theirs string) {
		ways = append(ways, way{strings.Split(ours, "; "), strings.Split(theirs, "; ")})
	}
	for ag := range 4 {
		for _, h := range []string{"sb", "agf", "agi", "agfl"} {
			add(fmt.Sprintf("%s -q %d", h, ag), fmt.Sprintf("%s %d", h, ag))
		}
		for _, tree := range [][3]string{{"bnobt", "agf", "bnoroot"}, {"cntbt", "agf", "cntroot"}, {"rmapbt", "agf", "rmaproot"}, {"refcountbt", "agf", "refcntroot"},
			{"inobt", "agi", "root"}, {"finobt", "agi", "free_root"}} {
			ours, theirs := fmt.Sprintf("root -q %s %d", tree[0], ag), fmt.Sprintf("%s %d; addr %s", tree[1], ag, tree[2])
			add(ours, theirs)
			if root, err := s.Vol.Tree(kindNamed(t, tree[0]), format.AGNumber(ag)); err == nil && root.Levels > 1 {
				add(ours+"; follow -q ptrs[0]", theirs+"; addr ptrs[1]")
				add(ours+"; follow -q ptrs[0]; follow -q rightsib; back -q; forward -q", theirs+"; addr ptrs[1]; addr rightsib")
			}
		}
	}
	n := 0
	for i, err := range s.Vol.Inodes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n > 60 && i.Ino%97 != 0 {
			continue
		}
		add(fmt.Sprintf("inode -q %d", i.Ino), fmt.Sprintf("inode %d", i.Ino))
		add(fmt.Sprintf("daddr -q %d", s.Vol.Geo.InoOffset(i.Ino)>>format.BasicBlockLog), fmt.Sprintf("inode %d", i.Ino))
	}
	ino := func(path string) format.Ino {
		i, err := s.Vol.LookupLink(path)
		if err != nil {
			t.Fatal(err)
		}
		return i.Ino
	}
	forks := func(path, command string, from int, blocks int) {
		for k := range blocks {
			at := fmt.Sprintf("%s %d", command, from+k)
			add(fmt.Sprintf("inode -q %d; %s", ino(path), strings.Replace(at, " ", " -q ", 1)), fmt.Sprintf("inode %d; %s", ino(path), at))
		}
	}
	// A directory block has four filesystem blocks here.
	forks("/names", "dblock", 0, 1)
	forks("/names", "dblock", 1<<25, 1)
	forks("/names", "dblock", 1<<25+4, 1)
	forks("/names", "dblock", 2<<25, 1)
	forks("/sparse", "ablock", 0, 3)
	forks("/links/link-0", "ablock", 0, 8)
	forks("/long", "dblock", 0, 1)
	add(fmt.Sprintf("inode -q %d; follow -q ptrs[0]", ino("/sparse")), fmt.Sprintf("inode %d; addr u3.bmbt.ptrs[1]", ino("/sparse")))
	newCoverage().compareWays(t, s, path, ways)
}

// compareWays goes all ways and compares what is printed at their ends.
func (c *coverage) compareWays(t *testing.T, s *Session, path string, ways []way) {
	t.Helper()
	var groups [][]string
	for _, w := range ways {
		groups = append(groups, append(w.theirs, "print"))
	}
	answers := xfsdb.Run(t, path, groups)
	for i, w := range ways {
		for _, line := range w.ours {
			if err := s.Run(t.Context(), strings.Fields(line)); err != nil {
				t.Fatalf("%q: %s: %v", w.ours, line, err)
			}
		}
		p, err := s.walk.here()
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.bytes(&p)
		if err != nil {
			t.Fatal(err)
		}
		values, err := p.form.decode(s.Vol.Geo, b)
		if err != nil || p.form.verify(s.Vol.Geo, b, p.at) != nil {
			t.Errorf("%q: %v, %v", w.ours, err, p.form.verify(s.Vol.Geo, b, p.at))
		}
		db := xfsdb.Parse(answers[i])
		if p.form.block == format.TypeDirNode {
			db = xfsdb.DirNode(db)
		}
		if diffs := xfsdb.Compare(values, db); len(diffs) > 0 {
			t.Errorf("%q and %q:\n%s", w.ours, w.theirs, strings.Join(diffs[:min(5, len(diffs))], "\n"))
		}
		c.note(s.Vol.Geo, w, &p, b)
	}
}

// To damage a field by a verb of xfs_db gives what xfs_db gives.
func TestFuzzAgrees(t *testing.T) {
	path := kernelImage(t)
	s := readerOn(t, path, true)
	for _, c := range []struct{ ours, theirs, field string }{
		{"sb -q 1", "sb 1", "uuid"}, {"sb -q 1", "sb 1", "agblocks"}, {"sb -q 1", "sb 1", "blocklog"}, {"sb -q 1", "sb 1", "fname"},
		{"sb -q 1", "sb 1", "crc"}, {"agi -q 1", "agi 1", "unlinked[3]"}, {"agf -q 2", "agf 2", "lsn"},
		{"inode -q /sparse", "", "core.mode"}, {"inode -q /sparse", "", "core.forkoff"}, {"inode -q /sparse", "", "core.size"},
		{"inode -q /links/link-0", "", "u3.bmx[0].startblock"}, {"inode -q /links/link-0", "", "u3.bmx[0].blockcount"}, {"inode -q /links/link-0", "", "u3.bmx[0].startoff"},
	} {
		if err := s.Run(t.Context(), strings.Fields(c.ours)); err != nil {
			t.Fatal(err)
		}
		p, _ := s.walk.here()
		if c.theirs == "" {
			c.theirs = fmt.Sprintf("inode %d", p.ino)
		}
		old, err := s.bytes(&p)
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.form.one(s.Vol.Geo, old, c.field)
		if err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"zeroes", "ones", "firstbit", "middlebit", "lastbit"} {
			how := "-d"
			if v.Kind == format.CRC {
				how = "-c"
			}
			oracle.MustRun(t, oracle.Tool(t, "xfs_db", oracle.Gen7), "-x", "-c", c.theirs, "-c", fmt.Sprintf("fuzz %s %s %s", how, c.field, verb), path)
			theirs, err := s.bytes(&p)
			if err == nil {
				err = errors.Join(patchRaw(s.Raw, []volume.Patch{{Off: p.start(), Data: old}}), s.Run(t.Context(), []string{"fuzz", c.field, verb}))
			}
			if err != nil {
				t.Fatal(err)
			}
			ours, err := s.bytes(&p)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(ours[v.Off:v.Off+v.Size], theirs[v.Off:v.Off+v.Size]) {
				t.Errorf("%s: fuzz %s %s: %x, xfs_db makes %x", c.theirs, c.field, verb, ours[v.Off:v.Off+v.Size], theirs[v.Off:v.Off+v.Size])
			}
			if err := patchRaw(s.Raw, []volume.Patch{{Off: p.start(), Data: old}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func kindNamed(t *testing.T, name string) *btree.Kind {
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("no kind %s", name)
	return nil
}
