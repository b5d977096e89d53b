package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/txn"
)

// fakeFork is a fork with a map for an allocator.
type fakeFork struct {
	t      *testing.T
	tx     *txn.Tx
	ino    format.Ino
	blocks map[format.FileOff]format.AGBlock
	free   []format.AGBlock
	next   format.AGBlock
	local  []byte
	size   uint64
	full   bool // no more blocks
}

var errFull = errors.New("full")

func (f *fakeFork) place(off format.FileOff) int64 { return f.tx.Geo.AGOffset(1, f.blocks[off]) }

func (f *fakeFork) Read(off format.FileOff, types ...*format.BlockType) (*txn.Buf, error) {
	if _, ok := f.blocks[off]; !ok {
		f.t.Fatalf("read of block %d, which is not there", off)
	}
	return f.tx.ReadOneOf(f.place(off), format.NullPlace, types...)
}

func (f *fakeFork) Change(b *txn.Buf, off, n int) []byte { return f.tx.Change(b, off, n) }

func (f *fakeFork) New(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	if _, ok := f.blocks[off]; ok {
		f.t.Fatalf("new block %d, which is there", off)
	}
	if f.full {
		return nil, errFull
	}
	b := f.next
	if n := len(f.free); n > 0 {
		b, f.free = f.free[n-1], f.free[:n-1]
	} else {
		f.next += format.AGBlock(f.tx.Geo.DirBlocks())
	}
	f.blocks[off] = b
	return f.tx.New(f.place(off), f.tx.Geo.DirBlockSize, t), nil
}

func (f *fakeFork) Replace(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	return f.tx.New(f.place(off), f.tx.Geo.DirBlockSize, t), nil
}

func (f *fakeFork) Free(off format.FileOff) error {
	b, ok := f.blocks[off]
	if !ok {
		f.t.Fatalf("free of block %d, which is not there", off)
	}
	f.tx.Free(f.place(off), int64(f.tx.Geo.DirBlockSize), false)
	delete(f.blocks, off)
	f.free = append(f.free, b)
	return nil
}

func (f *fakeFork) Mapped(off format.FileOff) (format.FileOff, bool, error) {
	best, ok := format.FileOff(0), false
	for at := range f.blocks {
		if at >= off && (!ok || at < best) {
			best, ok = at, true
		}
	}
	return best, ok, nil
}

func (f *fakeFork) Unmapped(off format.FileOff) (format.FileOff, error) {
	for ; ; off += format.FileOff(f.tx.Geo.DirBlocks()) {
		if _, ok := f.blocks[off]; !ok {
			return off, nil
		}
	}
}

func (f *fakeFork) Local() []byte           { return f.local }
func (f *fakeFork) SetLocal(b []byte) error { f.local = bytes.Clone(b); return nil }
func (f *fakeFork) SetBlocks()              { f.local = nil }
func (f *fakeFork) Room() int               { return 200 }
func (f *fakeFork) SetSize(n uint64)        { f.size = n }
func (f *fakeFork) Size() uint64            { return f.size }

func newStore(t *testing.T, blockSize int) (*txn.Store, *device.Memory) {
	t.Helper()
	c := mkfs.Config{Size: 2 << 30, BlockSize: blockSize}
	g, err := c.Geometry()
	if err != nil {
		t.Fatal(err)
	}
	dev := device.NewMemory(2 << 30)
	plan, err := populate.NewPlan(context.Background(), populate.Options{Geo: g})
	if err == nil {
		err = plan.Write(context.Background(), dev)
	}
	if err != nil {
		t.Fatal(err)
	}
	return txn.NewStore(dev, g, nullLog{}), dev
}

type nullLog struct{}

func (nullLog) Size() int                               { return 1 << 30 }
func (nullLog) Room() int                               { return 1 << 30 }
func (nullLog) Append(i []txn.Item) (format.LSN, error) { return 1 << 32, nil }
func (nullLog) Sync() error                             { return nil }
func (nullLog) Release() error                          { return nil }
func (nullLog) Unmount() error                          { return nil }

