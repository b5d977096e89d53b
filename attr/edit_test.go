package attr_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/txn"
)

// fakeFork is a fork with a map for an allocator.
type fakeFork struct {
	t      *testing.T
	tx     *txn.Tx
	blocks map[format.FileOff]format.AGBlock
	next   format.AGBlock
	local  []byte
	room   int
	remote map[format.FileOff]bool
}

func (f *fakeFork) place(off format.FileOff) int64 { return f.tx.Geo.AGOffset(1, f.blocks[off]) }

func (f *fakeFork) Read(off format.FileOff, types ...*format.BlockType) (*txn.Buf, error) {
	if _, ok := f.blocks[off]; !ok || f.remote[off] {
		f.t.Fatalf("read of block %d, which is not there", off)
	}
	return f.tx.ReadOneOf(f.place(off), format.NullPlace, types...)
}

func (f *fakeFork) Change(b *txn.Buf, off, n int) []byte { return f.tx.Change(b, off, n) }

func (f *fakeFork) take(off format.FileOff) {
	if _, ok := f.blocks[off]; ok {
		f.t.Fatalf("new block %d, which is there", off)
	}
	f.blocks[off] = f.next
	f.next++
}

func (f *fakeFork) New(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	f.take(off)
	return f.tx.New(f.place(off), f.tx.Geo.BlockSize, t), nil
}

func (f *fakeFork) Replace(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	return f.tx.New(f.place(off), f.tx.Geo.BlockSize, t), nil
}

