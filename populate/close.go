package populate

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/group"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// close fixes what follows from what was placed in a group: the records of its trees, the
// trees' shapes and places, the free space.
func (p *Plan) close(a *agroup) error {
	if a.no == 0 && a.inodes == 0 {
		return fmt.Errorf("group 0 has no root directory")
	}
	data := rmapPart{&a.dataMaps, a.dataBase()}
	if len(a.shared) > 0 {
		data.slab = withShared(data.slab, a.shared)
		a.refcounts = refcount.CountOwners(data.all())
	}
	a.trees[group.Inobt].records = p.chunks(a)
	a.trees[group.Refcountbt].records = len(a.refcounts)
	if a.freeInodes(p.g) > 0 {
		a.trees[group.Finobt].records = p.freeChunks(a)
	}
	end := a.first
	if a.used() > 0 {
		a.free = append(a.free, gap(end, a.inoBase)...)
		end = a.dataBase() + format.AGBlock(a.data)
	}
	if group.Rmapbt.In(p.g) {
		a.rmaps = p.rmapsOf(a, data)
	}
	// The trees' own blocks make records too; this settles after a few rounds.
	for {
		before := a.treeBlocks()
		if err := p.placeTrees(a, end); err != nil {
			return err
		}
		if a.treeBlocks() == before {
			break
		}
	}
	a.free = append(a.free, gap(a.refcB.End(), format.AGBlock(a.len))...)
	a.trees[group.Bnobt].records, a.trees[group.Cntbt].records = len(a.free), len(a.free)
	p.stats.FreeBlocks += uint64(a.freeBlocks())
	return nil
}

func gap(from, to format.AGBlock) []group.Extent {
	if from >= to {
		return nil
	}
	return []group.Extent{{Start: from, Count: uint32(to - from)}}
}

// treeBlocks is the number of blocks of each owner's trees beyond their first roots.
func (a *agroup) treeBlocks() (n [3]uint32) {
	return [3]uint32{a.ag.Count, a.inobt.Count, a.refcB.Count}
}

// placeTrees shapes the trees from what is known so far and puts their blocks from end on,
// those of one owner side by side.
func (p *Plan) placeTrees(a *agroup, end format.AGBlock) error {
	// Free space is a few extents at most, so that its trees have one leaf each.
	a.trees[group.Bnobt].records, a.trees[group.Cntbt].records = 1, 1
	if group.Rmapbt.In(p.g) {
		a.rmaps.tail = treeRmaps(a)
		a.trees[group.Rmapbt].records = a.rmaps.len()
	}
	for t := range a.trees {
		if group.Tree(t).In(p.g) {
			a.trees[t].shape = btree.Shape(group.Tree(t).Kind(), p.g.BlockSize, a.trees[t].records, 0)
			a.trees[t].root = a.roots[t]
		}
	}
	next := end
	take := func(e *group.Extent, trees ...group.Tree) {
		e.Start = next
		for _, t := range trees {
			if group.Tree(t).In(p.g) {
				a.trees[t].more = next
				next += format.AGBlock(a.trees[t].blocks() - 1)
			}
		}
		e.Count = uint32(next - e.Start)
	}
	take(&a.ag, group.Bnobt, group.Cntbt, group.Rmapbt)
	take(&a.inobt, group.Inobt, group.Finobt)
	take(&a.refcB, group.Refcountbt)
	if next > format.AGBlock(a.len) {
		return &NoSpaceError{What: fmt.Sprintf("the trees of allocation group %d", a.no)}
	}
	return nil
}

// rmapsOf lists the records of a group's reverse map, but those of the trees' further blocks.
func (p *Plan) rmapsOf(a *agroup, data rmapPart) rmapList {
	var head slab[space.Rmap]
	fixed := func(e group.Extent, owner uint64) {
		addRmap(&head, space.Rmap{Start: e.Start, Count: e.Count, Owner: space.Owner{ID: owner}})
	}
	fixed(group.Extent{Start: 0, Count: uint32(p.g.HeaderBlocks())}, format.OwnFS)
	for t, root := range a.roots {
		if root != 0 {
			fixed(group.Extent{Start: root, Count: 1}, group.Tree(t).Owner())
		}
	}
	if a.agfl.Start < a.log.Start {
		fixed(a.agfl, format.OwnAG)
		fixed(a.log, format.OwnLog)
	} else {
		fixed(a.log, format.OwnLog)
		fixed(a.agfl, format.OwnAG)
	}
	fixed(group.Extent{Start: a.inoBase, Count: a.inodeBlocks}, format.OwnInodes)
	return rmapList{parts: [3]rmapPart{{&head, 0}, {&a.metaMaps, a.metaBase()}, data}}
}

// treeRmaps are the records of the trees' further blocks.
func treeRmaps(a *agroup) (out []space.Rmap) {
	for _, e := range []struct {
		group.Extent
		owner uint64
	}{{a.ag, format.OwnAG}, {a.inobt, format.OwnInobt}, {a.refcB, format.OwnRefc}} {
		if e.Count > 0 {
			out = append(out, space.Rmap{Start: e.Start, Count: e.Count, Owner: space.Owner{ID: e.owner}})
		}
	}
	return out
}

// freeBlocks is the number of blocks in the group's free space trees.
func (a *agroup) freeBlocks() (n uint32) {
	for _, e := range a.free {
		n += e.Count
	}
	return n
}

// btreeBlocks is what the AGF calls so: blocks of trees that grow from the AGFL, but the roots.
func (a *agroup) btreeBlocks() uint32 { return a.ag.Count }

// allocated is the number of inodes in the group's chunks.
func (a *agroup) allocated(g *format.Geometry) uint32 {
	return a.inodeBlocks << g.InoPBLog
}

func (a *agroup) freeInodes(g *format.Geometry) uint32 { return a.allocated(g) - a.inodes }

// chunks is the number of inode chunk records, freeChunks that of those with free inodes. Used
// inodes come first, so the chunks with free ones are the last.
func (p *Plan) chunks(a *agroup) int { return int(a.allocated(p.g) / format.InodesPerChunk) }

func (p *Plan) freeChunks(a *agroup) int {
	return p.chunks(a) - int(a.inodes/format.InodesPerChunk)
}

// putChunk encodes the record of chunk i.
func (p *Plan) putChunk(a *agroup, i int, b []byte) {
	used := min(max(int(a.inodes)-i*format.InodesPerChunk, 0), format.InodesPerChunk)
	format.InoRecStart.Put(b, format.AGIno(a.inoBase)<<p.g.InoPBLog+format.AGIno(i*format.InodesPerChunk))
	if p.g.HasSparse() {
		format.InoRecHoleMask.Put(b, 0)
		format.InoRecCount.Put(b, format.InodesPerChunk)
		format.InoRecFreeCount.Put(b, uint8(format.InodesPerChunk-used))
	} else {
		format.InoRecFullFreeCount.Put(b, uint32(format.InodesPerChunk-used))
	}
	free := ^uint64(0)
	if used == format.InodesPerChunk {
		free = 0
	} else {
		free <<= used
	}
	format.InoRecFree.Put(b, free)
}
