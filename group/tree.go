package group

import (
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// Tree is one of a group's trees. Their first roots lie in this order in a new image.
type Tree int

// The trees of a group.
const (
	Bnobt Tree = iota
	Cntbt
	Inobt
	Finobt
	Rmapbt
	Refcountbt
	NumTrees
)

var kinds = [NumTrees]*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Inobt, btree.Finobt, btree.Rmapbt, btree.Refcountbt}

// Kind is the tree's kind.
func (t Tree) Kind() *btree.Kind { return kinds[t] }

// In reports whether volumes of a geometry have the tree.
func (t Tree) In(g *format.Geometry) bool {
	switch t {
	case Finobt:
		return g.HasFinobt()
	case Rmapbt:
		return g.HasRmapbt()
	case Refcountbt:
		return g.HasReflink()
	}
	return true
}

// Owner is who has the tree's blocks, as rmapbt says it.
func (t Tree) Owner() uint64 {
	switch t {
	case Inobt, Finobt:
		return format.OwnInobt
	case Refcountbt:
		return format.OwnRefc
	}
	return format.OwnAG
}

// Place is a tree's shape and where its blocks lie.
type Place struct {
	Records int
	// Shape is as btree.Shape gives it for so many records; empty when the volume has no such
	// tree.
	Shape []int
	// Block is the place of the tree's block i, as btree.Load numbers them: the root comes last.
	Block func(i int) uint64
}

// Blocks is the number of the tree's blocks, its root included.
func (p *Place) Blocks() int { return btree.Blocks(p.Shape) }

// Root is the tree's root.
func (p *Place) Root() format.AGBlock { return format.AGBlock(p.Block(p.Blocks() - 1)) }

// Levels is the number of levels as headers count them.
func (p *Place) Levels() uint32 { return uint32(len(p.Shape)) }
