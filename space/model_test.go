package space_test

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
)

// model is who has which block of a volume, block by block.
type model struct {
	t      *testing.T
	rng    *rand.Rand
	v      *spacetest.Volume
	tx     *txn.Tx
	owners [][][]space.Owner // by group and block; of blocks that live in space's own structures nil
	undo   []func()
	next   uint64 // file offset for the next extent
}

// firstIno is the first of the inode numbers that the test uses as owners.
const (
	firstIno = 5000
	numInos  = 8
)

func geometry(t testing.TB, c mkfs.Config) *format.Geometry {
	t.Helper()
	g, err := c.Geometry()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newModel(t *testing.T, c mkfs.Config, seed uint64) *model {
	t.Helper()
	t.Logf("seed %d", seed)
	m := &model{t: t, rng: rand.New(rand.NewPCG(seed, seed)), v: spacetest.New(t, geometry(t, c)), next: 1 << 20}
	for _, a := range spacetest.Judge(t, m.v.Store.View(), m.v.Geo) {
		owners := make([][]space.Owner, a.Len)
		used := m.inUse(a)
		for b, u := range used {
			if u && !m.v.Geo.HasRmapbt() {
				owners[b] = []space.Owner{{ID: format.OwnUnknown}}
			}
		}
		for b, list := range expand(a) {
			if used[b] && len(list) > 0 {
				owners[b] = list
			}
		}
		m.owners = append(m.owners, owners)
	}
	return m
}

// inUse tells the blocks of a group that are neither free nor in structures of space's.
func (m *model) inUse(a *spacetest.Group) []bool {
	used := make([]bool, a.Len)
	for b := range used {
		used[b] = true
	}
	for _, r := range a.Free {
		for b := r.Start; b < r.End(); b++ {
			used[b] = false
		}
	}
	for _, b := range a.List {
		used[b] = false
	}
	for _, list := range a.Trees {
		for _, b := range list {
			used[b] = false
		}
	}
	return used
}

// expand returns the owners of each block as rmapbt has them.
func expand(a *spacetest.Group) [][]space.Owner {
	out := make([][]space.Owner, a.Len)
	for _, r := range a.Rmaps {
		for i := range r.Count {
			b := int(r.Start) + int(i)
			out[b] = append(out[b], r.Owner.At(i))
		}
	}
	for _, list := range out {
		slices.SortFunc(list, compareOwners)
	}
	return out
}

func compareOwners(a, b space.Owner) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Offset, b.Offset))
}

// check holds the volume against the model.
func (m *model) check() []*spacetest.Group {
	m.t.Helper()
	groups := spacetest.Judge(m.t, m.v.Store.View(), m.v.Geo)
	for no, a := range groups {
		used, known := m.inUse(a), expand(a)
		for b, want := range m.owners[no] {
			if used[b] != (len(want) > 0) {
				m.t.Fatalf("AG %d: block %d in use: %v, want owners %v", no, b, used[b], want)
			}
			if m.v.Geo.HasRmapbt() && used[b] && !slices.Equal(known[b], want) {
				m.t.Fatalf("AG %d: block %d has owners %x, want %x", no, b, known[b], want)
			}
		}
	}
	return groups
}

func (m *model) block(b format.FSBlock) *[]space.Owner {
	return &m.owners[m.v.Geo.AG(b)][m.v.Geo.AGB(b)]
}

// change notes a change of an extent's owners.
func (m *model) change(e space.Extent, change func(i uint32, list []space.Owner) []space.Owner) {
	for i := range e.Count {
		p := m.block(e.Start + format.FSBlock(i))
		was := *p
		m.undo = append(m.undo, func() { *p = was })
		*p = change(i, slices.Clone(was))
		slices.SortFunc(*p, compareOwners)
	}
}

func (m *model) give(e space.Extent, o space.Owner) {
	m.change(e, func(i uint32, list []space.Owner) []space.Owner { return append(list, o.At(i)) })
}

func (m *model) take(e space.Extent, o space.Owner) {
	m.change(e, func(i uint32, list []space.Owner) []space.Owner {
		return slices.DeleteFunc(list, func(p space.Owner) bool { return p == o.At(i) })
	})
}

// transaction runs a transaction of some operations, and commits or cancels it.
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

// owner makes up an owner of an extent that is to be allocated.
func (m *model) owner() space.Owner {
	ino := format.Ino(firstIno + m.rng.IntN(numInos))
	m.next += 1 << 12
	switch m.rng.IntN(10) {
	case 0:
		return space.Owner{ID: format.OwnInodes}
	case 1:
		return space.BmbtOwner(ino, false)
	case 2:
		return space.ForkOwner(ino, true, format.FileOff(m.next), false)
	case 3:
		return space.ForkOwner(ino, false, format.FileOff(m.next), true)
	}
	return space.ForkOwner(ino, false, format.FileOff(m.next), false)
}

