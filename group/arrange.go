package group

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// ErrFull says that a group has no room for its own trees.
var ErrFull = errors.New("no room for the trees of an allocation group")

// Use is what the blocks of a group are used for, as far as it isn't by the group itself.
type Use struct {
	Geo *format.Geometry
	No  format.AGNumber
	// Owners is who owns what, in the order of rmapbt and joined as there: everything but the
	// headers, the free list and the group's trees. Several may own a block where it is shared.
	// Volumes without rmapbt need it too.
	Owners []space.Rmap
	// Chunks is the records of inobt, in order, as the tree holds them.
	Chunks [][]byte
	// Shared and Staged are the records of the two domains of refcountbt, in order.
	Shared, Staged []refcount.Record
	Unlinked       *[format.AGIBuckets]format.AGIno
}

// Arrange finds places for the group's trees and its free list in what is free, and gives the
// content that Write takes. The error is ErrFull when there is no room.
func (u *Use) Arrange() (*Content, error) {
	c := &Content{Geo: u.Geo, No: u.No, NewIno: format.NullAGIno, Unlinked: u.Unlinked}
	a := &arranger{Use: u, Content: c, all: u.unused()}
	a.Record = a.record
	a.countInodes()
	a.shape(Inobt, len(u.Chunks))
	a.shape(Finobt, len(a.open))
	a.shape(Refcountbt, len(u.Shared)+len(u.Staged))
	// The blocks of trees make records too, and so does what is left of free extents. More blocks
	// than are needed in the end go to the free list.
	a.Free = a.all
	for want := a.need(); ; {
		if err := a.take(want); err != nil {
			return nil, err
		}
		need := a.need()
		if need <= want {
			return c, a.place()
		}
		want = need
	}
}

// arranger is the work of Arrange.
type arranger struct {
	*Use
	*Content
	all   []Extent         // what Use leaves
	taken []format.AGBlock // for trees and the free list, in order
	rmaps []space.Rmap     // the records of rmapbt
	open  [][]byte         // chunks with free inodes
}

// geo is the geometry, which both halves of the arranger have.
func (a *arranger) geo() *format.Geometry { return a.Content.Geo }

// unused is the blocks that neither headers nor owners have.
func (u *Use) unused() (free []Extent) {
	at := u.Geo.HeaderBlocks()
	for _, r := range u.Owners {
		if r.Start > at {
			free = append(free, Extent{at, uint32(r.Start - at)})
		}
		at = max(at, r.End())
	}
	if end := format.AGBlock(u.Geo.AGLen(u.No)); at < end {
		free = append(free, Extent{at, uint32(end - at)})
	}
	return free
}

// countInodes adds up the chunks.
func (a *arranger) countInodes() {
	for _, rec := range a.Chunks {
		count, free := chunkCounts(a.geo(), rec)
		a.Inodes += count
		a.FreeInodes += free
		a.NewIno = format.InoRecStart.Get(rec)
		if free > 0 {
			a.open = append(a.open, rec)
		}
	}
}

// chunkCounts tells how many inodes a chunk has, and how many of them are free, by its record.
func chunkCounts(g *format.Geometry, rec []byte) (count, free uint32) {
	if g.HasSparse() {
		return uint32(format.InoRecCount.Get(rec)), uint32(format.InoRecFreeCount.Get(rec))
	}
	return format.InodesPerChunk, format.InoRecFullFreeCount.Get(rec)
}

// shape fits a tree to a number of records, if the volume has that tree.
func (a *arranger) shape(t Tree, records int) {
	if t.In(a.geo()) {
		a.Trees[t].Records = records
		a.Trees[t].Shape = btree.Shape(t.Kind(), a.geo().BlockSize, records, 0)
	}
}

// need shapes the trees that depend on which blocks are taken, and tells how many blocks all
// trees and the free list want.
func (a *arranger) need() (n int) {
	a.shape(Bnobt, len(a.Free))
	a.shape(Cntbt, len(a.Free))
	if Rmapbt.In(a.geo()) {
		a.rmaps = a.withOwn()
		a.shape(Rmapbt, len(a.rmaps))
	}
	for t := range a.Trees {
		n += a.size(Tree(t))
	}
	levels := func(t Tree) int { return len(a.Trees[t].Shape) }
	return n + int(space.FreelistLen(a.geo(), levels(Bnobt), levels(Cntbt), levels(Rmapbt)))
}

