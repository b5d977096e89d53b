package attr_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/forktest"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
)

// fakeFork is an attribute fork without an inode.
type fakeFork struct {
	*forktest.Blocks
	local  []byte
	room   int
	remote map[format.FileOff]bool
}

// Read is for blocks of the tree only.
func (f *fakeFork) Read(off format.FileOff, types ...*format.BlockType) (*txn.Buf, error) {
	if f.remote[off] {
		f.T.Fatalf("read of block %d, which has a value", off)
	}
	return f.Blocks.Read(off, types...)
}

// Free is for blocks of the tree only.
func (f *fakeFork) Free(off format.FileOff) error {
	if f.remote[off] {
		f.T.Fatalf("free of block %d, which has a value", off)
	}
	return f.Blocks.Free(off)
}

func (f *fakeFork) WriteRemote(off format.FileOff, n int, fill func(i int, bno format.Daddr, b []byte)) error {
	for i := range n {
		at := off + format.FileOff(i)
		f.Take(at)
		f.remote[at] = true
		b := make([]byte, f.Tx.Geo.BlockSize)
		fill(i, format.Daddr(f.Place(at)>>format.BasicBlockLog), b)
		if err := f.Tx.WriteData(b, f.Place(at)); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeFork) ReadRemote(off format.FileOff, n int) ([]byte, error) {
	var out []byte
	for i := range format.RemoteBlocks(f.Tx.Geo.BlockSize, n) {
		b := make([]byte, f.Tx.Geo.BlockSize)
		if _, err := f.Tx.View().ReadAt(b, f.Place(off+format.FileOff(i))); err != nil {
			return nil, err
		}
		if err := format.Verify(f.Tx.Geo, format.TypeAttrRmt, b, format.NullPlace); err != nil {
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
			f.T.Fatalf("free of remote block %d, which is not there", at)
		}
		delete(f.remote, at)
		f.Drop(at)
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

// Random attributes come, change and go, parent pointers of equal names among them.
func TestEditor(t *testing.T) {
	for _, c := range []struct{ blockSize, most int }{{1024, 300}, {4096, 600}, {65536, 800}} {
		t.Run(fmt.Sprint(c.blockSize), func(t *testing.T) {
			g, err := (&mkfs.Config{Size: 2 << 30, BlockSize: c.blockSize}).Geometry()
			if err != nil {
				t.Fatal(err)
			}
			tx, err := spacetest.New(t, g).Store.Begin()
			if err != nil {
				t.Fatal(err)
			}
			f := &fakeFork{Blocks: forktest.NewBlocks(t, 1), local: []byte{}, room: 200, remote: map[format.FileOff]bool{}}
			f.Tx = tx
			e := &attr.Editor{Geo: g, Ino: 200, Fork: f}
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
			if len(f.Places) != 0 || f.local == nil || len(f.local) != 0 {
				t.Errorf("without attributes %d blocks are left, %d bytes", len(f.Places), len(f.local))
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
	f.Verify(format.TypeAttrNode, func(off format.FileOff) bool { return f.remote[off] })
}
