package refcount_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
)

// model is the owners of all blocks that the test has, block by block.
type model struct {
	t      *testing.T
	rng    *rand.Rand
	v      *spacetest.Volume
	counts *refcount.Counts
	tx     *txn.Tx
	owners map[format.FSBlock][]space.Owner // staged blocks have format.OwnCow
	undo   []func()
	off    format.FileOff // where the next extent goes in its file
}

const inode = 5000

func newModel(t *testing.T, c mkfs.Config, seed uint64) *model {
	t.Helper()
	t.Logf("seed %d", seed)
	g, err := c.Geometry()
	if err != nil {
		t.Fatal(err)
	}
	v := spacetest.New(t, g)
	return &model{t: t, rng: rand.New(rand.NewPCG(seed, seed)), v: v, counts: refcount.New(v.Geo, v.Groups), owners: map[format.FSBlock][]space.Owner{}}
}

func (m *model) transaction(run func() (commit bool)) {
	m.t.Helper()
	m.tx, m.undo = m.v.Begin(m.t), nil
	if run() {
		spacetest.Commit(m.t, m.tx)
		return
	}
	m.tx.Cancel()
	for _, u := range slices.Backward(m.undo) {
		u()
	}
}

func (m *model) set(b format.FSBlock, owners []space.Owner) {
	was, had := m.owners[b]
	m.undo = append(m.undo, func() {
		if had {
			m.owners[b] = was
		} else {
			delete(m.owners, b)
		}
	})
	if len(owners) == 0 {
		delete(m.owners, b)
	} else {
		m.owners[b] = owners
	}
}

func (m *model) give(e space.Extent, o space.Owner) {
	for i := range e.Count {
		b := e.Start + format.FSBlock(i)
		m.set(b, append(slices.Clone(m.owners[b]), o.At(i)))
	}
}

func (m *model) take(e space.Extent, o space.Owner) {
	for i := range e.Count {
		b := e.Start + format.FSBlock(i)
		m.set(b, slices.DeleteFunc(slices.Clone(m.owners[b]), func(p space.Owner) bool { return p == o.At(i) }))
	}
}

func (m *model) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// check holds the volume against the model.
func (m *model) check() []*spacetest.Group {
	m.t.Helper()
	groups := spacetest.Judge(m.t, m.v.Store.View(), m.v.Geo)
	if m.v.Geo.HasRmapbt() {
		spacetest.JudgeSharing(m.t, groups)
	}
	for _, a := range groups {
		shared, staged := map[format.AGBlock]uint32{}, map[format.AGBlock]bool{}
		for _, r := range a.Shared {
			for b := r.Start; b < r.End(); b++ {
				shared[b] = r.Refs
			}
		}
		for _, r := range a.Staged {
			for b := r.Start; b < r.End(); b++ {
				staged[b] = true
			}
		}
		for b := range format.AGBlock(a.Len) {
			owners := m.owners[m.v.Geo.FSB(a.No, b)]
			cow := len(owners) == 1 && owners[0] == space.Owner{ID: format.OwnCow}
			refs := uint32(len(owners))
			if refs < 2 {
				refs = 0
			}
			if shared[b] != refs || staged[b] != cow {
				m.t.Fatalf("AG %d: block %d has %d owners, staged %v, want %x", a.No, b, shared[b], staged[b], owners)
			}
		}
	}
	return groups
}

// pick returns an extent of an owner's, up to so many blocks.
func (m *model) pick(most uint32) (e space.Extent, o space.Owner, ok bool) {
	if len(m.owners) == 0 {
		return e, o, false
	}
	g := m.v.Geo
	for range 100 {
		no := format.AGNumber(m.rng.Uint32N(g.AGCount))
		b := g.FSB(no, format.AGBlock(m.rng.Uint32N(g.AGLen(no))))
		owners := m.owners[b]
		if len(owners) == 0 {
			continue
		}
		o = owners[m.rng.IntN(len(owners))]
		n := uint32(0)
		for n < most && g.ValidFSB(b, uint64(n)+1) && slices.Contains(m.owners[b+format.FSBlock(n)], o.At(n)) {
			n++
		}
		return space.Extent{Start: b, Count: 1 + m.rng.Uint32N(n)}, o, true
	}
	return e, o, false
}

