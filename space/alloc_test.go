package space_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
)

// holes makes free space of exactly these runs in every group: everything else is taken.
func holes(t *testing.T, m *model, runs ...spacetest.Run) {
	t.Helper()
	m.fillUp()
	keep := func(b format.FSBlock) bool {
		at := m.v.Geo.AGB(b)
		return slices.ContainsFunc(runs, func(r spacetest.Run) bool { return r.Start <= at && at < r.End() })
	}
	m.free(keep)
	if err := m.v.Store.Sync(); err != nil { // what was freed is not busy
		t.Fatal(err)
	}
	m.check()
}

var twoGroups = mkfs.Config{Size: 64 << 20, AGCount: 2}

func TestAllocPlaces(t *testing.T) {
	m := newModel(t, twoGroups, 1)
	g := m.v.Geo
	// In group 1 the log takes the lower part.
	holes(t, m, spacetest.Run{Start: 5000, Count: 40}, spacetest.Run{Start: 5101, Count: 100}, spacetest.Run{Start: 6000, Count: 10}, spacetest.Run{Start: 7000, Count: 2000})
	at := func(ag format.AGNumber, b format.AGBlock) format.FSBlock { return g.FSB(ag, b) }
	for _, tt := range []struct {
		name string
		r    space.Request
		want space.Extent // empty: no space
	}{
		{"smallest that will do", space.Request{Min: 10}, space.Extent{Start: at(0, 6000), Count: 10}},
		{"of the next size", space.Request{Min: 11}, space.Extent{Start: at(0, 5000), Count: 11}},
		{"in another group", space.Request{Min: 10, Near: at(1, 0)}, space.Extent{Start: at(1, 6000), Count: 10}},
		{"close by on the right", space.Request{Min: 10, Near: at(0, 5095)}, space.Extent{Start: at(0, 5101), Count: 10}},
		{"close by on the left", space.Request{Min: 10, Near: at(0, 5045)}, space.Extent{Start: at(0, 5030), Count: 10}},
		{"around", space.Request{Min: 10, Near: at(0, 5120)}, space.Extent{Start: at(0, 5120), Count: 10}},
		{"too long for what is close", space.Request{Min: 50, Near: at(0, 5020)}, space.Extent{Start: at(0, 5101), Count: 50}},
		{"exact", space.Request{Min: 5, Near: at(0, 5150), Exact: true}, space.Extent{Start: at(0, 5150), Count: 5}},
		{"exact, cut short", space.Request{Min: 5, Max: 100, Near: at(0, 5150), Exact: true}, space.Extent{Start: at(0, 5150), Count: 51}},
		{"exact, not free", space.Request{Min: 1, Near: at(0, 5100), Exact: true}, space.Extent{}},
		{"exact, too short", space.Request{Min: 60, Near: at(0, 5150), Exact: true}, space.Extent{}},
		{"as much as possible", space.Request{Min: 1, Max: 1 << 20}, space.Extent{Start: at(0, 7000)}},
		{"aligned", space.Request{Min: 8, Align: 64}, space.Extent{Start: at(0, 5120), Count: 8}},
		{"aligned and close", space.Request{Min: 8, Align: 16, Near: at(0, 5001)}, space.Extent{Start: at(0, 5008), Count: 8}},
		{"alignment wished", space.Request{Min: 8, Wish: 64}, space.Extent{Start: at(0, 5120), Count: 8}},
		{"alignment wished in vain", space.Request{Min: 8, Wish: 1 << 14}, space.Extent{Start: at(0, 6000), Count: 8}},
		{"alignment in vain", space.Request{Min: 8, Align: 1 << 14}, space.Extent{}},
		{"within limits", space.Request{Min: 8, Lo: 5110, Hi: 5900}, space.Extent{Start: at(0, 5110), Count: 8}},
		{"limits in vain", space.Request{Min: 8, Lo: 5200, Hi: 5900}, space.Extent{}},
		{"only here, in vain", space.Request{Min: 2001, Near: at(0, 7100), Only: true}, space.Extent{}},
		{"leave enough for others", space.Request{Min: 1, Left: 1 << 20}, space.Extent{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.t = t
			tt.r.Owner = space.ForkOwner(firstIno+1, false, 1<<40, false)
			m.transaction(func() bool {
				e, err := m.v.Groups.Alloc(m.tx, tt.r)
				switch {
				case tt.want == (space.Extent{}):
					if !errors.Is(err, space.ErrNoSpace) {
						t.Errorf("got %v, %v, want no space", e, err)
					}
				case err != nil:
					t.Error(err)
				case e.Start != tt.want.Start || tt.want.Count != 0 && e.Count != tt.want.Count:
					t.Errorf("got %v, want %v", e, tt.want)
				}
				return false
			})
		})
	}
	m.t = t
	m.check()
}

