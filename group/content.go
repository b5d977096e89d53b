package group

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// Extent is a run of blocks in a group.
type Extent struct {
	Start format.AGBlock
	Count uint32
}

// End is the block behind the extent.
func (e Extent) End() format.AGBlock { return e.Start + format.AGBlock(e.Count) }

// Content is all that the metadata of a group says.
type Content struct {
	Geo   *format.Geometry
	No    format.AGNumber
	Trees [NumTrees]Place
	// Free is the free extents in order of place. Those of the free list and of trees are none.
	Free []Extent
	// Freelist is the blocks that the AGFL holds, no more than fit into it.
	Freelist []format.AGBlock
	// Record encodes record i of a tree other than the two of free space into b, zeroed.
	Record func(t Tree, i int, b []byte)

	Inodes, FreeInodes uint32
	NewIno             format.AGIno // first of the chunk made last, or NullAGIno
	// Unlinked gives the first inode of each list of inodes without names; nil: all are empty.
	Unlinked *[format.AGIBuckets]format.AGIno
}

// Write writes the group's headers and trees. The first sector of the group, which holds a
// superblock, is super, or left as it is when that is nil.
func (c *Content) Write(dev device.Device, super []byte) error {
	// Roots often lie right behind the headers, and then go out with them.
	head := make([]byte, int(c.head())<<c.Geo.BlockLog)
	sector := func(i int) []byte { return head[i<<c.Geo.SectLog:][:c.Geo.SectSize] }
	copy(sector(0), super)
	c.putAGF(sector(1))
	c.putAGI(sector(2))
	c.putAGFL(sector(3))
	s := device.NewStream(dev)
	for t := range NumTrees {
		if t.In(c.Geo) {
			if err := c.writeTree(s, t, head); err != nil {
				return err
			}
		}
	}
	if err := s.Flush(); err != nil {
		return err
	}
	skip := 0
	if super == nil {
		skip = c.Geo.SectSize
	}
	_, err := dev.WriteAt(head[skip:], c.Geo.AGOffset(c.No, 0)+int64(skip))
	return err
}

// head is the number of blocks at the start of the group that header sectors take, and the roots
// that follow them without a gap.
func (c *Content) head() format.AGBlock {
	n := c.Geo.HeaderBlocks()
	for {
		before := n
		for t := range NumTrees {
			if t.In(c.Geo) && c.Trees[t].Root() == n {
				n++
			}
		}
		if n == before {
			return n
		}
	}
}

// writeTree writes a tree; a root in head goes there.
func (c *Content) writeTree(s *device.Stream, t Tree, head []byte) error {
	p := &c.Trees[t]
	l := btree.Load{
		Kind: t.Kind(), Geo: c.Geo, AG: c.No, Block: p.Block,
		Write: func(i int, b []byte) error {
			block := format.AGBlock(p.Block(i))
			if at := int(block) << c.Geo.BlockLog; at < len(head) {
				copy(head[at:], b)
				return nil
			}
			dst, err := s.Next(c.Geo.AGOffset(c.No, block), len(b))
			if err == nil {
				copy(dst, b)
			}
			return err
		},
	}
	_, _, err := l.Run(p.Records, c.recorder(t))
	return err
}

// recorder returns what encodes the records of a tree.
func (c *Content) recorder(t Tree) func(i int, b []byte) {
	list := c.Free
	switch t {
	case Bnobt:
	case Cntbt:
		list = slices.Clone(list)
		slices.SortStableFunc(list, func(a, b Extent) int { return cmp.Compare(a.Count, b.Count) })
	default:
		return func(i int, b []byte) { c.Record(t, i, b) }
	}
	return func(i int, b []byte) {
		format.FreeStart.Put(b, list[i].Start)
		format.FreeCount.Put(b, list[i].Count)
	}
}

// FreeBlocks is the number of blocks in free extents.
func (c *Content) FreeBlocks() (n uint32) {
	for _, e := range c.Free {
		n += e.Count
	}
	return n
}

// BtreeBlocks is what the AGF calls so: blocks of the trees that grow from the AGFL, without
// their roots.
func (c *Content) BtreeBlocks() (n uint32) {
	for _, t := range [...]Tree{Bnobt, Cntbt, Rmapbt} {
		if t.In(c.Geo) {
			n += uint32(c.Trees[t].Blocks() - 1)
		}
	}
	return n
}

// Count adds the group's share to the counters of the volume.
func (c *Content) Count(sum *space.Counters) {
	sum.Free += uint64(c.FreeBlocks()) + uint64(len(c.Freelist)) + uint64(c.BtreeBlocks())
	sum.Inodes += uint64(c.Inodes)
	sum.FreeInodes += uint64(c.FreeInodes)
}
