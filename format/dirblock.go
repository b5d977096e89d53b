package format

// Magic numbers of directory and attribute blocks.
const (
	DirBlockMagic  = 0x58444233 // "XDB3": the one block of a directory in block form
	DirDataMagic   = 0x58444433 // "XDD3"
	DirFreeMagic   = 0x58444633 // "XDF3"
	DirLeaf1Magic  = 0x3df1     // the one leaf of a directory in leaf form
	DirLeafNMagic  = 0x3dff     // a leaf of a directory in node form
	DaNodeMagic    = 0x3ebe
	AttrLeafMagic  = 0x3bee
	AttrRmtMagic   = 0x5841524d // "XARM"
	SymlinkMagic   = 0x58534c4d // "XSLM"
	DirFreeTag     = 0xffff     // first two bytes of an unused range in a data block
	DirNullDataOff = 0xffff     // in a table of best free lengths: no such block
)

// The address space of a directory's data fork, in bytes: entries from 0, hashes from DirLeafSpace,
// the free space index from DirFreeSpace.
const (
	DirLeafSpace = 1 << 35
	DirFreeSpace = 2 << 35
	DirAlign     = 8 // entries start at a multiple of it; leaf addresses count in it
)

// FType is a file's type as directory entries hold it.
type FType uint8

// File types.
const (
	FTUnknown FType = iota
	FTReg
	FTDir
	FTChar
	FTBlk
	FTFIFO
	FTSock
	FTLink
	FTWhiteout
)

// FTypeOf is the entry type for a mode.
func FTypeOf(mode uint16) FType {
	switch mode & ModeType {
	case ModeReg:
		return FTReg
	case ModeDir:
		return FTDir
	case ModeChar:
		return FTChar
	case ModeBlk:
		return FTBlk
	case ModeFIFO:
		return FTFIFO
	case ModeSock:
		return FTSock
	case ModeLink:
		return FTLink
	}
	return FTUnknown
}

// The header of a block with entries (block and data form); entries follow.
var (
	DirData = newStruct("dirdata", 64)

	DirMagic    = u32[uint32](DirData, "dhdr.hdr.magic", 0, Hex)
	DirCRC      = crc(DirData, "dhdr.hdr.crc", 4)
	DirBno      = u64[Daddr](DirData, "dhdr.hdr.bno", 8, DaddrPtr)
	DirLSN      = u64[LSN](DirData, "dhdr.hdr.lsn", 16, LSNKind)
	DirUUID     = uuid(DirData, "dhdr.hdr.uuid", 24)
	DirOwner    = u64[Ino](DirData, "dhdr.hdr.owner", 40, InoPtr)
	DirBestOff0 = u16[uint16](DirData, "dhdr.bestfree[0].offset", 48, Bytes)
	DirBestLen0 = u16[uint16](DirData, "dhdr.bestfree[0].length", 50, Bytes)
	_           = u16[uint16](DirData, "dhdr.bestfree[1].offset", 52, Bytes)
	_           = u16[uint16](DirData, "dhdr.bestfree[1].length", 54, Bytes)
	_           = u16[uint16](DirData, "dhdr.bestfree[2].offset", 56, Bytes)
	_           = u16[uint16](DirData, "dhdr.bestfree[2].length", 58, Bytes)
	_           = padding(DirData, "dhdr.pad", 60, 4)
)

// DirBestFree is the number of slots for best free ranges in a data block's header.
const DirBestFree = 3

// DirBest returns the accessors of slot i of the best free ranges.
func DirBest(i int) (off, length U16[uint16]) {
	return DirBestOff0 + U16[uint16](4*i), DirBestLen0 + U16[uint16](4*i)
}

// The fixed parts of an entry and of an unused range in a data block. An entry goes on with
// its name, file type, padding and tag: see DirEntrySize.
var (
	DirEntry = newStruct("direntry", 9)

	DirEntryIno     = u64[Ino](DirEntry, "inumber", 0, InoPtr)
	DirEntryNameLen = u8[uint8](DirEntry, "namelen", 8, Bytes)

	DirUnused = newStruct("dirunused", 4)

	DirUnusedTag = u16[uint16](DirUnused, "freetag", 0, Hex)
	DirUnusedLen = u16[uint16](DirUnused, "length", 2, Bytes)
)

// DirEntrySize is the number of bytes that an entry with a name of n bytes takes in a data
// block: inode, length, name, type, then the tag in the last two bytes.
func DirEntrySize(n int) int { return (8 + 1 + n + 1 + 2 + DirAlign - 1) &^ (DirAlign - 1) }

// An entry of the hash index.
var (
	DirLeafEntry = newStruct("leafent", 8)

	DirLeafHash = u32[Hash](DirLeafEntry, "hashval", 0, Hex)
	DirLeafAddr = u32[uint32](DirLeafEntry, "address", 4, Hex) // byte in the data space / DirAlign; 0: stale
)

