package refcount_test

import (
	"errors"
	"math"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

var small = mkfs.Config{Size: 64 << 20, AGCount: 2}

// A call looks at a limited number of records, and says how far it came.
func TestSteps(t *testing.T) {
	m := newModel(t, small, 1)
	var e space.Extent
	m.transaction(func() bool {
		o := m.owner()
		var err error
		e, err = m.v.Groups.Alloc(m.tx, space.Request{Min: 1000, Owner: o})
		m.must(err)
		m.give(e, o)
		for i := uint32(0); i < e.Count; i += 2 {
			m.share(space.Extent{Start: e.Start + format.FSBlock(i), Count: 1})
		}
		return true
	})
	m.check()
	calls := 0
	m.transaction(func() bool {
		for rest := e; rest.Count > 0; calls++ {
			done, err := m.counts.Increase(m.tx, rest)
			m.must(err)
			if done == 0 || done > rest.Count || done > 150 {
				t.Fatalf("%d blocks of %v at once", done, rest)
			}
			rest = space.Extent{Start: rest.Start + format.FSBlock(done), Count: rest.Count - done}
		}
		return false
	})
	if calls < 5 {
		t.Errorf("%d calls for 500 records", calls)
	}
	m.check()
}

// At the highest number of owners there is no way back: nobody knows how many there were.
func TestSaturation(t *testing.T) {
	m := newModel(t, small, 1)
	m.transaction(func() bool {
		e, err := m.v.Groups.Alloc(m.tx, space.Request{Min: 10})
		m.must(err)
		agf, err := m.v.Groups.AGF(m.tx, m.v.Geo.AG(e.Start))
		m.must(err)
		tree := btree.Editor{
			Kind: btree.Refcountbt, Geo: m.v.Geo, AG: m.v.Geo.AG(e.Start), Root: uint64(format.AGFRefcntRoot.Get(agf.Data)), Levels: 1,
			Pages: m.v.Groups.Pages(m.tx, m.v.Geo.AG(e.Start), format.TypeRefcount, format.OwnRefc, true, nil),
		}
		rec := make([]byte, format.RefcountRec.Size)
		want := refcount.Record{Start: m.v.Geo.AGB(e.Start), Count: e.Count, Refs: math.MaxUint32 - 1}
		want.Put(rec, false)
		m.must(tree.Insert(rec))
		for i, refs := range []uint32{math.MaxUint32, math.MaxUint32, math.MaxUint32} {
			if i < 2 {
				_, err = m.counts.Increase(m.tx, e)
			} else {
				var gone []space.Extent
				if _, gone, err = m.counts.Decrease(m.tx, e); len(gone) > 0 {
					t.Errorf("%v are gone", gone)
				}
			}
			m.must(err)
			rec, err := tree.First()
			m.must(err)
			want.Refs = refs
			if got, _ := refcount.Unpack(rec); got != want {
				t.Errorf("got %v with %d owners, want %v with %d", got, got.Refs, want, want.Refs)
			}
		}
		return false
	})
}

func TestMisuse(t *testing.T) {
	m := newModel(t, small, 1)
	var e space.Extent
	m.transaction(func() bool {
		var err error
		e, err = m.counts.AllocStaging(m.tx, space.Request{Min: 10})
		m.must(err)
		m.give(e, space.Owner{ID: format.OwnCow})
		return true
	})
	longer := space.Extent{Start: e.Start, Count: 11}
	outside := space.Extent{Start: m.v.Geo.FSB(0, 1), Count: 1 << 30}
	for name, do := range map[string]func() error{
		"stage twice":              func() error { return m.counts.Stage(m.tx, e) },
		"stage around":             func() error { return m.counts.Stage(m.tx, longer) },
		"unstage too much":         func() error { return m.counts.Unstage(m.tx, longer) },
		"free staging too much":    func() error { return m.counts.FreeStaging(m.tx, longer, true) },
		"remove staging elsewhere": func() error { return m.counts.RemoveStaging(m.tx, space.Extent{Start: e.Start + 20, Count: 1}) },
		"increase outside":         func() error { _, err := m.counts.Increase(m.tx, outside); return err },
		"decrease outside":         func() error { _, _, err := m.counts.Decrease(m.tx, outside); return err },
		"increase nothing":         func() error { _, err := m.counts.Increase(m.tx, space.Extent{Start: e.Start}); return err },
		"find in the header":       func() error { _, err := m.counts.FindShared(m.tx, space.Extent{Count: 5}); return err },
	} {
		m.transaction(func() bool {
			if err := do(); !errors.Is(err, format.ErrCorrupt) {
				t.Errorf("%s: got %v", name, err)
			}
			return false
		})
	}
	m.check()
}

// Without reflink every block has one owner.
func TestNoReflink(t *testing.T) {
	m := newModel(t, mkfs.Config{Size: 64 << 20, AGCount: 2, Reflink: mkfs.Off}, 1)
	m.transaction(func() bool {
		e, err := m.v.Groups.Alloc(m.tx, space.Request{Min: 10})
		m.must(err)
		if _, err := m.counts.Increase(m.tx, e); !errors.Is(err, format.ErrUnsupported) {
			t.Errorf("increase: got %v", err)
		}
		if _, err := m.counts.AllocStaging(m.tx, space.Request{Min: 1}); !errors.Is(err, format.ErrUnsupported) {
			t.Errorf("staging: got %v", err)
		}
		if s, err := m.counts.FindShared(m.tx, e); err != nil || s.Count != 0 {
			t.Errorf("shared: got %v, %v", s, err)
		}
		if done, gone, err := m.counts.Decrease(m.tx, e); err != nil || done != 10 || len(gone) != 1 || gone[0] != e {
			t.Errorf("decrease: got %d, %v, %v", done, gone, err)
		}
		for range m.counts.Staged(m.tx, 0) {
			t.Error("something is staged")
		}
		return false
	})
}

// Staged gives what is staged, and DropStaging frees it.
func TestStaged(t *testing.T) {
	m := newModel(t, small, 1)
	var want []space.Extent
	for i := range 150 {
		m.transaction(func() bool {
			e, err := m.counts.AllocStaging(m.tx, space.Request{Min: 1 + uint32(i%3), Only: true})
			m.must(err)
			if i%2 == 0 { // so that the others don't touch
				m.must(m.counts.RemoveStaging(m.tx, e))
				return true
			}
			want = append(want, e)
			return true
		})
	}
	got := map[space.Extent]bool{}
	m.transaction(func() bool {
		for e, err := range m.counts.Staged(m.tx, 0) {
			m.must(err)
			got[e] = true
		}
		return false
	})
	for _, e := range want {
		if !got[e] {
			t.Errorf("%v is not said to be staged", e)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d extents are staged, want %d", len(got), len(want))
	}
	calls := 0
	for more := true; more; calls++ {
		m.transaction(func() bool {
			var err error
			more, err = m.counts.DropStaging(m.tx, 0)
			m.must(err)
			return true
		})
	}
	if calls < 2 {
		t.Errorf("all in %d transaction", calls)
	}
	m.transaction(func() bool {
		for e := range m.counts.Staged(m.tx, 0) {
			t.Errorf("%v is staged still", e)
		}
		return false
	})
}

// On a volume where nothing is left for users, sharing still works: its tree has blocks held
// back.
func TestShareWhenFull(t *testing.T) {
	m := newModel(t, mkfs.Config{Size: 48 << 20, BlockSize: 1024, AGCount: 2}, 3)
	m.shareEveryOther()
	for full := false; !full; {
		m.transaction(func() bool { full = !m.alloc(1000); return true })
	}
	m.transaction(func() bool {
		if m.alloc(1) {
			t.Error("there is space")
		}
		return false
	})
	groups := m.check()
	if n := groups[0].Blocks["refcountbt"]; n < 100 {
		t.Errorf("the tree has %d blocks", n)
	}
}