// Random names come and go; a directory must always hold what a map does, grow through all
// forms and shrink back.
func TestEditor(t *testing.T) {
	for _, c := range []struct{ blockSize, most int }{{1024, 1200}, {4096, 2500}, {65536, 4000}} {
		t.Run(fmt.Sprint(c.blockSize), func(t *testing.T) {
			s, _ := newStore(t, c.blockSize)
			f := &fakeFork{t: t, ino: 200, blocks: map[format.FileOff]format.AGBlock{}, next: 1000}
			e := &dir.Editor{Geo: s.Geo, Ino: f.ino, Fork: f}
			rng := rand.New(rand.NewPCG(1, uint64(c.blockSize)))
			model := map[string]dir.Entry{}
			var names []string
			begin(t, s, f)
			if err := e.Init(128); err != nil {
				t.Fatal(err)
			}
			forms := map[dir.Form]bool{}
			for _, target := range []int{3, c.most / 100, c.most / 10, c.most, c.most / 2, 700, 100, 10, 300, 0} {
				for steps := 0; len(names) != target || steps < 50; steps++ {
					grow := len(names) < target || len(names) == target && rng.IntN(2) == 0
					step(t, e, model, &names, rng, grow)
					if steps%500 == 0 {
						commit(t, f)
						begin(t, s, f)
					}
				}
				commit(t, f)
				begin(t, s, f)
				forms[verify(t, e, f, model)] = true
			}
			commit(t, f)
			if len(forms) < 3 {
				t.Errorf("only forms %v were seen", forms)
			}
			if f.local == nil || len(f.blocks) != 0 {
				t.Errorf("the empty directory has %d blocks", len(f.blocks))
			}
		})
	}
}

func begin(t *testing.T, s *txn.Store, f *fakeFork) {
	tx, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	f.tx = tx
}

func commit(t *testing.T, f *fakeFork) {
	if err := f.tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func step(t *testing.T, e *dir.Editor, model map[string]dir.Entry, names *[]string, rng *rand.Rand, grow bool) {
	t.Helper()
	if len(*names) > 0 && rng.IntN(10) == 0 {
		name := (*names)[rng.IntN(len(*names))]
		n := dir.Entry{Name: name, Ino: format.Ino(1000 + rng.IntN(1e6)), Type: format.FTDir}
		if err := e.Replace(name, n.Ino, n.Type); err != nil {
			t.Fatalf("replace %q: %v", name, err)
		}
		model[name] = n
		if err := e.Add(name, 5, format.FTReg); !errors.Is(err, dir.ErrExist) {
			t.Fatalf("adding %q twice: %v", name, err)
		}
	}
	if grow {
		n := dir.Entry{Name: fmt.Sprintf("%0*d", 1+rng.IntN(40), rng.IntN(1e9)), Ino: format.Ino(1000 + rng.IntN(1e6)), Type: format.FTReg}
		if _, ok := model[n.Name]; ok {
			return
		}
		if err := e.Add(n.Name, n.Ino, n.Type); err != nil {
			t.Fatalf("add %q: %v", n.Name, err)
		}
		model[n.Name] = n
		*names = append(*names, n.Name)
		return
	}
	if len(*names) == 0 {
		if err := e.Remove("none"); !errors.Is(err, dir.ErrNotExist) {
			t.Fatalf("removing what is not there: %v", err)
		}
		return
	}
	i := rng.IntN(len(*names))
	name := (*names)[i]
	if err := e.Remove(name); err != nil {
		t.Fatalf("remove %q: %v", name, err)
	}
	delete(model, name)
	(*names)[i] = (*names)[len(*names)-1]
	*names = (*names)[:len(*names)-1]
}

// verify holds a directory against the model, and each block against the format.
func verify(t *testing.T, e *dir.Editor, f *fakeFork, model map[string]dir.Entry) dir.Form {
	t.Helper()
	got, parent, form, err := e.Contents()
	if err != nil {
		t.Fatal(err)
	}
	if parent != 128 {
		t.Errorf("parent is %d", parent)
	}
	seen := map[string]dir.Entry{}
	for _, n := range got {
		seen[n.Name] = n
		if at, err := e.Lookup(n.Name); err != nil || at != n {
			t.Fatalf("lookup of %q: %v, %v", n.Name, at, err)
		}
	}
	if len(got) != len(model) || !maps.Equal(seen, model) {
		t.Fatalf("%v form: %d entries, want %d", form, len(got), len(model))
	}
	for _, off := range slices.Sorted(maps.Keys(f.blocks)) {
		b := make([]byte, f.tx.Geo.DirBlockSize)
		if _, err := f.tx.View().ReadAt(b, f.place(off)); err != nil {
			t.Fatal(err)
		}
		kind := format.Detect(f.tx.Geo, b)
		if kind == format.TypeAttrNode {
			kind = format.TypeDirNode
		}
		kind.SetChecksum(b)
		if err := format.Verify(f.tx.Geo, kind, b, format.NullPlace); err != nil {
			t.Errorf("%v form, block %d: %v", form, off, err)
		}
	}
	return form
}