func (f *fakeFork) Free(off format.FileOff) error {
	if _, ok := f.blocks[off]; !ok || f.remote[off] {
		f.t.Fatalf("free of block %d, which is not there", off)
	}
	f.tx.Free(f.place(off), int64(f.tx.Geo.BlockSize), false)
	delete(f.blocks, off)
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

func (f *fakeFork) Unmapped(off format.FileOff, n int) (format.FileOff, error) {
	for run := 0; ; off++ {
		if _, ok := f.blocks[off]; ok {
			run = 0
		} else if run++; run == n {
			return off - format.FileOff(n) + 1, nil
		}
	}
}

func (f *fakeFork) WriteRemote(off format.FileOff, n int, fill func(i int, bno format.Daddr, b []byte)) error {
	for i := range n {
		at := off + format.FileOff(i)
		f.take(at)
		f.remote[at] = true
		b := make([]byte, f.tx.Geo.BlockSize)
		fill(i, format.Daddr(f.place(at)>>format.BasicBlockLog), b)
		if err := f.tx.WriteData(b, f.place(at)); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeFork) ReadRemote(off format.FileOff, n int) ([]byte, error) {
	var out []byte
	for i := range format.RemoteBlocks(f.tx.Geo.BlockSize, n) {
		b := make([]byte, f.tx.Geo.BlockSize)
		if _, err := f.tx.View().ReadAt(b, f.place(off+format.FileOff(i))); err != nil {
			return nil, err
		}
		if err := format.Verify(f.tx.Geo, format.TypeAttrRmt, b, format.NullPlace); err != nil {
			return nil, err
		}
		out = append(out, b[format.AttrRmt.Size:]...)
	}
	return out[:n], nil
}

func (f *fakeFork) FreeRemote(off format.FileOff, n int) error {
	for i := range n {
		at := off + format.FileOff(i)
		if !f.remote[at] {
			f.t.Fatalf("free of remote block %d, which is not there", at)
		}
		delete(f.remote, at)
		delete(f.blocks, at)
	}
	return nil
}

func (f *fakeFork) Local() []byte { return f.local }

func (f *fakeFork) SetLocal(b []byte) (bool, error) {
	if len(b) > f.room {
		return false, nil
	}
	f.local = bytes.Clone(b)
	return true, nil
}

func (f *fakeFork) SetBlocks() error { f.local = nil; return nil }
func (f *fakeFork) SetNone() error   { f.local = []byte{}; return nil }

type nullLog struct{}

func (nullLog) Size() int                               { return 1 << 30 }
func (nullLog) Room() int                               { return 1 << 30 }
func (nullLog) Append(i []txn.Item) (format.LSN, error) { return 1 << 32, nil }
func (nullLog) Sync() error                             { return nil }
func (nullLog) Release() error                          { return nil }
func (nullLog) Unmount() error                          { return nil }

func newStore(t *testing.T, blockSize int) *txn.Store {
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
	return txn.NewStore(dev, g, nullLog{})
}

// Random attributes come, change and go, parent pointers of equal names among them.
func TestEditor(t *testing.T) {
	for _, c := range []struct{ blockSize, most int }{{1024, 300}, {4096, 600}, {65536, 800}} {
		t.Run(fmt.Sprint(c.blockSize), func(t *testing.T) {
			s := newStore(t, c.blockSize)
			tx, err := s.Begin()
			if err != nil {
				t.Fatal(err)
			}
			f := &fakeFork{t: t, tx: tx, blocks: map[format.FileOff]format.AGBlock{}, next: 1000, local: []byte{}, room: 200, remote: map[format.FileOff]bool{}}
			e := &attr.Editor{Geo: s.Geo, Ino: 200, Fork: f}
			rng := rand.New(rand.NewPCG(7, uint64(c.blockSize)))
			model := map[string]attr.Attr{}
			key := func(a attr.Attr) string {
				if a.Flags == format.AttrParent {
					return fmt.Sprint(a.Flags, a.Name, a.Value)
				}
				return fmt.Sprint(a.Flags, a.Name)
			}
			for _, target := range []int{2, 20, c.most, 50, 3, 0} {
				for len(model) != target {
					if len(model) < target {
						a := randomAttr(rng)
						_, there := model[key(a)]
						if err := e.Set(a, true, false); there != errors.Is(err, attr.ErrExist) || err != nil && !there {
							t.Fatalf("create %q, there %v: %v", a.Name, there, err)
						}
						if err := e.Set(a, false, true); err != nil {
							t.Fatalf("replace %q: %v", a.Name, err)
						}
						model[key(a)] = a
						continue
					}
					for k, a := range model {
						if err := e.Remove(a); err != nil {
							t.Fatalf("remove %q: %v", a.Name, err)
						}
						if err := e.Remove(a); !errors.Is(err, attr.ErrNotFound) {
							t.Fatalf("remove %q twice: %v", a.Name, err)
						}
						delete(model, k)
						break
					}
				}
				check(t, e, f, model, key)
			}
			if len(f.blocks) != 0 || f.local == nil || len(f.local) != 0 {
				t.Errorf("without attributes %d blocks are left, %d bytes", len(f.blocks), len(f.local))
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func randomAttr(rng *rand.Rand) attr.Attr {
	if rng.IntN(3) == 0 {
		return attr.Parent(fmt.Sprint("name", rng.IntN(20)), format.Ino(128+rng.IntN(50)), 7)
	}
	a := attr.Attr{Name: fmt.Sprint("attr", rng.IntN(2000)), Flags: []format.AttrFlag{0, format.AttrRoot, format.AttrSecure}[rng.IntN(3)]}
	size := rng.IntN(60)
	switch rng.IntN(10) {
	case 0:
		size = rng.IntN(5000)
	case 1:
		size = rng.IntN(700)
	}
	a.Value = make([]byte, size)
	for i := range a.Value {
		a.Value[i] = byte(rng.Uint32())
	}
	return a
}

func check(t *testing.T, e *attr.Editor, f *fakeFork, model map[string]attr.Attr, key func(attr.Attr) string) {
	t.Helper()
	list, err := e.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(model) {
		t.Fatalf("%d attributes, want %d", len(list), len(model))
	}
	for _, a := range list {
		if want := model[key(a)]; !slices.Equal(want.Value, a.Value) {
			t.Fatalf("%q: value of %d bytes, want %d", a.Name, len(a.Value), len(want.Value))
		}
	}
	for off := range f.blocks {
		if f.remote[off] {
			continue
		}
		b := make([]byte, f.tx.Geo.BlockSize)
		if _, err := f.tx.View().ReadAt(b, f.place(off)); err != nil {
			t.Fatal(err)
		}
		kind := format.Detect(f.tx.Geo, b)
		if kind == format.TypeDirNode {
			kind = format.TypeAttrNode
		}
		kind.SetChecksum(b)
		if err := format.Verify(f.tx.Geo, kind, b, format.NullPlace); err != nil {
			t.Errorf("block %d: %v", off, err)
		}
	}
}
