package check

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/forktest"
)

// lone is a checker for the one inode of an image without any other metadata.
func lone(m *forktest.Image) (*checker, *worker) {
	c := newChecker(context.Background(), m.Dev, Options{})
	c.geo, c.sb, c.src = m.Geo, make([]byte, m.Geo.SectSize), inode.Source{Geo: m.Geo, Dev: m.Dev}
	c.groups = make([]group, 1)
	c.inodes.groups = []inodeGroup{{chunks: []chunk{{start: format.AGIno(forktest.Ino)}}, nodes: make([]node, format.InodesPerChunk)}}
	w := &worker{checker: c, sums: make([]groupSums, len(c.groups)), queue: newQueue(nil)}
	return c, w
}

// lookAt looks at the inode and returns the findings of areas.
func lookAt(m *forktest.Image, i *inode.Inode, areas ...string) (found []Finding) {
	c, w := lone(m)
	f := &w.files.file
	s, _ := c.inodes.spotOf(m.Geo, i.Ino)
	f.begin(w, i.Ino, s.node, i.Raw)
	f.all()
	for _, x := range c.out.list {
		area, _, _ := strings.Cut(x.Code.Name, ".")
		for _, a := range areas {
			if a == area {
				found = append(found, x)
			}
		}
	}
	return found
}

// fuzzBlocks writes made-up blocks to a fork, which has so many of a size at the offsets.
func fuzzBlocks(t testing.TB, m *forktest.Image, fork *forktest.Fork, offs []format.FileOff, size int, data []byte) {
	for i, off := range offs {
		b := make([]byte, size)
		copy(b, data[min(i*size, len(data)):])
		fork.Stamp(off, b)
		if err := fork.Write(off, b); err != nil {
			t.Fatal(err)
		}
	}
}

// seedBlocks reads what a fork has at the offsets, as a seed.
func seedBlocks(t testing.TB, m *forktest.Image, fork *forktest.Fork, offs []format.FileOff, size int) []byte {
	seed := make([]byte, len(offs)*size)
	for i, off := range offs {
		if _, err := m.Dev.ReadAt(seed[i*size:][:size], int64(fork.Daddr(off))<<9); err != nil {
			t.Fatal(err)
		}
	}
	return seed
}

// dirFork gives a directory room for so many blocks of each sort.
func dirFork(m *forktest.Image, data, index, free int) (*forktest.Fork, []format.FileOff) {
	var ranges []forktest.Range
	var offs []format.FileOff
	for i, n := range []int{data, index, free} {
		base := format.FileOff(i) * (format.DirLeafSpace >> m.Geo.BlockLog)
		for k := range n {
			offs = append(offs, base+format.FileOff(k))
		}
		if n > 0 {
			ranges = append(ranges, forktest.Range{Off: base, Count: n})
		}
	}
	return m.Alloc(ranges...), offs
}

// FuzzDirectory lets a fuzzer write the blocks of a directory. Judging them ends, and what it
// finds nothing about can be listed and looked up.
func FuzzDirectory(f *testing.F) {
	const block = 1 << 10
	for _, n := range []int{3, 60, 200, 800} {
		m := forktest.New(10, 10)
		z := dir.NewSizer(m.Geo)
		name := func(i int) string { return fmt.Sprintf("%s-%d", strings.Repeat("n", i%20), i) }
		for i := range n {
			z.Add(len(name(i)))
		}
		shape := z.Shape(0, 4)
		fork, offs := dirFork(m, shape.Data, shape.Index, shape.Free)
		b := dir.Builder{Geo: m.Geo, Ino: forktest.Ino, Parent: forktest.Ino + 1, Shape: shape, Daddr: fork.Daddr, Write: fork.Write}
		b.Start(n)
		for i := range n {
			if err := b.Add(name(i), forktest.Ino+1+format.Ino(i%60), format.FTReg); err != nil {
				f.Fatal(err)
			}
		}
		if err := b.Finish(); err != nil {
			f.Fatal(err)
		}
		i := m.Inode(f, format.ModeDir|0o755, shape.Bytes(m.Geo), fork, nil)
		if found := lookAt(m, i, "dir", "fork", "inode"); len(found) > 1 || len(found) == 1 && found[0].Code != InodeBlocks {
			f.Fatalf("%d entries: false alarm: %+v", n, found)
		}
		f.Add(byte(shape.Data), byte(shape.Index), byte(shape.Free), seedBlocks(f, m, fork, offs, block))
	}
	f.Fuzz(func(t *testing.T, data, index, free byte, blocks []byte) {
		m := forktest.New(10, 10)
		shape := []int{int(data%60) + 1, int(index % 16), int(free % 4)}
		fork, offs := dirFork(m, shape[0], shape[1], shape[2])
		fuzzBlocks(t, m, fork, offs, block, blocks)
		i := m.Inode(t, format.ModeDir|0o755, uint64(shape[0])*block, fork, nil)
		found := lookAt(m, i, "dir", "fork", "entry", "device")
		if most := 100 * len(offs) * block / format.DirAlign; len(found) > most {
			t.Fatalf("%d findings", len(found))
		}
		for _, x := range found {
			if x.Code != EntryNowhere {
				return
			}
		}
		readDirectory(t, i)
	})
}

