package inode

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

func (f *Fork) newTree() *btree.Tree {
	return &btree.Tree{Kind: btree.Bmbt, Geo: f.ino.src.Geo, Dev: f.ino.src.Dev, Owner: f.ino.Ino}
}

// openCow takes the CoW fork: a tree whose root is a block of its own. How high it is, only that
// block knows.
func (f *Fork) openCow() error {
	g, root := f.ino.src.Geo, f.ino.CowRoot()
	if !g.ValidFSB(root, 1) {
		return f.corrupt("root", root, "a block of the volume")
	}
	head := make([]byte, format.LongBlock.Size)
	if _, err := f.ino.src.Dev.ReadAt(head, g.Offset(root)); err != nil {
		return fmt.Errorf("read inode %d: %v: %w", f.ino.Ino, f.Which, err)
	}
	f.Format = format.FmtBtree
	f.tree = f.newTree()
	f.tree.Root, f.tree.Levels = uint64(root), int(format.LongLevel.Get(head))+1
	return nil
}

// Tree is the B+tree that holds the fork's mappings, or nil when the fork is in another format.
func (f *Fork) Tree() *btree.Tree { return f.tree }

// spot is what a reader of the tree has learnt: from offset hole on nothing is mapped before m.
type spot struct {
	hole format.FileOff
	m    format.Mapping
}

// fromTree is From for a fork in B+tree format. The mappings ascend, each begins behind the one
// before, so that no damage can make the sequence endless.
//
// Readers go through a file piece by piece, so the place at which one stops is kept for the
// next one, which then need not go down the tree.
func (f *Fork) fromTree(off format.FileOff, yield func(format.Mapping, error) bool) {
	if last := f.last.Load(); last != nil && last.hole <= off && off < last.m.End() {
		if !yield(last.m, nil) {
			return
		}
		off = last.m.End()
	}
	var key [8]byte
	format.BmbtKeyStart.Put(key[:], off)
	c := f.tree.SeekLE(key[:])
	hole := off
	var end format.FileOff
	var count uint64
	for {
		rec, ok, err := c.Next()
		if err == nil && !ok {
			err = f.checkCount(count, off)
		}
		if err != nil {
			yield(format.Mapping{}, err)
		}
		if err != nil || !ok {
			return
		}
		m := format.UnpackMapping(rec)
		if err := f.check(m, end); err != nil {
			yield(format.Mapping{}, err)
			return
		}
		end = m.End()
		count++
		if end > off && !yield(m, nil) { // only the first one can be wholly below off
			f.last.Store(&spot{min(hole, m.Off), m})
			return
		}
		hole = end
	}
}

// check judges one mapping of a tree by itself and against the end of those before it.
func (f *Fork) check(m format.Mapping, end format.FileOff) error {
	at := fmt.Sprintf("%d blocks at %d from block %d", m.Count, m.Off, m.Start)
	switch {
	case m.Count == 0, m.Off >= format.MaxFileOff, format.FileOff(m.Count) > format.MaxFileOff-m.Off:
		return f.corrupt("mapping", at, "a range of blocks")
	case m.Off < end:
		return f.corrupt("mapping", at, fmt.Sprintf("nothing below offset %d", end))
	case !f.ino.src.Geo.ValidFSB(m.Start, uint64(m.Count)):
		return f.corrupt("mapping", at, "blocks within one group of the volume")
	case m.Unwritten && f.Which == Attr:
		return f.corrupt("mapping", at+", unwritten", "written blocks")
	}
	return nil
}

// checkCount judges the number of mappings seen at the end of a pass that began at off.
func (f *Fork) checkCount(count uint64, off format.FileOff) error {
	if off != 0 || f.Which == Cow || count == f.Extents {
		return nil
	}
	return f.corrupt("number of extents", count, fmt.Sprintf("%d as the inode says", f.Extents))
}