// pick returns an extent whose blocks belong to one owner of the test's each, in one row.
func (m *model) pick(most uint32, alone bool) (space.Extent, space.Owner, bool) {
	g := m.v.Geo
	for range 100 {
		no := m.rng.IntN(len(m.owners))
		list := m.owners[no]
		b := m.rng.IntN(len(list))
		if len(list[b]) == 0 {
			continue
		}
		o := list[b][m.rng.IntN(len(list[b]))]
		if o.ID < firstIno || o.ID >= firstIno+numInos {
			continue
		}
		n := uint32(0)
		for ; n < most && b+int(n) < len(list) && slices.Contains(list[b+int(n)], o.At(n)) && (!alone || len(list[b+int(n)]) == 1); n++ {
		}
		if n > 0 {
			return space.Extent{Start: g.FSB(format.AGNumber(no), format.AGBlock(b)), Count: 1 + m.rng.Uint32N(n)}, o, true
		}
	}
	return space.Extent{}, space.Owner{}, false
}

// alloc allocates something and judges what comes back.
func (m *model) alloc(r space.Request) (ok bool) {
	m.t.Helper()
	g := m.v.Geo
	e, err := m.v.Groups.Alloc(m.tx, r)
	if errors.Is(err, space.ErrNoSpace) || r.Data && errors.Is(err, space.ErrBusy) {
		return false
	}
	if err != nil {
		m.t.Fatalf("%+v: %v", r, err)
	}
	switch start := g.AGB(e.Start); {
	case e.Count < r.Min || e.Count > max(r.Max, r.Min):
		m.t.Fatalf("%+v gives %d blocks", r, e.Count)
	case r.Align > 1 && uint32(start)%r.Align != 0:
		m.t.Fatalf("%+v gives block %d", r, start)
	case r.Exact && e.Start != r.Near:
		m.t.Fatalf("%+v gives %v", r, e)
	case r.Only && g.AG(e.Start) != g.AG(r.Near):
		m.t.Fatalf("%+v gives %v", r, e)
	case start < r.Lo || r.Hi != 0 && start+format.AGBlock(e.Count) > r.Hi:
		m.t.Fatalf("%+v gives %v", r, e)
	}
	for i := range e.Count {
		if p := m.block(e.Start + format.FSBlock(i)); len(*p) > 0 {
			m.t.Fatalf("%+v gives %v, of which block %d has owners %v", r, e, i, *p)
		}
	}
	m.give(e, r.Owner)
	return true
}

// request makes up what to ask for.
func (m *model) request(most uint32) space.Request {
	g := m.v.Geo
	r := space.Request{Min: 1 + m.rng.Uint32N(most), Owner: m.owner()}
	if m.rng.IntN(2) == 0 {
		r.Max = r.Min + m.rng.Uint32N(most)
	}
	no := format.AGNumber(m.rng.Uint32N(g.AGCount))
	r.Near = g.FSB(no, 0)
	if m.rng.IntN(3) > 0 {
		r.Near = g.FSB(no, format.AGBlock(1+m.rng.Uint32N(g.AGLen(no)-1)))
	}
	switch m.rng.IntN(8) {
	case 0:
		r.Exact = g.AGB(r.Near) != 0
	case 1:
		r.Only = true
	case 2:
		r.Align = 1 << m.rng.IntN(6)
	case 3:
		r.Wish = 1 << m.rng.IntN(6)
	case 4:
		r.Lo, r.Hi = format.AGBlock(m.rng.Uint32N(g.AGBlocks/2)), format.AGBlock(g.AGBlocks/2+m.rng.Uint32N(g.AGBlocks/2))
		r.Align = 4
	case 5:
		r.Data = true
	}
	return r
}

