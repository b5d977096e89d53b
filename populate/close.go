package populate

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// close fixes what follows from what was placed in a group: the records of its trees, the
// trees' shapes and places, the free space.
func (p *Plan) close(a *group) error {
	if a.no == 0 && a.inodes == 0 {
		return fmt.Errorf("group 0 has no root directory")
	}
	data := rmapPart{&a.dataMaps, a.dataBase()}
	if len(a.shared) > 0 {
		data.slab = withShared(data.slab, a.shared)
		a.refcounts = refcountsOf(data)
	}
	a.trees[ino].records = p.chunks(a)
	a.trees[refc].records = len(a.refcounts)
	if a.freeInodes(p.g) > 0 {
		a.trees[fino].records = p.freeChunks(a)
	}
	end := a.first
	if a.used() > 0 {
		a.free = append(a.free, gap(end, a.inoBase)...)
		end = a.dataBase() + format.AGBlock(a.data)
	}
	if hasTree(p.g, rmp) {
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
	a.free = append(a.free, gap(a.refcB.end(), format.AGBlock(a.len))...)
	a.trees[bno].records, a.trees[cnt].records = len(a.free), len(a.free)
	p.stats.FreeBlocks += uint64(a.freeBlocks())
	return nil
}

func gap(from, to format.AGBlock) []extent {
	if from >= to {
		return nil
	}
	return []extent{{from, uint32(to - from)}}
}

// treeBlocks is the number of blocks of each owner's trees beyond their first roots.
func (a *group) treeBlocks() (n [3]uint32) {
	return [3]uint32{a.ag.count, a.inobt.count, a.refcB.count}
}

// placeTrees shapes the trees from what is known so far and puts their blocks from end on,
// those of one owner side by side.
func (p *Plan) placeTrees(a *group, end format.AGBlock) error {
	// Free space is a few extents at most, so that its trees have one leaf each.
	a.trees[bno].records, a.trees[cnt].records = 1, 1
	if hasTree(p.g, rmp) {
		a.rmaps.tail = treeRmaps(a)
		a.trees[rmp].records = a.rmaps.len()
	}
	for t := range a.trees {
		if hasTree(p.g, t) {
			a.trees[t].shape = btree.Shape(treeKinds[t], p.g.BlockSize, a.trees[t].records, 0)
			a.trees[t].root = a.roots[t]
		}
	}
	next := end
	take := func(e *extent, trees ...int) {
		e.start = next
		for _, t := range trees {
			if hasTree(p.g, t) {
				a.trees[t].more = next
				next += format.AGBlock(a.trees[t].blocks() - 1)
			}
		}
		e.count = uint32(next - e.start)
	}
	take(&a.ag, bno, cnt, rmp)
	take(&a.inobt, ino, fino)
	take(&a.refcB, refc)
	if next > format.AGBlock(a.len) {
		return &NoSpaceError{What: fmt.Sprintf("the trees of allocation group %d", a.no)}
	}
	return nil
}

// rmapsOf lists the records of a group's reverse map, but those of the trees' further blocks.
func (p *Plan) rmapsOf(a *group, data rmapPart) rmapList {
	var head slab[space.Rmap]
	fixed := func(e extent, owner uint64) {
		addRmap(&head, space.Rmap{Start: e.start, Count: e.count, Owner: space.Owner{ID: owner}})
	}
	fixed(extent{0, uint32(p.g.HeaderBlocks())}, format.OwnFS)
	for t, root := range a.roots {
		if root != 0 {
			fixed(extent{root, 1}, treeOwner(t))
		}
	}
	if a.agfl.start < a.log.start {
		fixed(a.agfl, format.OwnAG)
		fixed(a.log, format.OwnLog)
	} else {
		fixed(a.log, format.OwnLog)
		fixed(a.agfl, format.OwnAG)
	}
	fixed(extent{a.inoBase, a.inodeBlocks}, format.OwnInodes)
	return rmapList{parts: [3]rmapPart{{&head, 0}, {&a.metaMaps, a.metaBase()}, data}}
}

// treeRmaps are the records of the trees' further blocks.
func treeRmaps(a *group) (out []space.Rmap) {
	for _, e := range []struct {
		extent
		owner uint64
	}{{a.ag, format.OwnAG}, {a.inobt, format.OwnInobt}, {a.refcB, format.OwnRefc}} {
		if e.count > 0 {
			out = append(out, space.Rmap{Start: e.start, Count: e.count, Owner: space.Owner{ID: e.owner}})
		}
	}
	return out
}

func treeOwner(t int) uint64 {
	switch t {
	case ino, fino:
		return format.OwnInobt
	case refc:
		return format.OwnRefc
	}
	return format.OwnAG
}

// freeBlocks is the number of blocks in the group's free space trees.
func (a *group) freeBlocks() (n uint32) {
	for _, e := range a.free {
		n += e.count
	}
	return n
}

// longest is the length of the longest free extent.
func (a *group) longest() (n uint32) {
	for _, e := range a.free {
		n = max(n, e.count)
	}
	return n
}

// btreeBlocks is what the AGF calls so: blocks of trees that grow from the AGFL, but the roots.
func (a *group) btreeBlocks() uint32 { return a.ag.count }

// allocated is the number of inodes in the group's chunks.
func (a *group) allocated(g *format.Geometry) uint32 {
	return a.inodeBlocks << g.InoPBLog
}

func (a *group) freeInodes(g *format.Geometry) uint32 { return a.allocated(g) - a.inodes }

// chunks is the number of inode chunk records, freeChunks that of those with free inodes. Used
// inodes come first, so the chunks with free ones are the last.
func (p *Plan) chunks(a *group) int { return int(a.allocated(p.g) / format.InodesPerChunk) }

func (p *Plan) freeChunks(a *group) int {
	return p.chunks(a) - int(a.inodes/format.InodesPerChunk)
}

// putChunk encodes the record of chunk i.
func (p *Plan) putChunk(a *group, i int, b []byte) {
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