// readDirectory reads a directory that should be sound.
func readDirectory(t *testing.T, i *inode.Inode) {
	d, err := dir.Open(i)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range d.Entries() {
		if err != nil {
			t.Fatalf("nothing was found, and listing fails: %v", err)
		}
		got, err := d.Lookup(e.Name)
		if err != nil || got != e {
			t.Fatalf("nothing was found, and %q is %v, %v; want %v", e.Name, got, err, e)
		}
	}
}

// FuzzAttributes lets a fuzzer write the blocks of an attribute fork, likewise.
func FuzzAttributes(f *testing.F) {
	const block, blocks = 1 << 10, 12
	offs := make([]format.FileOff, blocks)
	for i := range offs {
		offs[i] = format.FileOff(i)
	}
	for _, n := range []int{1, 4, 12, 40} {
		m := forktest.New(10, 10)
		var list []attr.Attr
		for i := range n {
			a := attr.Attr{Name: fmt.Sprintf("%s-%d", strings.Repeat("n", i*11%60), i), Value: bytes.Repeat([]byte{byte(i)}, i*i%90)}
			switch i % 8 {
			case 1:
				a = attr.Parent(a.Name, forktest.Ino+format.Ino(i), uint32(i))
			case 3:
				a.Flags, a.Value = format.AttrRoot, bytes.Repeat([]byte{1}, 1500)
			}
			list = append(list, a)
		}
		l := attr.Measure(m.Geo, list)
		fork := m.Alloc(forktest.Range{Count: max(blocks, l.Blocks())})
		b := attr.Builder{Geo: m.Geo, Ino: forktest.Ino, Daddr: fork.Daddr, Write: fork.Write}
		if err := b.Build(l); err != nil {
			f.Fatal(err)
		}
		if l.Blocks() <= blocks {
			i := m.Inode(f, format.ModeReg|0o644, 0, nil, fork)
			for _, x := range lookAt(m, i, "attr", "parent", "fork") {
				if x.Code != AttrLost {
					f.Fatalf("%d attributes: false alarm: %+v", n, x)
				}
			}
		}
		f.Add(seedBlocks(f, m, fork, offs, block))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := forktest.New(10, 10)
		fork := m.Alloc(forktest.Range{Count: blocks})
		fuzzBlocks(t, m, fork, offs, block, data)
		i := m.Inode(t, format.ModeReg|0o644, 0, nil, fork)
		found := lookAt(m, i, "attr", "parent", "fork", "device")
		if len(found) > 100*blocks*block/4 {
			t.Fatalf("%d findings", len(found))
		}
		for _, x := range found {
			if x.Code != AttrLost && x.Code != AttrIncomplete {
				return
			}
		}
		readAttributes(t, i)
	})
}

// readAttributes reads attributes that should be sound.
func readAttributes(t *testing.T, i *inode.Inode) {
	r, err := attr.Open(i)
	if err != nil {
		t.Fatal(err)
	}
	for a, err := range r.All() {
		if err != nil {
			t.Fatalf("nothing was found, and listing fails: %v", err)
		}
		v, err := r.Value(a)
		if err != nil || len(v) != a.Size {
			t.Fatalf("nothing was found, and the value of %q is %d bytes, %v", a.Name, len(v), err)
		}
		if a.Flags == format.AttrParent {
			dir, gen := format.ParentIno.Get(v), format.ParentGen.Get(v)
			if ok, err := r.FindParent(a.Name, dir, gen); !ok || err != nil {
				t.Fatalf("nothing was found, and parent pointer %q is %v, %v", a.Name, ok, err)
			}
			continue
		}
		if got, err := r.Get(a.Flags, a.Name); err != nil || !bytes.Equal(got, v) {
			t.Fatalf("nothing was found, and %q is %d bytes, %v; want %d", a.Name, len(got), err, len(v))
		}
	}
	for _, err := range r.Parents() {
		if err != nil {
			t.Fatalf("nothing was found, and parent pointers fail: %v", err)
		}
	}
}
