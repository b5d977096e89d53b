package spacetest

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// Run is a run of blocks of a group.
type Run struct {
	Start format.AGBlock
	Count uint32
}

// End is the block behind the run.
func (r Run) End() format.AGBlock { return r.Start + format.AGBlock(r.Count) }

// Group is what an allocation group says of its blocks.
type Group struct {
	No     format.AGNumber
	Len    uint32
	Free   []Run
	List   []format.AGBlock // the AGFL
	Rmaps  []space.Rmap
	Shared []refcount.Record
	Staged []refcount.Record
	Levels map[string]int // of the trees, by kind
	Blocks map[string]uint32
	Trees  map[uint64][]format.AGBlock // blocks of the trees, by their owner in the reverse map

	t   testing.TB
	g   *format.Geometry
	dev io.ReaderAt
	agf []byte
	agi []byte
}

// Judge reads all groups of a volume, and has the test fail where what they say does not agree.
func Judge(t testing.TB, dev io.ReaderAt, g *format.Geometry) []*Group {
	t.Helper()
	var out []*Group
	for no := range format.AGNumber(g.AGCount) {
		a := &Group{No: no, Len: g.AGLen(no), t: t, g: g, dev: dev, Levels: map[string]int{}, Blocks: map[string]uint32{}, Trees: map[uint64][]format.AGBlock{}}
		a.read()
		a.judge()
		out = append(out, a)
	}
	if t.Failed() {
		t.FailNow()
	}
	return out
}

func (a *Group) errorf(form string, args ...any) {
	a.t.Helper()
	a.t.Errorf("AG %d: "+form, append([]any{a.No}, args...)...)
}

func (a *Group) header(sector int, t *format.BlockType) []byte {
	a.t.Helper()
	b := make([]byte, a.g.SectSize)
	if _, err := a.dev.ReadAt(b, a.g.SectorOffset(a.No, sector)); err != nil {
		a.t.Fatal(err)
	}
	t.SetChecksum(b) // in memory it is not kept
	if err := format.Verify(a.g, t, b, format.Place{AG: a.No, Daddr: format.NullPlace.Daddr, Ino: format.NullIno}); err != nil {
		a.t.Fatal(err)
	}
	return b
}

func (a *Group) read() {
	a.t.Helper()
	a.agf, a.agi = a.header(1, format.TypeAGF), a.header(2, format.TypeAGI)
	agfl := a.header(3, format.TypeAGFL)
	first := format.AGFFlFirst.Get(a.agf)
	size := uint32(format.AGFLSize(a.g.SectSize))
	for i := range format.AGFFlCount.Get(a.agf) {
		a.List = append(a.List, format.AGFLSlot(int((first+i)%size)).Get(agfl))
	}
	if n := len(a.List); n > 0 && (first+uint32(n)-1)%size != format.AGFFlLast.Get(a.agf) {
		a.errorf("fllast %d, first %d and count %d", format.AGFFlLast.Get(a.agf), first, n)
	}
	run := func(rec []byte) Run { return Run{format.FreeStart.Get(rec), format.FreeCount.Get(rec)} }
	for _, rec := range a.tree(btree.Bnobt, format.OwnAG, format.AGFBnoRoot.Get(a.agf), format.AGFBnoLevel.Get(a.agf)) {
		a.Free = append(a.Free, run(rec))
	}
	var bySize []Run
	for _, rec := range a.tree(btree.Cntbt, format.OwnAG, format.AGFCntRoot.Get(a.agf), format.AGFCntLevel.Get(a.agf)) {
		bySize = append(bySize, run(rec))
	}
	want := slices.Clone(a.Free)
	slices.SortStableFunc(want, func(x, y Run) int { return cmp.Compare(x.Count, y.Count) })
	if !slices.Equal(want, bySize) {
		a.errorf("bnobt and cntbt differ: %v and %v", want, bySize)
	}
	a.tree(btree.Inobt, format.OwnInobt, format.AGIRoot.Get(a.agi), format.AGILevel.Get(a.agi))
	if a.g.HasFinobt() {
		a.tree(btree.Finobt, format.OwnInobt, format.AGIFreeRoot.Get(a.agi), format.AGIFreeLevel.Get(a.agi))
	}
	if a.g.HasRmapbt() {
		for _, rec := range a.tree(btree.Rmapbt, format.OwnAG, format.AGFRmapRoot.Get(a.agf), format.AGFRmapLevel.Get(a.agf)) {
			a.Rmaps = append(a.Rmaps, space.UnpackRmap(rec))
		}
	}
	if a.g.HasReflink() {
		for _, rec := range a.tree(btree.Refcountbt, format.OwnRefc, format.AGFRefcntRoot.Get(a.agf), format.AGFRefcntLevel.Get(a.agf)) {
			if r, cow := refcount.Unpack(rec); cow {
				a.Staged = append(a.Staged, r)
			} else {
				a.Shared = append(a.Shared, r)
			}
		}
	}
}