// image is the beginning of each group as transactions have made it: all that an empty volume
// has of metadata.
func image(t *testing.T, v *spacetest.Volume) (all []byte) {
	t.Helper()
	for no := range format.AGNumber(v.Geo.AGCount) {
		b := make([]byte, 1<<20)
		if _, err := v.Store.View().ReadAt(b, v.Geo.AGOffset(no, 0)); err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// What must not be done gives an error, and cancelling the transaction leaves no trace.
func TestMisuse(t *testing.T) {
	for name, c := range map[string]mkfs.Config{"all": twoGroups, "no rmapbt": {Size: 64 << 20, AGCount: 2, Rmapbt: mkfs.Off}} {
		t.Run(name, func(t *testing.T) { testMisuse(t, c) })
	}
}

func testMisuse(t *testing.T, c mkfs.Config) {
	m := newModel(t, c, 1)
	g, groups := m.v.Geo, m.v.Groups
	owner := space.ForkOwner(firstIno, false, 0, false)
	other := space.ForkOwner(firstIno+1, false, 0, false)
	var e space.Extent
	m.transaction(func() bool {
		var err error
		if e, err = groups.Alloc(m.tx, space.Request{Min: 10, Owner: owner}); err != nil {
			t.Fatal(err)
		}
		return true
	})
	before := image(t, m.v)
	part := func(from, n uint32) space.Extent {
		return space.Extent{Start: e.Start + format.FSBlock(from), Count: n}
	}
	for _, tt := range []struct {
		name string
		rmap bool // an error only with rmapbt
		do   func(tx *txn.Tx) error
	}{
		{"free too much", false, func(tx *txn.Tx) error { return groups.Free(tx, part(0, 11), space.Owner{}, true) }},
		{"free twice", false, func(tx *txn.Tx) error {
			if err := groups.Free(tx, part(3, 4), owner.At(3), true); err != nil {
				t.Fatal(err)
			}
			return groups.Free(tx, part(5, 1), owner.At(5), true)
		}},
		{"free around what is free", false, func(tx *txn.Tx) error {
			if err := groups.Free(tx, part(3, 4), owner.At(3), true); err != nil {
				t.Fatal(err)
			}
			return groups.Free(tx, e, space.Owner{}, true)
		}},
		{"free free space", false, func(tx *txn.Tx) error { return groups.Free(tx, part(20, 5), space.Owner{}, true) }},
		{"free nothing", false, func(tx *txn.Tx) error { return groups.Free(tx, part(0, 0), owner, true) }},
		{"free the header", false, func(tx *txn.Tx) error { return groups.Free(tx, space.Extent{Count: 1}, space.Owner{}, true) }},
		{"free beyond the group", false, func(tx *txn.Tx) error {
			return groups.Free(tx, space.Extent{Start: g.FSB(0, format.AGBlock(g.AGLen(0)-1)), Count: 2}, space.Owner{}, true)
		}},
		{"free beyond the volume", false, func(tx *txn.Tx) error {
			return groups.Free(tx, space.Extent{Start: g.FSB(2, 100), Count: 1}, space.Owner{}, true)
		}},
		{"free the log", false, func(tx *txn.Tx) error {
			return groups.Free(tx, space.Extent{Start: g.LogStart + 1, Count: 1}, space.Owner{ID: format.OwnLog}, true)
		}},
		{"free for another", true, func(tx *txn.Tx) error { return groups.Free(tx, e, other, true) }},
		{"free at another offset", true, func(tx *txn.Tx) error { return groups.Free(tx, part(1, 1), owner, true) }},
		{"free a root", true, func(tx *txn.Tx) error {
			return groups.Free(tx, space.Extent{Start: g.FSB(0, g.HeaderBlocks()), Count: 1}, owner, false)
		}},
		{"free what others have", true, func(tx *txn.Tx) error {
			if err := groups.Map(tx, part(2, 1), other); err != nil {
				t.Fatal(err)
			}
			return groups.Free(tx, e, owner, true)
		}},
		{"unmap what another has", true, func(tx *txn.Tx) error { return groups.Unmap(tx, e, other) }},
		{"map twice", true, func(tx *txn.Tx) error { return groups.Map(tx, e, owner) }},
		{"map metadata over data", true, func(tx *txn.Tx) error { return groups.Map(tx, part(5, 1), space.BmbtOwner(firstIno, false)) }},
		{"convert what is so", true, func(tx *txn.Tx) error {
			return groups.Convert(tx, e, space.ForkOwner(firstIno, false, 0, true), true)
		}},
		{"map outside", false, func(tx *txn.Tx) error {
			return groups.Map(tx, space.Extent{Start: g.FSB(0, 1<<13), Count: 1 << 20}, other)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.transaction(func() bool {
				err := tt.do(m.tx)
				if tt.rmap && !g.HasRmapbt() {
					return false
				}
				if !errors.Is(err, format.ErrCorrupt) {
					t.Errorf("got %v", err)
				}
				return false
			})
			if !bytes.Equal(before, image(t, m.v)) {
				t.Error("the volume has changed")
			}
		})
	}
	m.transaction(func() bool {
		for _, r := range []space.Request{{}, {Min: 2, Max: 1}, {Min: 1, Near: g.FSB(7, 0)}} {
			if e, err := groups.Alloc(m.tx, r); err == nil || errors.Is(err, space.ErrNoSpace) {
				t.Errorf("%+v: got %v, %v", r, e, err)
			}
		}
		return false
	})
}

// A full volume keeps what is held back, and takes back what is freed.
func TestFull(t *testing.T) {
	for name, c := range map[string]mkfs.Config{
		"4k": twoGroups, "1k": {Size: 32 << 20, AGCount: 2, BlockSize: 1024, LogSize: 8 << 20}, "64k": {Size: 256 << 20, AGCount: 2, BlockSize: 65536},
		"old": {Size: 64 << 20, AGCount: 2, Rmapbt: mkfs.Off, Reflink: mkfs.Off, Finobt: mkfs.Off, InobtCount: mkfs.Off, Parent: mkfs.Off},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, c, 1)
			m.fillUp()
			for _, a := range m.check() {
				free := uint32(len(a.List))
				for _, r := range a.Free {
					free += r.Count
				}
				// Refcountbt and finobt have a root each, of what is held back.
				least, most := space.Reservation(m.v.Geo, a.No), space.Reservation(m.v.Geo, a.No)+8+uint32(len(a.List))
				if rmap := a.Blocks["rmapbt"]; least > rmap+2 {
					least -= rmap + 2
				} else {
					least = 0
				}
				if free < least || free > most {
					t.Errorf("AG %d: %d blocks are left, want %d to %d", a.No, free, least, most)
				}
			}
			before := image(t, m.v)
			m.transaction(func() bool {
				if m.alloc(space.Request{Min: 1, Owner: m.owner()}) {
					t.Error("a full volume has space")
				}
				return true
			})
			if !bytes.Equal(before, image(t, m.v)) {
				t.Error("the volume has changed")
			}
			if m.v.Geo.HasReflink() {
				m.transaction(func() bool {
					if !m.alloc(space.Request{Min: 1, Owner: space.Owner{ID: format.OwnInodes}, Reserved: true}) {
						t.Error("what is held back can't be had")
					}
					return false
				})
			}
			m.free(func(b format.FSBlock) bool { return b%3 == 0 })
			m.check()
			m.free(func(format.FSBlock) bool { return true })
			m.check()
		})
	}
}