// step does something.
func (m *model) step() {
	m.t.Helper()
	groups := m.v.Groups
	var err error
	switch n := m.rng.IntN(10); {
	case n < 4:
		m.alloc(m.request([]uint32{1, 4, 32, 200}[m.rng.IntN(4)]))
	case n < 7:
		if e, o, ok := m.pick(64, true); ok {
			if err = groups.Free(m.tx, e, o, m.rng.IntN(2) == 0); err == nil {
				m.take(e, o)
			}
		}
	case n < 8:
		if e, o, ok := m.pick(64, false); ok && o.Offset&(format.RmapAttrFork|format.RmapBmbtBlock|format.RmapUnwritten) == 0 {
			written := m.rng.IntN(4) > 0
			p := space.Owner{ID: o.ID, Offset: o.Offset}
			if !written {
				p.Offset |= format.RmapUnwritten
			} else {
				o.Offset |= format.RmapUnwritten // and back
				break
			}
			if err = groups.Convert(m.tx, e, o, written); err == nil {
				m.take(e, o)
				m.give(e, p)
			}
		}
	case n < 9:
		// One more owner of file data, or one less.
		e, o, ok := m.pick(64, false)
		if !ok || !m.v.Geo.HasReflink() || o.Offset&(format.RmapAttrFork|format.RmapBmbtBlock) != 0 {
			break
		}
		if several := m.several(e); several && m.rng.IntN(2) == 0 {
			if err = groups.Unmap(m.tx, e, o); err == nil {
				m.take(e, o)
			}
			break
		}
		p := space.Owner{ID: firstIno + uint64(m.rng.IntN(numInos)), Offset: o.Offset}
		if m.rng.IntN(2) == 0 {
			m.next += 1 << 12
			p.Offset = m.next
		}
		if !m.has(e, p) {
			if err = groups.Map(m.tx, e, p); err == nil {
				m.give(e, p)
			}
		}
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// several reports whether every block of an extent has several owners.
func (m *model) several(e space.Extent) bool {
	for i := range e.Count {
		if len(*m.block(e.Start + format.FSBlock(i))) < 2 {
			return false
		}
	}
	return true
}

// has reports whether some block has this inode as an owner at the same offset.
func (m *model) has(e space.Extent, o space.Owner) bool {
	for i := range e.Count {
		for _, p := range *m.block(e.Start + format.FSBlock(i)) {
			if p.ID == o.ID && p.Offset&^format.RmapUnwritten == o.At(i).Offset&^format.RmapUnwritten {
				return true
			}
		}
	}
	return false
}

// steps runs transactions of random operations; some are cancelled.
func (m *model) steps(transactions int) {
	m.t.Helper()
	for i := range transactions {
		m.transaction(func() bool {
			for range 1 + m.rng.IntN(12) {
				m.step()
			}
			return m.rng.IntN(4) > 0
		})
		if i%25 == 0 {
			m.check()
		}
		if i%60 == 0 {
			if err := m.v.Store.Sync(); err != nil {
				m.t.Fatal(err)
			}
		}
	}
	m.check()
}

// fillUp allocates until nothing is left.
func (m *model) fillUp() {
	m.t.Helper()
	for full := false; !full; {
		m.transaction(func() bool {
			for i := 0; i < 20 && !full; i++ {
				m.next += 1 << 12
				full = !m.alloc(space.Request{Min: 1, Max: 1000, Owner: space.ForkOwner(firstIno, false, format.FileOff(m.next), false)})
			}
			return true
		})
	}
}

// free gives the blocks back that the test has, those that pass the filter, in random order.
func (m *model) free(filter func(b format.FSBlock) bool) {
	m.t.Helper()
	var list []format.FSBlock
	for no, owners := range m.owners {
		for b, have := range owners {
			fsb := m.v.Geo.FSB(format.AGNumber(no), format.AGBlock(b))
			if len(have) > 0 && have[0].ID >= firstIno && have[0].ID < firstIno+numInos && filter(fsb) {
				list = append(list, fsb)
			}
		}
	}
	m.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for part := range slices.Chunk(list, 40) {
		m.transaction(func() bool {
			for _, b := range part {
				e := space.Extent{Start: b, Count: 1}
				have := slices.Clone(*m.block(b))
				for i, o := range have {
					var err error
					if i == len(have)-1 {
						err = m.v.Groups.Free(m.tx, e, o, true)
					} else {
						err = m.v.Groups.Unmap(m.tx, e, o)
					}
					if err != nil {
						m.t.Fatal(err)
					}
					m.take(e, o)
				}
			}
			return true
		})
	}
}

// freeInodes gives back what the test has as format.OwnInodes, but for the root's chunk.
func (m *model) freeInodes() {
	m.t.Helper()
	rootAG, root := m.v.Geo.SplitIno(m.v.Geo.RootIno)
	first := m.v.Geo.InoBlock(root)
	o := space.Owner{ID: format.OwnInodes}
	for no, owners := range m.owners {
		m.transaction(func() bool {
			for b, have := range owners {
				at := format.AGBlock(b)
				if len(have) != 1 || have[0] != o || format.AGNumber(no) == rootAG && at >= first && at < first+format.AGBlock(m.v.Geo.ChunkBlocks()) {
					continue
				}
				e := space.Extent{Start: m.v.Geo.FSB(format.AGNumber(no), at), Count: 1}
				if err := m.v.Groups.Free(m.tx, e, o, false); err != nil {
					m.t.Fatal(err)
				}
				m.take(e, o)
			}
			return true
		})
	}
}

// TestModel runs random operations on volumes of small blocks, with free space in large and in
// small pieces, so that the trees grow high and low again.
func TestModel(t *testing.T) {
	small := mkfs.Config{Size: 48 << 20, BlockSize: 1024, AGCount: 2}
	noReflink, noRmap, big := small, small, small
	noReflink.Reflink = mkfs.Off
	noRmap.Rmapbt, noRmap.Finobt = mkfs.Off, mkfs.Off
	big.BlockSize, big.Size = 4096, 64<<20
	for name, c := range map[string]mkfs.Config{"all": small, "no reflink": noReflink, "no rmapbt": noRmap, "4k": big} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newModel(t, c, 1)
			m.steps(300)
			m.fillUp()
			m.check()
			m.free(func(b format.FSBlock) bool { return b%2 == 0 })
			groups := m.check()
			if c.BlockSize == 1024 {
				for kind, n := range groups[0].Levels {
					if n < 3 && (kind == "bnobt" || kind == "cntbt" || kind == "rmapbt") {
						t.Errorf("%s has %d levels", kind, n)
					}
				}
			}
			m.steps(300)
			m.free(func(format.FSBlock) bool { return true })
			m.freeInodes()
			m.check()
			agreed(t, m.v)
		})
	}
}
