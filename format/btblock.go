package format

// BtreeMagic is the magic number of a B+tree block; it tells the kind of tree.
type BtreeMagic uint32

// Magic numbers of the seven kinds.
const (
	BnobtMagic  BtreeMagic = 0x41423342 // "AB3B"
	CntbtMagic  BtreeMagic = 0x41423343 // "AB3C"
	InobtMagic  BtreeMagic = 0x49414233 // "IAB3"
	FinobtMagic BtreeMagic = 0x46494233 // "FIB3"
	RmapbtMagic BtreeMagic = 0x524d4233 // "RMB3"
	RefcbtMagic BtreeMagic = 0x52334643 // "R3FC"
	BmbtMagic   BtreeMagic = 0x424d4133 // "BMA3"
)

// The header of a block of a tree within a group: siblings and children are AGBlocks.
var (
	ShortBlock = newStruct("btshort", 56)

	ShortMagic    = u32[BtreeMagic](ShortBlock, "magic", 0, Hex)
	ShortLevel    = u16[uint16](ShortBlock, "level", 4, Dec)
	ShortNumRecs  = u16[uint16](ShortBlock, "numrecs", 6, Dec)
	ShortLeftSib  = u32[AGBlock](ShortBlock, "leftsib", 8, AGBlockPtr)
	ShortRightSib = u32[AGBlock](ShortBlock, "rightsib", 12, AGBlockPtr)
	ShortBno      = u64[Daddr](ShortBlock, "bno", 16, DaddrPtr)
	ShortLSN      = u64[LSN](ShortBlock, "lsn", 24, LSNKind)
	ShortUUID     = uuid(ShortBlock, "uuid", 32)
	ShortOwner    = u32[AGNumber](ShortBlock, "owner", 48, Dec)
	ShortCRC      = crc(ShortBlock, "crc", 52)

	_ = contents(ShortBlock, btreeParts)
)

// The header of a block of a fork's tree: siblings and children are FSBlocks, the owner is
// an inode. The first four bytes are as in ShortBlock.
var (
	LongBlock = newStruct("btlong", 72)

	LongMagic    = u32[BtreeMagic](LongBlock, "magic", 0, Hex)
	LongLevel    = u16[uint16](LongBlock, "level", 4, Dec)
	LongNumRecs  = u16[uint16](LongBlock, "numrecs", 6, Dec)
	LongLeftSib  = u64[FSBlock](LongBlock, "leftsib", 8, FSBlockPtr)
	LongRightSib = u64[FSBlock](LongBlock, "rightsib", 16, FSBlockPtr)
	LongBno      = u64[Daddr](LongBlock, "bno", 24, DaddrPtr)
	LongLSN      = u64[LSN](LongBlock, "lsn", 32, LSNKind)
	LongUUID     = uuid(LongBlock, "uuid", 40)
	LongOwner    = u64[Ino](LongBlock, "owner", 56, InoPtr)
	LongCRC      = crc(LongBlock, "crc", 64)
	_            = padding(LongBlock, "pad", 68, 4)

	_ = contents(LongBlock, btreeParts)
)

// The root of a fork's tree in its inode, "bmdr"; keys and pointers follow.
var (
	RootBlock = newStruct("bmroot", 4)

	RootLevel   = u16[uint16](RootBlock, "level", 0, Dec)
	RootNumRecs = u16[uint16](RootBlock, "numrecs", 2, Dec)

	_ = contents(RootBlock, rootParts)
)

// RootMaxRecs is the number of keys and pointers that fit in a root of forkSize bytes.
func RootMaxRecs(forkSize int) int {
	return max(0, forkSize-RootBlock.Size) / (BmbtKey.Size + LongPtr.Size)
}