// The free list is cut back when it is too long, and made longer when it is too short.
func TestFreelist(t *testing.T) {
	m := newModel(t, twoGroups, 1)
	list := func() int { return len(spacetest.Judge(t, m.v.Store.View(), m.v.Geo)[0].List) }
	want := int(space.MinFreelist(m.v.Geo))
	if got := list(); got != want {
		t.Fatalf("%d blocks at first", got)
	}
	for _, n := range []int{0, 1, want - 1, want + 1, 60} {
		m.transaction(func() bool { space.SetFreelist(t, m.v.Groups, m.tx, 0, n); return true })
		if got := list(); got != n {
			t.Fatalf("%d blocks are in the list, want %d", got, n)
		}
		m.transaction(func() bool {
			m.alloc(space.Request{Min: 1, Owner: m.owner()})
			return true
		})
		m.check()
		if got := list(); got != want {
			t.Errorf("from %d: %d blocks, want %d", n, got, want)
		}
	}
	// The ring goes round several times.
	for range 300 {
		m.transaction(func() bool { space.SetFreelist(t, m.v.Groups, m.tx, 0, want-2); return true })
		m.transaction(func() bool { return m.alloc(space.Request{Min: 1, Owner: m.owner()}) })
	}
	m.check()
}

// File data stays away from blocks that were freed since the last sync.
func TestBusy(t *testing.T) {
	m := newModel(t, twoGroups, 1)
	groups, start := m.v.Groups, m.v.Geo.FSB(0, 5000)
	owner := space.Owner{ID: format.OwnInodes}
	// What can be had is 40 blocks from 5000 on.
	alloc := func(min, max uint32, data bool) (e space.Extent, err error) {
		m.transaction(func() bool {
			e, err = groups.Alloc(m.tx, space.Request{Min: min, Max: max, Lo: 5000, Hi: 5040, Owner: owner, Only: true, Data: data})
			return err == nil
		})
		return e, err
	}
	free := func(from, n uint32) {
		t.Helper()
		m.transaction(func() bool {
			if err := groups.Free(m.tx, space.Extent{Start: start + format.FSBlock(from), Count: n}, owner, true); err != nil {
				t.Fatal(err)
			}
			return true
		})
	}
	sync := func() {
		t.Helper()
		if err := m.v.Store.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	all := space.Extent{Start: start, Count: 40}
	if e, err := alloc(40, 40, true); err != nil || e != all {
		t.Fatalf("nothing is busy: got %v, %v", e, err)
	}
	free(0, 40)
	if e, err := alloc(1, 40, true); !errors.Is(err, space.ErrBusy) {
		t.Errorf("all is busy: got %v, %v", e, err)
	}
	if e, err := alloc(41, 41, true); !errors.Is(err, space.ErrNoSpace) {
		t.Errorf("more than there is: got %v, %v", e, err)
	}
	if e, err := alloc(40, 40, false); err != nil || e != all {
		t.Errorf("metadata: got %v, %v", e, err)
	}
	free(0, 40)
	sync()
	if e, err := alloc(40, 40, true); err != nil || e != all {
		t.Errorf("after the sync: got %v, %v", e, err)
	}
	free(20, 20)
	sync()
	free(0, 20)
	if e, err := alloc(5, 20, true); err != nil || e != (space.Extent{Start: start + 20, Count: 20}) {
		t.Errorf("half of it is busy: got %v, %v", e, err)
	}
	if e, err := alloc(5, 20, true); !errors.Is(err, space.ErrBusy) {
		t.Errorf("the rest is busy: got %v, %v", e, err)
	}
}

func TestStripe(t *testing.T) {
	striped := geometry(t, mkfs.Config{Size: 512 << 20, StripeUnit: 64 << 10, StripeDisks: 4})
	for _, tt := range []struct {
		g            *format.Geometry
		blocks, want uint32
	}{{striped, 15, 0}, {striped, 16, 16}, {striped, 1000, 16}, {geometry(t, twoGroups), 1000, 0}} {
		if got := space.Stripe(tt.g, tt.blocks); got != tt.want {
			t.Errorf("%d blocks: got %d, want %d", tt.blocks, got, tt.want)
		}
	}
}