// The tail of a block in block form, in its last bytes; the index lies before it.
var (
	DirBlockTail = newStruct("dirblocktail", 8)

	DirTailCount = u32[uint32](DirBlockTail, "count", 0, Dec)
	DirTailStale = u32[uint32](DirBlockTail, "stale", 4, Dec)
)

// The header that all blocks of a hash tree share: leaves, nodes, attribute leaves.
var (
	DaInfo = newStruct("dainfo", 56)

	DaForw  = u32[uint32](DaInfo, "forw", 0, Dec)
	DaBack  = u32[uint32](DaInfo, "back", 4, Dec)
	DaMagic = u16[uint16](DaInfo, "magic", 8, Hex)
	_       = padding(DaInfo, "pad", 10, 2)
	DaCRC   = crc(DaInfo, "crc", 12)
	DaBno   = u64[Daddr](DaInfo, "bno", 16, DaddrPtr)
	DaLSN   = u64[LSN](DaInfo, "lsn", 24, LSNKind)
	DaUUID  = uuid(DaInfo, "uuid", 32)
	DaOwner = u64[Ino](DaInfo, "owner", 48, InoPtr)
)

// The header of a directory leaf; index entries follow.
var (
	DirLeaf = embedding("dirleaf", 64, "lhdr.info.hdr.", DaInfo)

	DirLeafCount = u16[uint16](DirLeaf, "lhdr.count", 56, Dec)
	DirLeafStale = u16[uint16](DirLeaf, "lhdr.stale", 58, Dec)
	_            = padding(DirLeaf, "lhdr.pad", 60, 4)
)

// DirLeafTailSize is the size of the tail of a leaf in leaf form: the number of best lengths,
// which lie before it as 16-bit numbers.
const DirLeafTailSize = 4

// The header of a node of a hash tree; DaNodeEntry entries follow.
var (
	DaNode = embedding("danode", 64, "nhdr.info.hdr.", DaInfo)

	DaNodeCount = u16[uint16](DaNode, "nhdr.count", 56, Dec)
	DaNodeLevel = u16[uint16](DaNode, "nhdr.level", 58, Dec)
	_           = padding(DaNode, "nhdr.pad", 60, 4)

	DaNodeEntry = newStruct("daentry", 8)

	DaEntryHash   = u32[Hash](DaNodeEntry, "hashval", 0, Hex)
	DaEntryBefore = u32[uint32](DaNodeEntry, "before", 4, Dec)
)

// The header of a block of a directory's free space index; best lengths follow as 16-bit numbers.
var (
	DirFree = newStruct("dirfree", 64)

	DirFreeMagicNum = u32[uint32](DirFree, "fhdr.hdr.magic", 0, Hex)
	DirFreeCRC      = crc(DirFree, "fhdr.hdr.crc", 4)
	DirFreeBno      = u64[Daddr](DirFree, "fhdr.hdr.bno", 8, DaddrPtr)
	DirFreeLSN      = u64[LSN](DirFree, "fhdr.hdr.lsn", 16, LSNKind)
	DirFreeUUID     = uuid(DirFree, "fhdr.hdr.uuid", 24)
	DirFreeOwner    = u64[Ino](DirFree, "fhdr.hdr.owner", 40, InoPtr)
	DirFreeFirstDB  = u32[uint32](DirFree, "fhdr.firstdb", 48, Dec)
	DirFreeNValid   = u32[uint32](DirFree, "fhdr.nvalid", 52, Dec)
	DirFreeNUsed    = u32[uint32](DirFree, "fhdr.nused", 56, Dec)
	_               = padding(DirFree, "fhdr.pad", 60, 4)
)

// The header of a directory in shortform. A directory whose entries all have inode numbers
// below 2^32 stores 4 bytes of each, one with any larger number 8.
var (
	DirSF = newStruct("dirsf", 2)

	DirSFCount   = u8[uint8](DirSF, "hdr.count", 0, Dec)
	DirSFI8Count = u8[uint8](DirSF, "hdr.i8count", 1, Dec)
)

// DirSFSize is the size of a shortform directory's header (count, i8count, parent) when inode
// numbers take inoSize bytes; DirSFEntrySize that of an entry with a name of n bytes.
func DirSFSize(inoSize int) int { return DirSF.Size + inoSize }

// DirSFEntrySize is the size of a shortform entry: length, offset, name, type, inode number.
func DirSFEntrySize(n, inoSize int) int { return 1 + 2 + n + 1 + inoSize }

// DirFirstOffset is the offset in the first data block of the first entry behind . and ..
const DirFirstOffset = 64 + 16 + 16

// embedding declares a structure that starts with another one.
func embedding(name string, size int, prefix string, inner *Struct) *Struct {
	s := newStruct(name, size)
	s.embed(prefix, 0, inner)
	return s
}