func (m *model) owner() space.Owner {
	m.off += 1 << 12
	return space.ForkOwner(format.Ino(inode+m.rng.IntN(6)), false, m.off, false)
}

// alloc gives a file a new extent.
func (m *model) alloc(most uint32) bool {
	m.t.Helper()
	o := m.owner()
	near := m.v.Geo.FSB(format.AGNumber(m.rng.Uint32N(m.v.Geo.AGCount)), 0)
	e, err := m.v.Groups.Alloc(m.tx, space.Request{Min: 1, Max: most, Near: near, Owner: o})
	if errors.Is(err, space.ErrNoSpace) {
		return false
	}
	m.must(err)
	m.give(e, o)
	return true
}

// share gives another file a part of an extent.
func (m *model) share(e space.Extent) {
	m.t.Helper()
	for o := m.owner(); e.Count > 0; {
		done, err := m.counts.Increase(m.tx, e)
		m.must(err)
		part := space.Extent{Start: e.Start, Count: done}
		m.must(m.v.Groups.Map(m.tx, part, o))
		m.give(part, o)
		e, o = space.Extent{Start: e.Start + format.FSBlock(done), Count: e.Count - done}, o.At(done)
	}
}

// drop takes an extent from one of its owners.
func (m *model) drop(e space.Extent, o space.Owner) {
	m.t.Helper()
	for e.Count > 0 {
		done, gone, err := m.counts.Decrease(m.tx, e)
		m.must(err)
		part := space.Extent{Start: e.Start, Count: done}
		m.must(m.v.Groups.Unmap(m.tx, part, o))
		m.take(part, o)
		for _, g := range gone {
			for i := range g.Count {
				if left := m.owners[g.Start+format.FSBlock(i)]; len(left) > 0 {
					m.t.Fatalf("%v is gone, but block %d has owners %x", g, i, left)
				}
			}
			m.must(m.v.Groups.Free(m.tx, g, space.Owner{}, true))
		}
		e, o = space.Extent{Start: e.Start + format.FSBlock(done), Count: e.Count - done}, o.At(done)
	}
}

// findShared compares with the model.
func (m *model) findShared(e space.Extent) {
	m.t.Helper()
	got, err := m.counts.FindShared(m.tx, e)
	m.must(err)
	want := space.Extent{}
	for b := e.Start; b < e.End(); b++ {
		if len(m.owners[b]) > 1 {
			if want.Count == 0 {
				want.Start = b
			}
			want.Count++
		} else if want.Count > 0 {
			break
		}
	}
	if got != want {
		m.t.Fatalf("shared in %v: got %v, want %v", e, got, want)
	}
}

// stage allocates staged blocks.
func (m *model) stage() {
	m.t.Helper()
	near := m.v.Geo.FSB(format.AGNumber(m.rng.Uint32N(m.v.Geo.AGCount)), 0)
	e, err := m.counts.AllocStaging(m.tx, space.Request{Min: 1, Max: 1 + m.rng.Uint32N(20), Near: near})
	if errors.Is(err, space.ErrNoSpace) {
		return
	}
	m.must(err)
	m.give(e, space.Owner{ID: format.OwnCow})
}

// unstage ends that blocks are staged: they are freed or go to a file.
func (m *model) unstage(e space.Extent) {
	m.t.Helper()
	cow := space.Owner{ID: format.OwnCow}
	m.take(e, cow)
	if m.rng.IntN(2) == 0 {
		m.must(m.counts.FreeStaging(m.tx, e, true))
		return
	}
	o := m.owner()
	m.must(m.counts.RemoveStaging(m.tx, e))
	m.must(m.v.Groups.Map(m.tx, e, o))
	m.give(e, o)
}

