package volume

import (
	"math/bits"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// Stat is the size of a volume and how much of it is in use, as its superblock says.
type Stat struct {
	BlockSize  int    // bytes
	Blocks     uint64 // without an internal log
	Free       uint64 // blocks; a mount keeps some of them for itself
	Inodes     uint64 // allocated
	FreeInodes uint64 // of those
	MaxName    int    // bytes
	Label      string
	UUID       format.UUID
}

// Statfs returns the counters of the superblock. Where these are behind, as the volume is being changed
// or its log has been replayed, they are counted group by group, unless a group's headers are damaged.
// With a dirty log that was not replayed they are not up to date.
func (v *Volume) Statfs() Stat {
	s := Stat{
		BlockSize: v.Geo.BlockSize, Blocks: v.Geo.DBlocks, Free: format.SBFDBlocks.Get(v.sb),
		Inodes: format.SBICount.Get(v.sb), FreeInodes: format.SBIFree.Get(v.sb),
		MaxName: format.MaxNameLen, Label: v.Geo.Label, UUID: v.Geo.UUID,
	}
	if v.Geo.LogStart != 0 {
		s.Blocks -= min(s.Blocks, uint64(v.Geo.LogBlocks))
	}
	if v.cow != nil {
		if now, err := v.count(); err == nil {
			s.Free, s.Inodes, s.FreeInodes = now.Free, now.Inodes, now.FreeInodes
		}
	}
	return s
}

// count adds up the free blocks and the inodes of all groups.
func (v *Volume) count() (s Stat, err error) {
	for ag := range format.AGNumber(v.Geo.AGCount) {
		agf, err := v.AGF(ag)
		if err != nil {
			return s, err
		}
		agi, err := v.AGI(ag)
		if err != nil {
			return s, err
		}
		s.Free += uint64(format.AGFFreeBlks.Get(agf)) + uint64(format.AGFFlCount.Get(agf)) + uint64(format.AGFBtreeBlks.Get(agf))
		s.Inodes += uint64(format.AGICount.Get(agi))
		s.FreeInodes += uint64(format.AGIFreeCount.Get(agi))
	}
	return s, nil
}

// FreeSpace is the free space of one group or several: extents by their length.
type FreeSpace struct {
	Extents uint64
	Blocks  uint64
	Longest uint32 // blocks
	// Buckets counts the extents of 2^i to 2^(i+1)-1 blocks in element i.
	Buckets [32]Bucket
	// Reserve is the number of blocks on the AGFL, which are not among Blocks.
	Reserve uint64
}

// Bucket is a number of free extents and their blocks.
type Bucket struct{ Extents, Blocks uint64 }

func (f *FreeSpace) add(length uint32) {
	f.Extents++
	f.Blocks += uint64(length)
	f.Longest = max(f.Longest, length)
	b := &f.Buckets[bits.Len32(length|1)-1]
	b.Extents++
	b.Blocks += uint64(length)
}

// Add adds the free space of another group.
func (f *FreeSpace) Add(g FreeSpace) {
	f.Extents += g.Extents
	f.Blocks += g.Blocks
	f.Reserve += g.Reserve
	f.Longest = max(f.Longest, g.Longest)
	for i := range f.Buckets {
		f.Buckets[i].Extents += g.Buckets[i].Extents
		f.Buckets[i].Blocks += g.Buckets[i].Blocks
	}
}

// FreeSpace counts the free extents of a group, from its by-block tree.
func (v *Volume) FreeSpace(ag format.AGNumber) (FreeSpace, error) {
	var f FreeSpace
	agf, err := v.AGF(ag)
	if err != nil {
		return f, err
	}
	f.Reserve = uint64(format.AGFFlCount.Get(agf))
	err = v.eachFree(ag, func(_ format.AGBlock, count uint32) bool {
		f.add(count)
		return true
	})
	return f, err
}

// eachFree gives the free extents of a group by place; visit returns false to stop.
func (v *Volume) eachFree(ag format.AGNumber, visit func(start format.AGBlock, count uint32) bool) error {
	t, err := v.Tree(btree.Bnobt, ag)
	if err != nil {
		return err
	}
	end := uint64(0)
	for rec, err := range t.All() {
		if err != nil {
			return err
		}
		start, count := format.FreeStart.Get(rec), format.FreeCount.Get(rec)
		if err := v.checkExtent(ag, "free extent", uint64(start), count, end); err != nil {
			return err
		}
		if !visit(start, count) {
			return nil
		}
		end = uint64(start) + uint64(count)
	}
	return nil
}
