package space

import "github.com/cowfs/cowfs/format"

// Owner says who has an extent, as a record of rmapbt does. The zero Owner is none: the reverse
// map is left alone.
type Owner struct {
	ID uint64 // an inode number, or one of format.OwnFS to format.OwnCow
	// Offset is the record's offset word: the offset in the fork in blocks, and flags. It is 0
	// for owners other than inodes.
	Offset uint64
}

// ForkOwner is an inode's data or attribute fork that has the extent at an offset.
func ForkOwner(ino format.Ino, attr bool, off format.FileOff, unwritten bool) Owner {
	o := Owner{uint64(ino), uint64(off)}
	if attr {
		o.Offset |= format.RmapAttrFork
	}
	return o.written(!unwritten)
}

// BmbtOwner is an inode whose fork has the extent for its B+tree.
func BmbtOwner(ino format.Ino, attr bool) Owner {
	o := Owner{uint64(ino), format.RmapBmbtBlock}
	if attr {
		o.Offset |= format.RmapAttrFork
	}
	return o
}

// counts reports whether the offset counts along with the blocks.
func (o Owner) counts() bool {
	return format.OwnerIsInode(o.ID) && o.Offset&format.RmapBmbtBlock == 0
}

// shares reports whether the owner's blocks may have other owners too.
func (o Owner) shares() bool { return o.counts() && o.Offset&format.RmapAttrFork == 0 }

// At is the owner of the block that lies n blocks further on in the same extent.
func (o Owner) At(n uint32) Owner {
	if o.counts() {
		o.Offset += uint64(n)
	}
	return o
}

func (o Owner) written(w bool) Owner {
	o.Offset &^= format.RmapUnwritten
	if !w {
		o.Offset |= format.RmapUnwritten
	}
	return o
}

// Rmap is a record of rmapbt: Count blocks from Start belong to Owner.
type Rmap struct {
	Start format.AGBlock
	Count uint32
	Owner
}

// UnpackRmap decodes a record.
func UnpackRmap(b []byte) Rmap {
	return Rmap{format.RmapStart.Get(b), format.RmapCount.Get(b), Owner{format.RmapOwner.Get(b), format.RmapOffset.Get(b)}}
}

// Put encodes the record.
func (r Rmap) Put(b []byte) {
	format.RmapStart.Put(b, r.Start)
	format.RmapCount.Put(b, r.Count)
	format.RmapOwner.Put(b, r.ID)
	format.RmapOffset.Put(b, r.Offset)
}

// End is the block behind the record.
func (r Rmap) End() format.AGBlock { return r.Start + format.AGBlock(r.Count) }

// Joins reports whether s continues r, so that the two must be one record.
func (r Rmap) Joins(s Rmap) bool { return r.End() == s.Start && r.At(r.Count) == s.Owner }

// overlaps reports whether the two have a block in common.
func (r Rmap) overlaps(s Rmap) bool { return r.Start < s.End() && s.Start < r.End() }

// part is what r says of count blocks from start, which it covers.
func (r Rmap) part(start format.AGBlock, count uint32) Rmap {
	return Rmap{start, count, r.At(uint32(start - r.Start))}
}

// covers reports whether s is a part of r.
func (r Rmap) covers(s Rmap) bool {
	return r.Start <= s.Start && s.End() <= r.End() && r.part(s.Start, s.Count) == s
}
