package format

// Records and keys of the seven B+tree kinds. Where a key has the same form as a record or is
// the beginning of one, it still has a table, so that node blocks print by the right names.

// A free extent: record and key of bnobt and cntbt.
var (
	FreeRec = newStruct("freerec", 8)

	FreeStart = u32[AGBlock](FreeRec, "startblock", 0, AGBlockPtr)
	FreeCount = u32[uint32](FreeRec, "blockcount", 4, Blocks)
)

// A chunk of inodes: record of inobt and finobt, in its two forms. The fields up to startino are
// common; sparse volumes split the word that otherwise is the number of free inodes.
var (
	InobtRec = newStruct("inorec", 16)

	InoRecStart     = u32[AGIno](InobtRec, "startino", 0, AGInoPtr)
	InoRecHoleMask  = u16[uint16](InobtRec, "holemask", 4, Hex)
	InoRecCount     = u8[uint8](InobtRec, "count", 6, Dec)
	InoRecFreeCount = u8[uint8](InobtRec, "freecount", 7, Dec)
	InoRecFree      = u64[uint64](InobtRec, "free", 8, Hex)

	InobtRecFull = newStruct("inorecfull", 16) // without sparse inodes

	_                   = u32[AGIno](InobtRecFull, "startino", 0, AGInoPtr)
	InoRecFullFreeCount = u32[uint32](InobtRecFull, "freecount", 4, Dec)
	_                   = u64[uint64](InobtRecFull, "free", 8, Hex)

	InobtKey = newStruct("inokey", 4)

	_ = u32[AGIno](InobtKey, "startino", 0, AGInoPtr)
)

// The owner of an extent: record of rmapbt, and the two keys of a node's entry.
var (
	RmapRec = newStruct("rmaprec", 24)

	RmapStart  = u32[AGBlock](RmapRec, "startblock", 0, AGBlockPtr)
	RmapCount  = u32[uint32](RmapRec, "blockcount", 4, Blocks)
	RmapOwner  = u64[uint64](RmapRec, "owner", 8, Owner)
	RmapOffset = u64[uint64](RmapRec, "packedoffset", 16, Hex)

	RmapKey = newStruct("rmapkey", 40)

	RmapKeyStart      = u32[AGBlock](RmapKey, "startblock", 0, AGBlockPtr)
	RmapKeyOwner      = u64[uint64](RmapKey, "owner", 4, Owner)
	RmapKeyOffset     = u64[uint64](RmapKey, "packedoffset", 12, Hex)
	RmapHighKeyStart  = u32[AGBlock](RmapKey, "startblock_hi", 20, AGBlockPtr)
	RmapHighKeyOwner  = u64[uint64](RmapKey, "owner_hi", 24, Owner)
	RmapHighKeyOffset = u64[uint64](RmapKey, "packedoffset_hi", 32, Hex)
)

// Flags in an rmap record's offset word; the fork's block offset is in the other bits.
const (
	RmapAttrFork   uint64 = 1 << 63
	RmapBmbtBlock  uint64 = 1 << 62
	RmapUnwritten  uint64 = 1 << 61
	RmapOffsetMask uint64 = 1<<54 - 1
)

// Owners that are not inodes.
const (
	OwnNull    uint64 = -1 & (1<<64 - 1)
	OwnUnknown        = OwnNull - 1
	OwnFS             = OwnNull - 2 // header sectors
	OwnLog            = OwnNull - 3
	OwnAG             = OwnNull - 4 // bnobt, cntbt, rmapbt, AGFL
	OwnInobt          = OwnNull - 5 // inobt, finobt
	OwnInodes         = OwnNull - 6
	OwnRefc           = OwnNull - 7
	OwnCow            = OwnNull - 8 // CoW staging
)

// How often an extent is shared: record of refcountbt.
var (
	RefcountRec = newStruct("refcrec", 12)

	RefcStart = u32[uint32](RefcountRec, "startblock", 0, Dec) // RefcCowFlag set: the CoW domain
	RefcCount = u32[uint32](RefcountRec, "blockcount", 4, Blocks)
	RefcRefs  = u32[uint32](RefcountRec, "refcount", 8, Dec)

	RefcountKey = newStruct("refckey", 4)

	_ = u32[uint32](RefcountKey, "startblock", 0, Dec)
)

// RefcCowFlag in the start block of a refcount record puts it in the CoW domain.
const RefcCowFlag uint32 = 1 << 31

// A mapping of a fork: record of bmbt and of forks in extents format. Not byte-aligned;
// Mapping packs and unpacks it.
var (
	BmbtRec = bmbtRec()

	BmbtKey = newStruct("bmbtkey", 8)

	BmbtKeyStart = u64[FileOff](BmbtKey, "startoff", 0, FileOffKind)
)

func bmbtRec() *Struct {
	s := newStruct("bmbtrec", 16)
	s.bits("extentflag", 0, 1, Dec)
	s.bits("startoff", 1, 54, Dec)
	s.bits("startblock", 55, 52, Dec)
	s.bits("blockcount", 107, 21, Blocks)
	return s
}

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

// End is the first offset behind the mapping.
func (m Mapping) End() FileOff { return m.Off + FileOff(m.Count) }

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