// size is the number of a tree's blocks.
func (a *arranger) size(t Tree) int { return btree.Blocks(a.Trees[t].Shape) }

// take takes n blocks from the free extents: from the first one that has them all, or else from
// the longest ones.
func (a *arranger) take(n int) error {
	from := slices.Clone(a.all)
	if i := slices.IndexFunc(from, func(e Extent) bool { return int(e.Count) >= n }); i >= 0 {
		from = from[i : i+1]
	} else {
		slices.SortStableFunc(from, func(x, y Extent) int { return cmp.Compare(y.Count, x.Count) })
	}
	a.taken = a.taken[:0]
	for _, e := range from {
		for b := e.Start; b < e.End() && len(a.taken) < n; b++ {
			a.taken = append(a.taken, b)
		}
	}
	if len(a.taken) < n {
		return fmt.Errorf("%w: AG %d has %d of %d blocks free", ErrFull, a.Use.No, len(a.taken), n)
	}
	slices.Sort(a.taken)
	a.Free = a.left()
	return nil
}

// left is the free extents without the taken blocks, which are beginnings of extents.
func (a *arranger) left() (free []Extent) {
	i := 0
	for _, e := range a.all {
		for i < len(a.taken) && e.Count > 0 && a.taken[i] == e.Start {
			e.Start++
			e.Count--
			i++
		}
		if e.Count > 0 {
			free = append(free, e)
		}
	}
	return free
}

// sections divides the taken blocks between their owners: inode trees, refcountbt, and the
// rest, which is that of the free space trees, rmapbt and the free list.
func (a *arranger) sections() (inodes, refs, rest []format.AGBlock) {
	i := min(a.size(Inobt)+a.size(Finobt), len(a.taken))
	j := min(i+a.size(Refcountbt), len(a.taken))
	return a.taken[:i], a.taken[i:j], a.taken[j:]
}

// withOwn is the records of all owners, those of the group's own blocks included.
func (a *arranger) withOwn() []space.Rmap {
	var own []space.Rmap
	add := func(r space.Rmap) {
		if i := len(own) - 1; i >= 0 && own[i].Joins(r) {
			own[i].Count++
			return
		}
		own = append(own, r)
	}
	own = append(own, space.Rmap{Count: uint32(a.geo().HeaderBlocks()), Owner: space.Owner{ID: format.OwnFS}})
	inodes, refs, rest := a.sections()
	for _, s := range [...]struct {
		blocks []format.AGBlock
		owner  uint64
	}{{inodes, format.OwnInobt}, {refs, format.OwnRefc}, {rest, format.OwnAG}} {
		for _, b := range s.blocks {
			add(space.Rmap{Start: b, Count: 1, Owner: space.Owner{ID: s.owner}})
		}
	}
	out := make([]space.Rmap, 0, len(own)+len(a.Owners))
	for _, r := range a.Owners {
		for len(own) > 0 && own[0].Start < r.Start {
			out, own = append(out, own[0]), own[1:]
		}
		out = append(out, r)
	}
	return append(out, own...)
}

// place gives the taken blocks to the trees, and what is left to the free list.
func (a *arranger) place() error {
	inodes, refs, rest := a.sections()
	give := func(blocks []format.AGBlock, trees ...Tree) []format.AGBlock {
		for _, t := range trees {
			mine := blocks[:a.size(t)]
			blocks = blocks[len(mine):]
			a.Trees[t].Block = func(i int) uint64 { return uint64(mine[i]) }
		}
		return blocks
	}
	give(inodes, Inobt, Finobt)
	give(refs, Refcountbt)
	a.Freelist = give(rest, Bnobt, Cntbt, Rmapbt)
	if most := format.AGFLSize(a.geo().SectSize) - 1; len(a.Freelist) > most {
		return fmt.Errorf("AG %d: %d blocks too many for the free list", a.Use.No, len(a.Freelist)-most)
	}
	return nil
}

// record encodes record i of a tree other than those of free space.
func (a *arranger) record(t Tree, i int, b []byte) {
	switch t {
	case Inobt:
		copy(b, a.Chunks[i])
	case Finobt:
		copy(b, a.open[i])
	case Rmapbt:
		a.rmaps[i].Put(b)
	case Refcountbt:
		if i < len(a.Shared) {
			a.Shared[i].Put(b, false)
		} else {
			a.Staged[i-len(a.Shared)].Put(b, true)
		}
	}
}
