package populate

import (
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/group"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// agroup is one allocation group while it is planned. Its blocks lie in this order:
//
//	header sectors, first roots of the trees, log (in one group), AGFL,
//	inode chunks, metadata of inodes (directories, attributes, fork trees), file data,
//	further blocks of the group's trees, free space
//
// The places of metadata and of data are counted from the start of their regions until all is
// placed, since a region starts where the one before it turns out to end.
type agroup struct {
	no  format.AGNumber
	len uint32

	roots   [group.NumTrees]format.AGBlock // 0: the volume has no such tree
	log     group.Extent                   // empty but in one group
	agfl    group.Extent
	first   format.AGBlock // the first block behind the fixed part
	inoBase format.AGBlock

	share, most      uint32 // blocks to place here at first, and at all
	inodes           uint32
	inodeBlocks      uint32
	meta, data       uint32 // blocks in these regions
	metaMaps         slab[space.Rmap]
	dataMaps         slab[space.Rmap]
	shared           []space.Rmap
	rmaps            rmapList // all of the group's, once it is closed
	refcounts        []refcount.Record
	trees            [group.NumTrees]tree
	ag, inobt, refcB group.Extent // where the trees' further blocks lie, by owner
	free             []group.Extent
}

// tree is a tree's shape, and the blocks beyond its first root.
type tree struct {
	records int
	shape   []int
	root    format.AGBlock
	more    format.AGBlock // blocks but the root lie from here on
}

func (t *tree) blocks() int { return btree.Blocks(t.shape) }

// block is the place of the tree's block i, as btree.Load numbers them: the root comes last
// and keeps its place at the head of the group.
func (t *tree) block(i int) uint64 {
	if i == t.blocks()-1 {
		return uint64(t.root)
	}
	return uint64(t.more) + uint64(i)
}

// newGroup lays out the fixed part of a group.
func newGroup(g *format.Geometry, no format.AGNumber) *agroup {
	a := &agroup{no: no, len: g.AGLen(no)}
	next := g.HeaderBlocks()
	for t := range a.roots {
		if group.Tree(t).In(g) {
			a.roots[t] = next
			next++
		}
	}
	a.agfl = group.Extent{Start: next, Count: space.MinFreelist(g)}
	if g.LogStart != 0 && g.AG(g.LogStart) == no {
		a.log = group.Extent{Start: g.AGB(g.LogStart), Count: g.LogBlocks}
		// Stripes may leave a gap before the log; the free list goes there if it can.
		before := gap(next, a.log.Start)
		if a.agfl.End() <= a.log.Start {
			before = gap(a.agfl.End(), a.log.Start)
			a.first = a.log.End()
		} else {
			a.agfl.Start = a.log.End()
			if uint32(a.agfl.End()) > a.len {
				a.agfl.Count = 0 // the log takes nearly all; the list is filled when there is room
			}
			a.first = a.agfl.End()
		}
		a.free = before
	} else {
		a.first = a.agfl.End()
	}
	a.inoBase = min(inodeBase(g, a.first), format.AGBlock(a.len))
	return a
}

// inodeBase is where the first chunk goes when the blocks from next on are free. In group 0 it
// is the place where everyone expects the root directory.
func inodeBase(g *format.Geometry, next format.AGBlock) format.AGBlock {
	align := max(1, g.InoAlign)
	if g.Unit > 0 && g.Version&format.VersionDAlign != 0 && align > 1 && g.Unit%align == 0 {
		align = g.Unit
	}
	return (next + format.AGBlock(align) - 1) / format.AGBlock(align) * format.AGBlock(align)
}

// RootIno is the number of the root directory's inode in an image of this geometry.
func RootIno(g *format.Geometry) format.Ino {
	return g.Ino(0, format.AGIno(newGroup(g, 0).inoBase)<<g.InoPBLog)
}

// head is the number of blocks at the start of a group that header sectors and first roots take.
func (a *agroup) head() format.AGBlock { return slices.Max(a.roots[:]) + 1 }

// used is the number of blocks that are placed so far.
func (a *agroup) used() uint32 { return a.inodeBlocks + a.meta + a.data }

// metaBase and dataBase are the starts of the two regions; valid once all is placed.
func (a *agroup) metaBase() format.AGBlock { return a.inoBase + format.AGBlock(a.inodeBlocks) }
func (a *agroup) dataBase() format.AGBlock { return a.metaBase() + format.AGBlock(a.meta) }
