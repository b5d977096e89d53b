package format

// The owner of an extent: record of rmapbt, and the two keys of a node's entry. The accessors
// of the offset words give flags and offset together; the tables have them one by one.
var (
	RmapRec = newStruct("rmaprec", 24)

	RmapStart  = u32[AGBlock](RmapRec, "startblock", 0, AGBlockPtr)
	RmapCount  = u32[uint32](RmapRec, "blockcount", 4, Blocks)
	RmapOwner  = u64[uint64](RmapRec, "owner", 8, Owner)
	RmapOffset = rmapOffset(RmapRec, 16, "")

	RmapKey = newStruct("rmapkey", 40)

	RmapKeyStart      = u32[AGBlock](RmapKey, "startblock", 0, AGBlockPtr)
	RmapKeyOwner      = u64[uint64](RmapKey, "owner", 4, Owner)
	RmapKeyOffset     = rmapOffset(RmapKey, 12, "")
	RmapHighKeyStart  = u32[AGBlock](RmapKey, "startblock_hi", 20, AGBlockPtr)
	RmapHighKeyOwner  = u64[uint64](RmapKey, "owner_hi", 24, Owner)
	RmapHighKeyOffset = rmapOffset(RmapKey, 32, "_hi")
)

// rmapOffset declares the offset word at off.
func rmapOffset(s *Struct, off int, suffix string) U64[uint64] {
	bitfield(s, off, "offset"+suffix, 10, 54, Dec)
	bitfield(s, off, "extentflag"+suffix, 2, 1, Dec)
	bitfield(s, off, "attrfork"+suffix, 0, 1, Dec)
	bitfield(s, off, "bmbtblock"+suffix, 1, 1, Dec)
	bitfield(s, off, "reserved"+suffix, 3, 7, Pad)
	return U64[uint64](off)
}

// Flags in an rmap record's offset word; the fork's block offset is in the other bits.
const (
	RmapAttrFork   uint64 = 1 << 63
	RmapBmbtBlock  uint64 = 1 << 62
	RmapUnwritten  uint64 = 1 << 61
	RmapOffsetMask uint64 = 1<<54 - 1
)
