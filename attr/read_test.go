package attr_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/forktest"
)

// build makes an attribute fork in blocks with the builder and opens it.
func build(t testing.TB, m *forktest.Image, attrs []attr.Attr) (*attr.Reader, *forktest.Fork) {
	t.Helper()
	l := attr.Measure(m.Geo, attrs)
	fork := m.Alloc(forktest.Range{Count: l.Blocks()})
	b := attr.Builder{Geo: m.Geo, Ino: forktest.Ino, Daddr: fork.Daddr, Write: fork.Write}
	if err := b.Build(l); err != nil {
		t.Fatal(err)
	}
	return open(t, m.Inode(t, format.ModeReg|0o644, 0, nil, fork)), fork
}

func open(t testing.TB, i *inode.Inode) *attr.Reader {
	t.Helper()
	r, err := attr.Open(i)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// attrs are n attributes of all namespaces and sizes, remote ones and parent pointers among
// them.
func attrs(n int) []attr.Attr {
	var out []attr.Attr
	for i := range n {
		a := attr.Attr{Name: fmt.Sprintf("%s-%d", strings.Repeat("n", i*11%250), i)}
		a.Flags = []format.AttrFlag{0, format.AttrRoot, format.AttrSecure}[i%3]
		a.Value = bytes.Repeat([]byte{byte(i)}, i*i%700)
		if i%40 == 7 {
			a.Value = bytes.Repeat([]byte{byte(i), 'r'}, 400*(i%80)+500)
		}
		if i%5 == 4 {
			a = attr.Parent(a.Name, format.Ino(128+i), uint32(i))
		}
		out = append(out, a)
	}
	return out
}

func TestReadWhatIsBuilt(t *testing.T) {
	for _, blockLog := range []uint{10, 12, 16} {
		for _, n := range []int{1, 5, 30, 400, 5000} {
			t.Run(fmt.Sprintf("block-%d-attributes-%d", 1<<blockLog, n), func(t *testing.T) {
				want := attrs(n)
				r, _ := build(t, forktest.New(blockLog, 16), want)
				compare(t, r, want)
			})
		}
	}
}

func compare(t *testing.T, r *attr.Reader, want []attr.Attr) {
	t.Helper()
	got := map[string]bool{}
	for ref, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.Value(ref)
		if err != nil {
			t.Fatal(err)
		}
		if len(v) != ref.Size {
			t.Fatalf("%q: %d bytes, want %d", ref.Name, len(v), ref.Size)
		}
		got[fmt.Sprint(ref.Flags, ref.Name, v)] = true
	}
	var parents []attr.ParentPointer
	for i, a := range want {
		if !got[fmt.Sprint(a.Flags, a.Name, a.Value)] {
			t.Fatalf("%q is not listed, or with another value", a.Name)
		}
		if a.Flags == format.AttrParent {
			p := attr.ParentPointer{Dir: format.ParentIno.Get(a.Value), Gen: format.ParentGen.Get(a.Value), Name: a.Name}
			parents = append(parents, p)
			if i%(1+len(want)/300) != 0 {
				continue
			}
			if ok, err := r.FindParent(p.Name, p.Dir, p.Gen); !ok || err != nil {
				t.Fatalf("parent pointer %v: %v, %v", p, ok, err)
			}
			continue
		}
		if i%(1+len(want)/300) != 0 {
			continue
		}
		if v, err := r.Get(a.Flags, a.Name); err != nil || !bytes.Equal(v, a.Value) {
			t.Fatalf("%q: %d bytes, %v", a.Name, len(v), err)
		}
		if _, err := r.Get(a.Flags^format.AttrRoot, a.Name); !errors.Is(err, attr.ErrNotFound) {
			t.Fatalf("%q in another namespace: %v", a.Name, err)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d attributes, want %d", len(got), len(want))
	}
	var listed []attr.ParentPointer
	for p, err := range r.Parents() {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, p)
	}
	byDir := func(a, b attr.ParentPointer) int { return cmp.Compare(a.Dir, b.Dir) }
	slices.SortFunc(listed, byDir)
	slices.SortFunc(parents, byDir)
	if !slices.Equal(listed, parents) {
		t.Errorf("%d parent pointers, want %d", len(listed), len(parents))
	}
}

