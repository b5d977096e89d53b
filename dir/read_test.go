package dir_test

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/forktest"
)

// build makes a directory in blocks with the builder and opens it.
func build(t testing.TB, m *forktest.Image, entries []dir.Entry) *dir.Dir {
	t.Helper()
	d, _, _ := buildFork(t, m, entries)
	return d
}

func buildFork(t testing.TB, m *forktest.Image, entries []dir.Entry) (*dir.Dir, *forktest.Fork, dir.Shape) {
	t.Helper()
	z := dir.NewSizer(m.Geo)
	for _, e := range entries {
		z.Add(len(e.Name))
	}
	shape := z.Shape(0, 4)
	var ranges []forktest.Range
	for _, r := range shape.Ranges(m.Geo) {
		ranges = append(ranges, forktest.Range{Off: r.Off, Count: r.Count << m.Geo.DirBlkLog})
	}
	fork := m.Alloc(ranges...)
	b := dir.Builder{Geo: m.Geo, Ino: forktest.Ino, Parent: forktest.Ino + 1, Shape: shape, Daddr: fork.Daddr, Write: fork.Write}
	b.Start(len(entries))
	for _, e := range entries {
		if err := b.Add(e.Name, e.Ino, e.Type); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Finish(); err != nil {
		t.Fatal(err)
	}
	d, err := dir.Open(m.Inode(t, format.ModeDir|0o755, shape.Bytes(m.Geo), fork, nil))
	if err != nil {
		t.Fatal(err)
	}
	return d, fork, shape
}

// entries are n names of all lengths.
func entries(n int) []dir.Entry {
	out := make([]dir.Entry, n)
	for i := range out {
		name := fmt.Sprintf("%s-%d", strings.Repeat("n", i*7%250), i)
		out[i] = dir.Entry{Name: name, Ino: format.Ino(1000 + i), Type: format.FType(1 + i%7)}
	}
	return out
}

// colliding are names that all have one hash: in the sum of a group of four bytes, bit 0 of the
// first falls on bit 7 of the second.
func colliding() []dir.Entry {
	out := make([]dir.Entry, 1<<10)
	for i := range out {
		name := []byte(strings.Repeat("ab-!", 10))
		for group := range 10 {
			if i>>group&1 != 0 {
				name[4*group] ^= 1
				name[4*group+1] ^= 0x80
			}
		}
		out[i] = dir.Entry{Name: string(name), Ino: format.Ino(20_000 + i), Type: format.FTReg}
	}
	return out
}

func list(t testing.TB, d *dir.Dir) []dir.Entry {
	t.Helper()
	var out []dir.Entry
	for e, err := range d.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b dir.Entry) int { return cmp.Compare(a.Ino, b.Ino) })
	return out
}

// What the builder writes is read back: all names by listing, some hundred by looking them up.
func TestReadWhatIsBuilt(t *testing.T) {
	for _, size := range [][2]uint{{10, 12}, {10, 10}, {12, 12}, {12, 16}, {16, 16}} {
		for _, n := range []int{0, 1, 10, 60, 300, 1500, 9000} {
			t.Run(fmt.Sprintf("block-%d-dir-%d-names-%d", 1<<size[0], 1<<size[1], n), func(t *testing.T) {
				want := entries(n)
				if n == 1500 {
					want = append(want, colliding()...)
				}
				d := build(t, forktest.New(size[0], size[1]), want)
				if got := list(t, d); !slices.Equal(got, want) {
					t.Fatalf("%d names, want %d", len(got), len(want))
				}
				for i := 0; i < len(want); i += 1 + len(want)/300 {
					e := want[i]
					if got, err := d.Lookup(e.Name); err != nil || got != e {
						t.Fatalf("%q: %v, %v, want %v", e.Name, got, err, e)
					}
				}
				if up, err := d.Parent(); err != nil || up != forktest.Ino+1 {
					t.Errorf("parent %d, %v", up, err)
				}
				if self, err := d.Lookup("."); err != nil || self.Ino != forktest.Ino {
					t.Errorf("the directory itself: %v, %v", self, err)
				}
				for _, name := range []string{"", "missing", strings.Repeat("n", 300), anotherOfHash(colliding())} {
					if got, err := d.Lookup(name); !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%q: %v, %v", name, got, err)
					}
				}
			})
		}
	}
}

