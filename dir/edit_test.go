package dir_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/forktest"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
)

// fakeFork is a directory's fork without an inode.
type fakeFork struct {
	*forktest.Blocks
	local []byte
	size  uint64
}

func (f *fakeFork) Local() []byte           { return f.local }
func (f *fakeFork) SetLocal(b []byte) error { f.local = bytes.Clone(b); return nil }
func (f *fakeFork) SetBlocks()              { f.local = nil }
func (f *fakeFork) Room() int               { return 200 }
func (f *fakeFork) SetSize(n uint64)        { f.size = n }
func (f *fakeFork) Size() uint64            { return f.size }

// Random names come and go; a directory must always hold what a map does, grow through all
// forms and shrink back.
func TestEditor(t *testing.T) {
	for _, c := range []struct{ blockSize, most int }{{1024, 1200}, {4096, 2500}, {65536, 4000}} {
		t.Run(fmt.Sprint(c.blockSize), func(t *testing.T) {
			g, err := (&mkfs.Config{Size: 2 << 30, BlockSize: c.blockSize}).Geometry()
			if err != nil {
				t.Fatal(err)
			}
			s := spacetest.New(t, g).Store
			f := &fakeFork{Blocks: forktest.NewBlocks(t, g.DirBlocks())}
			e := &dir.Editor{Geo: g, Ino: 200, Fork: f}
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
			if f.local == nil || len(f.Places) != 0 {
				t.Errorf("the empty directory has %d blocks", len(f.Places))
			}
		})
	}
}

func begin(t *testing.T, s *txn.Store, f *fakeFork) {
	tx, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	f.Tx = tx
}

func commit(t *testing.T, f *fakeFork) {
	if err := f.Tx.Commit(); err != nil {
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
	f.Verify(format.TypeDirNode, nil)
	return form
}
