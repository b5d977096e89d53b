package format

// LogBufChunk is the unit of a buffer item's map, in bytes: the runs of bits that are set are
// one region each.
const LogBufChunk = 128

// LogBufFlag says what kind of buffer an item has, and what to do with it. The type of the
// contents is in the upper five bits: see LogBufType.
type LogBufFlag uint16

// Bits of LogBufFlag.
const (
	LogBufInode   LogBufFlag = 1 << 0 // only the unlinked pointers of the inodes count
	LogBufCancel  LogBufFlag = 1 << 1 // the blocks were freed: skip older items for them
	LogBufUDquot  LogBufFlag = 1 << 2
	LogBufPDquot  LogBufFlag = 1 << 3
	LogBufGDquot  LogBufFlag = 1 << 4
	logBufTypeLog            = 11
)

// LogBufType is what a buffer holds.
type LogBufType uint8

// Buffer types.
const (
	LogBufTypeUnknown LogBufType = iota
	LogBufTypeUDquot
	LogBufTypePDquot
	LogBufTypeGDquot
	LogBufTypeBtree
	LogBufTypeAGF
	LogBufTypeAGFL
	LogBufTypeAGI
	LogBufTypeDinode
	LogBufTypeSymlink
	LogBufTypeDirBlock
	LogBufTypeDirData
	LogBufTypeDirFree
	LogBufTypeDirLeaf1
	LogBufTypeDirLeafN
	LogBufTypeDaNode
	LogBufTypeAttrLeaf
	LogBufTypeAttrRmt
	LogBufTypeSuperblock
	LogBufTypeRtBitmap
	LogBufTypeRtSummary
)

// Type is the type of the buffer's contents.
func (f LogBufFlag) Type() LogBufType { return LogBufType(f >> logBufTypeLog) }

// WithType returns the flags with another type.
func (f LogBufFlag) WithType(t LogBufType) LogBufFlag {
	return f&(1<<logBufTypeLog-1) | LogBufFlag(t)<<logBufTypeLog
}

// The first region of a buffer item; the words of its map follow, the chunks are regions of
// their own.
var (
	LogBuf = logItem("logbuf", 20)

	LogBufFlags   = l16[LogBufFlag](LogBuf, "flags", 4, Hex)
	LogBufLen     = l16[uint16](LogBuf, "len", 6, Dec) // in units of 512 bytes
	LogBufBlkno   = l64[Daddr](LogBuf, "blkno", 8, DaddrPtr)
	LogBufMapSize = l32[uint32](LogBuf, "map_size", 16, Dec) // words

	_ = contents(LogBuf, logBufParts)

	logBufWord = newStruct("logbufword", 4)

	LogBufMapWord = l32[uint32](logBufWord, "", 0, Hex) // bit n of word w: chunk 32*w+n
)

// logBufParts lists the words of the map.
func logBufParts(_ *Geometry, b []byte) ([]Part, error) {
	return counted("buf item", "map_size", "data_map", LogBuf, logBufWord, LogBufMapSize.Get(b), b)
}