func (m *model) step() {
	m.t.Helper()
	n := m.rng.IntN(10)
	switch {
	case n < 2:
		m.alloc(1 + m.rng.Uint32N(100))
		return
	case n < 3:
		m.stage()
		return
	}
	e, o, ok := m.pick(100)
	staged := o == space.Owner{ID: format.OwnCow}
	switch {
	case !ok:
	case staged:
		if n < 6 {
			m.unstage(e)
		}
	case n < 6:
		m.share(e)
	case n < 9:
		m.drop(e, o)
	default:
		m.findShared(e)
	}
}

func (m *model) steps(transactions int) {
	m.t.Helper()
	for i := range transactions {
		m.transaction(func() bool {
			for range 1 + m.rng.IntN(8) {
				m.step()
			}
			return m.rng.IntN(4) > 0
		})
		if i%40 == 0 {
			m.check()
			m.must(m.v.Store.Sync())
		}
	}
	m.check()
}

// dropAll ends with nothing in use. Staged blocks are freed as a mount does it.
func (m *model) dropAll() {
	m.t.Helper()
	var blocks []format.FSBlock
	for b := range m.owners {
		blocks = append(blocks, b)
	}
	slices.Sort(blocks)
	m.rng.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	for part := range slices.Chunk(blocks, 30) {
		m.transaction(func() bool {
			for _, b := range part {
				for _, o := range slices.Clone(m.owners[b]) {
					if o.ID != format.OwnCow {
						m.drop(space.Extent{Start: b, Count: 1}, o)
					}
				}
			}
			return true
		})
	}
	for no := range format.AGNumber(m.v.Geo.AGCount) {
		for more := true; more; {
			m.transaction(func() bool {
				var err error
				more, err = m.counts.DropStaging(m.tx, no)
				m.must(err)
				return true
			})
		}
	}
	clear(m.owners)
}

// TestModel runs random operations, makes the trees high with every other block shared, and
// takes it all back.
func TestModel(t *testing.T) {
	for name, c := range map[string]mkfs.Config{
		"1k":        {Size: 48 << 20, BlockSize: 1024, AGCount: 2},
		"4k":        {Size: 48 << 20, AGCount: 2},
		"no rmapbt": {Size: 48 << 20, BlockSize: 1024, AGCount: 2, Rmapbt: mkfs.Off},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t, c, 2)
			m.steps(400)
			m.shareEveryOther()
			groups := m.check()
			if n := groups[0].Levels["refcountbt"]; c.BlockSize == 1024 && n < 3 {
				t.Errorf("the tree has %d levels", n)
			}
			m.steps(200)
			m.dropAll()
			for _, a := range m.check() {
				if n := a.Levels["refcountbt"]; n != 1 {
					t.Errorf("AG %d: the empty tree has %d levels", a.No, n)
				}
			}
			m.v.Close(t)
			image := m.v.Save(t)
			oracle.RepairClean(t, oracle.Gen7, image)
			oracle.KernelWrites(t, oracle.Gen7, image, 2)
		})
	}
}

// shareEveryOther fills group 0, and shares every other block of it.
func (m *model) shareEveryOther() {
	m.t.Helper()
	for full := false; !full; {
		m.transaction(func() bool {
			o := m.owner()
			e, err := m.v.Groups.Alloc(m.tx, space.Request{Min: 1, Max: 4000, Only: true, Owner: o})
			if full = errors.Is(err, space.ErrNoSpace); full {
				return true
			}
			m.must(err)
			m.give(e, o)
			return true
		})
	}
	var blocks []format.FSBlock
	for b := range m.owners {
		if b%2 == 0 && m.v.Geo.AG(b) == 0 && len(m.owners[b]) == 1 && m.owners[b][0].ID != format.OwnCow {
			blocks = append(blocks, b)
		}
	}
	slices.Sort(blocks)
	for part := range slices.Chunk(blocks, 30) {
		m.transaction(func() bool {
			for _, b := range part {
				m.share(space.Extent{Start: b, Count: 1})
			}
			return true
		})
	}
}
