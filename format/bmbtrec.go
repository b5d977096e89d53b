package format

// A mapping of a fork: record of bmbt and of forks in extents format. Not byte-aligned;
// Mapping packs and unpacks it.
var (
	BmbtRec = newStruct("bmbtrec", 16)

	_ = bitfield(BmbtRec, 0, "startoff", 1, 54, FileOffKind)
	_ = bitfield(BmbtRec, 0, "startblock", 55, 52, FSBlockPtr)
	_ = bitfield(BmbtRec, 0, "blockcount", 107, 21, Blocks)
	_ = bitfield(BmbtRec, 0, "extentflag", 0, 1, Dec)

	BmbtKey = newStruct("bmbtkey", 8)

	BmbtKeyStart = u64[FileOff](BmbtKey, "startoff", 0, FileOffKind)
)

// Pointers to child blocks.
var (
	ShortPtr   = newStruct("shortptr", 4)
	ShortPtrTo = u32[AGBlock](ShortPtr, "", 0, AGBlockPtr)
	LongPtr    = newStruct("longptr", 8)
	LongPtrTo  = u64[FSBlock](LongPtr, "", 0, FSBlockPtr)
)

// Mapping is one extent of a fork: Count blocks from offset Off lie at Start.
type Mapping struct {
	Off       FileOff
	Start     FSBlock
	Count     uint32 // blocks, 1..MaxExtentLen
	Unwritten bool
}

// MaxFileOff is the first block offset that no mapping can reach.
const MaxFileOff FileOff = 1 << 54

// End is the first offset behind the mapping.
func (m Mapping) End() FileOff { return m.Off + FileOff(m.Count) }

// Joins reports whether n goes on where m ends, so that the two are one extent.
func (m Mapping) Joins(n Mapping) bool {
	return m.End() == n.Off && m.Start+FSBlock(m.Count) == n.Start && m.Unwritten == n.Unwritten &&
		uint64(m.Count)+uint64(n.Count) <= MaxExtentLen
}

// Part is what the mapping says of the offsets from off up to end, which it covers.
func (m Mapping) Part(off, end FileOff) Mapping {
	return Mapping{Off: off, Start: m.Start + FSBlock(off-m.Off), Count: uint32(end - off), Unwritten: m.Unwritten}
}

// Pack writes the mapping's 16 bytes to b.
func (m Mapping) Pack(b []byte) {
	hi := uint64(m.Off)<<9 | uint64(m.Start)>>43
	if m.Unwritten {
		hi |= 1 << 63
	}
	U64[uint64](0).Put(b, hi)
	U64[uint64](8).Put(b, uint64(m.Start)<<21|uint64(m.Count))
}

// UnpackMapping is the inverse of Pack.
func UnpackMapping(b []byte) Mapping {
	hi, lo := U64[uint64](0).Get(b), U64[uint64](8).Get(b)
	return Mapping{
		Off:       FileOff(hi >> 9 & (1<<54 - 1)),
		Start:     FSBlock(hi&(1<<9-1)<<43 | lo>>21),
		Count:     uint32(lo & (1<<21 - 1)),
		Unwritten: hi>>63 != 0,
	}
}