func TestReadShort(t *testing.T) {
	m := forktest.New(12, 12)
	want := []attr.Attr{{Name: "a", Value: []byte{}}, {Flags: format.AttrRoot, Name: "bc", Value: []byte("value")}, attr.Parent("name", 131, 7)}
	size, ok := attr.ShortSize(want)
	if !ok {
		t.Fatal("does not fit in shortform")
	}
	g := m.Geo
	raw := make([]byte, g.InodeSize)
	c := inode.Core{Ino: forktest.Ino, Mode: format.ModeReg, NLink: 1, Format: format.FmtExtents, AttrFormat: format.FmtLocal, Room: g.LiteralSize() - (size+7)&^7}
	attr.PutShort(raw[format.Dinode.Size+c.Room:], want)
	inode.Put(g, raw, &c)
	inode.Seal(raw)
	i, err := inode.Source{Geo: g, Dev: m.Dev}.Decode(forktest.Ino, raw)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, open(t, i), want)
}

func TestNoAttributes(t *testing.T) {
	m := forktest.New(12, 12)
	compare(t, open(t, m.Inode(t, format.ModeReg, 0, nil, nil)), nil)
}

// A value that was not written to its end is not there for readers.
func TestIncomplete(t *testing.T) {
	m := forktest.New(12, 12)
	r, fork := build(t, m, []attr.Attr{{Name: "a", Value: []byte("1")}, {Name: "b", Value: []byte("2")}})
	b := make([]byte, m.Geo.BlockSize)
	if _, err := m.Dev.ReadAt(b, int64(fork.Daddr(0))<<9); err != nil {
		t.Fatal(err)
	}
	e := b[format.AttrLeaf.Size:]
	format.AttrEntryFlags.Put(e, format.AttrEntryFlags.Get(e)|format.AttrIncomplete)
	fork.Stamp(0, b)
	if err := fork.Write(0, b); err != nil {
		t.Fatal(err)
	}
	n := 0
	for a, err := range r.All() {
		if err != nil || a.Name != "b" {
			t.Errorf("%v, %v", a, err)
		}
		n++
	}
	if _, err := r.Get(0, "a"); n != 1 || !errors.Is(err, attr.ErrNotFound) {
		t.Errorf("%d attributes; the incomplete one: %v", n, err)
	}
}

// FuzzAttrLeaf lets a fuzzer write the blocks of an attribute fork. Addresses, owners and
// checksums are made right, so that only what is in the blocks is made up.
func FuzzAttrLeaf(f *testing.F) {
	const block, blocks = 1 << 10, 8
	for _, n := range []int{1, 4, 12} {
		m := forktest.New(10, 10)
		_, fork := build(f, m, attrs(n))
		seed := make([]byte, blocks*block)
		for i := range min(blocks, attr.Measure(m.Geo, attrs(n)).Blocks()) {
			if _, err := m.Dev.ReadAt(seed[i*block:(i+1)*block], int64(fork.Daddr(format.FileOff(i)))<<9); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := forktest.New(10, 10)
		fork := m.Alloc(forktest.Range{Count: blocks})
		for i := range blocks {
			b := make([]byte, block)
			copy(b, data[min(i*block, len(data)):])
			fork.Stamp(format.FileOff(i), b)
			if err := fork.Write(format.FileOff(i), b); err != nil {
				t.Fatal(err)
			}
		}
		r := open(t, m.Inode(t, format.ModeReg, 0, nil, fork))
		judge := func(err error) {
			if err != nil && !errors.Is(err, format.ErrCorrupt) && !errors.Is(err, attr.ErrNotFound) {
				t.Error(err)
			}
		}
		n := 0
		for a, err := range r.All() {
			judge(err)
			if err != nil {
				break
			}
			if n++; n > 3*blocks*block/8 {
				t.Fatal("more attributes than there is room for")
			}
			v, err := r.Value(a)
			judge(err)
			if len(v) > format.MaxAttrValue {
				t.Errorf("a value of %d bytes", len(v))
			}
			_, err = r.Find(a.Flags, a.Name)
			judge(err)
		}
		for _, err := range r.Parents() {
			judge(err)
		}
	})
}