// On a volume with ASCII-CI the case of letters does not matter, that of other bytes does.
func TestCaseInsensitive(t *testing.T) {
	m := forktest.New(12, 12)
	m.Geo.Version |= format.VersionASCIICI
	for _, n := range []int{5, 100, 2000} {
		want := entries(n)
		d := build(t, m, want)
		for _, e := range want {
			for _, name := range []string{e.Name, strings.ToUpper(e.Name)} {
				if got, err := d.Lookup(name); err != nil || got != e {
					t.Fatalf("%q: %v, %v", name, got, err)
				}
			}
		}
		if _, err := d.Lookup("\xc3\x84"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a name in UTF-8: %v", err)
		}
	}
}

func TestNoDirectory(t *testing.T) {
	m := forktest.New(12, 12)
	if _, err := dir.Open(m.Inode(t, format.ModeReg, 0, nil, nil)); !errors.Is(err, dir.ErrNotDir) {
		t.Errorf("a file: %v", err)
	}
	d, err := dir.Open(m.Inode(t, format.ModeDir, 4096, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range d.Entries() {
		if !errors.Is(err, format.ErrCorrupt) {
			t.Errorf("a directory without blocks: %v", err)
		}
	}
}

// Leaves whose links go in a circle end a lookup.
func TestLoopOfLeaves(t *testing.T) {
	m := forktest.New(10, 10)
	same := colliding()
	d, fork, shape := buildFork(t, m, same)
	if shape.Form != dir.Node {
		t.Fatalf("form %v", shape.Form)
	}
	// The last leaf goes on with the second, which names the last as its neighbour.
	leafOff := format.FileOff(format.DirLeafSpace >> m.Geo.BlockLog)
	last := leafOff + format.FileOff(shape.Index-1)
	second := leafOff + format.FileOff(shape.Index) - format.FileOff(leaves(t, m, fork, leafOff, shape.Index)) + 1
	edit(t, m, fork, last, func(b []byte) { format.DaForw.Put(b, uint32(second)) })
	edit(t, m, fork, second, func(b []byte) { format.DaBack.Put(b, uint32(last)) })
	missing := anotherOfHash(same)
	if _, err := d.Lookup(missing); !errors.Is(err, format.ErrCorrupt) {
		t.Errorf("lookup in a loop: %v", err)
	}
}

// anotherOfHash is a name of the hash that all have, and not among them: bit 0 of the third byte
// of a group falls on bit 7 of the fourth.
func anotherOfHash(same []dir.Entry) string {
	name := []byte(same[0].Name)
	name[2] ^= 1
	name[3] ^= 0x80
	return string(name)
}

// leaves counts the leaves of an index.
func leaves(t testing.TB, m *forktest.Image, fork *forktest.Fork, off format.FileOff, index int) (n int) {
	b := make([]byte, m.Geo.DirBlockSize)
	for i := range index {
		if _, err := m.Dev.ReadAt(b, int64(fork.Daddr(off+format.FileOff(i)))<<9); err != nil {
			t.Fatal(err)
		}
		if format.DaMagic.Get(b) == format.DirLeafNMagic {
			n++
		}
	}
	return n
}

// edit changes a block and makes its checksum right again.
func edit(t testing.TB, m *forktest.Image, fork *forktest.Fork, off format.FileOff, change func(b []byte)) {
	t.Helper()
	b := make([]byte, m.Geo.DirBlockSize)
	if _, err := m.Dev.ReadAt(b, int64(fork.Daddr(off))<<9); err != nil {
		t.Fatal(err)
	}
	change(b)
	fork.Stamp(off, b)
	if err := fork.Write(off, b); err != nil {
		t.Fatal(err)
	}
}
