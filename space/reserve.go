package space

import (
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// Blocks are held back in each group for what must not fail for want of space: the free list,
// and the trees that grow as a consequence of something that was promised already. Nothing of
// this is on disk; the numbers follow from the geometry and are the kernel's.

// setAside is the number of blocks of each group that are never promised to anybody: some are
// in the free list, some may become blocks of the free space trees.
const setAside = 8

// Reservation is the number of blocks that are wanted in a group for the growth of refcountbt,
// finobt and rmapbt, those included that they have. The kernel complains at mount when they are
// not there.
func Reservation(g *format.Geometry, no format.AGNumber) uint32 {
	trees, rmap := reservations(g, no)
	return uint32(min(trees+rmap, uint64(g.AGLen(no)-logBlocks(g, no))))
}

// reservations is Reservation apart: refcountbt with finobt, and rmapbt.
func reservations(g *format.Geometry, no format.AGNumber) (trees, rmap uint64) {
	n := uint64(g.AGLen(no) - logBlocks(g, no))
	if g.HasReflink() {
		trees += worst(btree.Refcountbt, g.BlockSize, n)
	}
	if g.HasFinobt() {
		trees += worst(btree.Finobt, g.BlockSize, n<<g.InoPBLog/format.InodesPerChunk)
	}
	if g.HasRmapbt() {
		rmap = max(n/100, worst(btree.Rmapbt, g.BlockSize, n))
	}
	return trees, rmap
}

// worst is the number of blocks of a tree of n records when all blocks are as empty as they may
// be.
func worst(k *btree.Kind, blockSize int, n uint64) uint64 {
	total := uint64(0)
	for level := 0; ; level++ {
		per := uint64(k.MinRecs(blockSize, level))
		n = (n + per - 1) / per
		total += n
		if n <= 1 {
			return total
		}
	}
}

// logBlocks is the number of blocks that the log takes in a group.
func logBlocks(g *format.Geometry, no format.AGNumber) uint32 {
	if g.LogStart == 0 || g.AG(g.LogStart) != no {
		return 0
	}
	return g.LogBlocks
}

// FreeLevels is how high a free space tree can grow, as an AGF counts.
func FreeLevels(g *format.Geometry) int {
	return btree.MaxLevels(btree.Bnobt, g.BlockSize, (int(g.AGBlocks)+1)/2)
}

// RmapLevels is how high rmapbt can grow; 0 without it.
func RmapLevels(g *format.Geometry) int {
	switch {
	case !g.HasRmapbt():
		return 0
	case g.HasReflink():
		// The blocks of a group can have any number of owners, so only its size is a limit.
		return levelsInSpace(btree.Rmapbt.MinRecs(g.BlockSize, 1), int(g.AGBlocks))
	}
	return btree.MaxLevels(btree.Rmapbt, g.BlockSize, int(g.AGBlocks))
}

// levelsInSpace is how high a tree can grow in so many blocks, when each node has only the least
// number of children, and the root two.
func levelsInSpace(children, blocks int) int {
	levels := 1
	for row, used := 2, 1; used+row <= blocks; row *= children {
		used += row
		levels++
	}
	return levels
}

// heights is how high the trees can grow that live off the free list.
type heights struct{ free, rmap int }

func heightsOf(g *format.Geometry) heights { return heights{FreeLevels(g), RmapLevels(g)} }

// MinFreelist is the length that the free list of a group has as long as its trees have one
// level.
func MinFreelist(g *format.Geometry) uint32 {
	levels := 0
	if g.HasRmapbt() {
		levels = 1
	}
	return FreelistLen(g, 1, 1, levels)
}

// FreelistLen is the length that the free list of a group has when its free space trees and its
// rmapbt, 0 when there is none, have so many levels.
func FreelistLen(g *format.Geometry, bno, cnt, rmap int) uint32 {
	return heightsOf(g).minFreelist(bno, cnt, rmap)
}

// minFreelist is the length that the free list must have when the trees have these heights:
// enough to split every block from a leaf to a new root, in each tree that can grow, for a
// change and for the change that refills the list after it.
func (h heights) minFreelist(bno, cnt, rmap int) uint32 {
	n := 2*min(bno+1, h.free) - 2
	n += 2*min(cnt+1, h.free) - 2
	if rmap > 0 {
		n += 2*min(rmap+1, h.rmap) - 2
	}
	return uint32(n)
}