// tree returns the records of a tree, and notes its blocks as the owner's.
func (a *Group) tree(k *btree.Kind, owner uint64, root format.AGBlock, levels uint32) (recs [][]byte) {
	a.t.Helper()
	t := btree.Tree{Kind: k, Geo: a.g, Dev: sealed{a.dev, a.g.BlockSize}, AG: a.No, Root: uint64(root), Levels: int(levels)}
	a.Levels[k.Name] = int(levels)
	for rec, err := range t.All() {
		if err != nil {
			a.t.Fatal(err)
		}
		recs = append(recs, slices.Clone(rec))
	}
	err := t.Walk(func(level int, block uint64, b []byte) error {
		a.Trees[owner] = append(a.Trees[owner], format.AGBlock(block))
		a.Blocks[k.Name]++
		if n := k.NodeOf(b).Len(); block != uint64(root) && n < k.MinRecs(len(b), level) {
			return fmt.Errorf("%s block %d of level %d has but %d entries", k.Name, block, level, n)
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return recs
}

// sealed reads B+tree blocks and gives them the checksums that they lack while they are changed
// in memory only.
type sealed struct {
	dev io.ReaderAt
	bs  int
}

func (s sealed) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.dev.ReadAt(p, off)
	if n == s.bs {
		format.SetChecksum(p, format.ShortCRC)
	}
	return n, err
}

// judge compares what different structures say.
func (a *Group) judge() {
	a.t.Helper()
	sum, longest := uint32(0), uint32(0)
	for i, r := range a.Free {
		sum += r.Count
		longest = max(longest, r.Count)
		if i > 0 && a.Free[i-1].End() >= r.Start {
			a.errorf("free extents %v and %v touch", a.Free[i-1], r)
		}
	}
	a.equal("freeblks", format.AGFFreeBlks.Get(a.agf), sum)
	a.equal("longest", format.AGFLongest.Get(a.agf), longest)
	roots := uint32(2)
	if a.g.HasRmapbt() {
		roots = 3
		a.equal("rmapblocks", format.AGFRmapBlks.Get(a.agf), a.Blocks["rmapbt"])
	}
	a.equal("btreeblks", format.AGFBtreeBlks.Get(a.agf), uint32(len(a.Trees[format.OwnAG]))-roots)
	if a.g.HasReflink() {
		a.equal("refcntblocks", format.AGFRefcntBlks.Get(a.agf), a.Blocks["refcountbt"])
	}
	if a.g.HasInobtCount() {
		a.equal("ino_blocks", format.AGIIBlocks.Get(a.agi), a.Blocks["inobt"])
		a.equal("fino_blocks", format.AGIFBlocks.Get(a.agi), a.Blocks["finobt"])
	}
	a.judgeUse()
	a.judgeShared(a.Shared, false)
	a.judgeShared(a.Staged, true)
}

func (a *Group) equal(field string, got, want uint32) {
	a.t.Helper()
	if got != want {
		a.errorf("%s is %d, want %d", field, got, want)
	}
}

// judgeUse checks that each block is free, or in the list, or used, and that the reverse map
// knows by whom.
func (a *Group) judgeUse() {
	a.t.Helper()
	const free, listed = 1, 2 // else an owner
	use := make([]uint64, a.Len)
	claim := func(b format.AGBlock, what uint64) {
		if uint32(b) >= a.Len || use[b] != 0 {
			a.errorf("block %d is claimed twice or outside", b)
			return
		}
		use[b] = what
	}
	for b := range a.g.HeaderBlocks() {
		claim(b, format.OwnFS)
	}
	for _, r := range a.Free {
		for b := r.Start; b < r.End(); b++ {
			claim(b, free)
		}
	}
	for _, b := range a.List {
		claim(b, listed)
	}
	for owner, list := range a.Trees {
		for _, b := range list {
			claim(b, owner)
		}
	}
	if a.g.HasRmapbt() {
		a.judgeRmaps(use, free, listed)
	}
}

func (a *Group) judgeRmaps(use []uint64, free, listed uint64) {
	a.t.Helper()
	known := make([]bool, a.Len)
	starts := map[space.Rmap]bool{} // with Count 0
	for _, r := range a.Rmaps {
		starts[space.Rmap{Start: r.Start, Owner: r.Owner}] = true
	}
	for _, r := range a.Rmaps {
		if starts[space.Rmap{Start: r.End(), Owner: r.At(r.Count)}] {
			a.errorf("record %+v is not joined with the next", r)
		}
		for b := r.Start; b < r.End(); b++ {
			want := use[b]
			switch {
			case want == listed:
				want = format.OwnAG
			case want == free:
				a.errorf("block %d is free and belongs to %s", b, format.OwnerName(r.ID))
				continue
			case want == 0:
				want = r.ID // somebody's
				switch r.ID {
				case format.OwnFS, format.OwnAG, format.OwnInobt, format.OwnRefc:
					a.errorf("block %d belongs to %s, but is not there", b, format.OwnerName(r.ID))
				}
			}
			if r.ID != want {
				a.errorf("block %d belongs to %s, want %s", b, format.OwnerName(r.ID), format.OwnerName(want))
			}
			known[b] = true
		}
	}
	for b, ok := range known {
		if !ok && use[b] != free {
			a.errorf("block %d has no owner, want %s", b, format.OwnerName(use[b]))
		}
	}
}

// judgeShared checks that the records of a domain are as few as possible.
func (a *Group) judgeShared(list []refcount.Record, cow bool) {
	a.t.Helper()
	for i, r := range list {
		if r.Count == 0 || cow != (r.Refs == 1) {
			a.errorf("record %v has %d owners", r, r.Refs)
		}
		if i == 0 {
			continue
		}
		if p := list[i-1]; p.End() > r.Start || p.End() == r.Start && p.Refs == r.Refs {
			a.errorf("records %v and %v with %d and %d owners", p, r, p.Refs, r.Refs)
		}
	}
}

// JudgeSharing checks that the numbers of owners agree with the reverse map.
func JudgeSharing(t testing.TB, groups []*Group) {
	t.Helper()
	for _, a := range groups {
		owners := make([]uint32, a.Len)
		for _, r := range a.Rmaps {
			if format.OwnerIsInode(r.ID) && r.Offset&(format.RmapBmbtBlock|format.RmapAttrFork) == 0 {
				for b := r.Start; b < r.End(); b++ {
					owners[b]++
				}
			}
		}
		for _, r := range a.Shared {
			for b := r.Start; b < r.End(); b++ {
				if owners[b] != r.Refs {
					t.Errorf("AG %d: block %d has %d owners, %d are counted", a.No, b, owners[b], r.Refs)
				}
				owners[b] = 0
			}
		}
		staged := make([]bool, a.Len)
		for _, r := range a.Staged {
			for b := r.Start; b < r.End(); b++ {
				staged[b] = true
			}
		}
		for _, r := range a.Rmaps {
			if r.ID == format.OwnCow {
				for b := r.Start; b < r.End(); b++ {
					if !staged[b] {
						t.Errorf("AG %d: block %d belongs to cow, but is not staged", a.No, b)
					}
					staged[b] = false
				}
			}
		}
		for b, n := range owners {
			if n > 1 || staged[b] {
				t.Errorf("AG %d: block %d has %d owners that are not counted, staged without owner: %v", a.No, b, n, staged[b])
			}
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
