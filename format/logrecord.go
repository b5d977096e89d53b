package format

// Numbers of the log's record header.
const (
	LogMagic     = 0xfeedbabe
	LogVersion   = 2
	LogFmtLinux  = 1       // items are little-endian; what all machines of today write
	LogBlocksHdr = 64      // payload blocks that one header holds the cycle data of
	LogMinRecord = 1 << 15 // bytes; the smallest value of a header's size
	MaxLogRecord = 1 << 18 // bytes; the largest one, and the largest stripe unit of a log
)

// The header of a log record, a block of 512 bytes. On disk the first four bytes of every
// block of the payload are replaced by the record's cycle; the header keeps the original ones.
// Records larger than 32 KiB have LogExtHeader blocks behind it.
var (
	LogRecord = newStruct("logrec", BasicBlock)

	LogMagicNo   = u32[uint32](LogRecord, "magicno", 0, Hex)
	LogCycle     = u32[uint32](LogRecord, "cycle", 4, Dec)
	LogVersionNo = u32[uint32](LogRecord, "version", 8, Dec)
	LogLen       = u32[uint32](LogRecord, "len", 12, Bytes)
	LogLSN       = u64[LSN](LogRecord, "lsn", 16, LSNKind)
	LogTailLSN   = u64[LSN](LogRecord, "tail_lsn", 24, LSNKind)
	LogCRC       = crc(LogRecord, "crc", 32) // 0: not computed
	LogPrevBlock = u32[uint32](LogRecord, "prev_block", 36, LogBlockPtr)
	LogNumOps    = u32[uint32](LogRecord, "num_logops", 40, Dec)
	LogCycleData = array32[uint32](LogRecord, "cycle_data", 44, LogBlocksHdr, Hex)
	LogFmt       = u32[uint32](LogRecord, "fmt", 300, Dec)
	LogUUID      = uuid(LogRecord, "fs_uuid", 304)
	LogSize      = u32[uint32](LogRecord, "size", 320, Bytes)
	_            = padding(LogRecord, "pad", 324, BasicBlock-324)

	_ = contents(LogRecord, logRecordParts)
)

// logRecordParts lists the extended headers, as far as b has them.
func logRecordParts(_ *Geometry, b []byte) ([]Part, error) {
	n := min(LogHeaders(LogSize.Get(b)), len(b)/BasicBlock)
	return repeat("ext", BasicBlock, n-1, LogExtHeader), nil
}

// An extended header: the cycle data of 64 further payload blocks.
var (
	LogExtHeader = newStruct("logext", BasicBlock)

	LogExtCycle     = u32[uint32](LogExtHeader, "cycle", 0, Dec)
	LogExtCycleData = array32[uint32](LogExtHeader, "cycle_data", 4, LogBlocksHdr, Hex)
	_               = padding(LogExtHeader, "pad", 260, BasicBlock-260)
)

// LogOpFlag says what an operation does with its transaction.
type LogOpFlag uint8

// Flags of an operation.
const (
	LogOpStart    LogOpFlag = 1 << 0
	LogOpCommit   LogOpFlag = 1 << 1
	LogOpContinue LogOpFlag = 1 << 2 // the region goes on in the next record
	LogOpWasCont  LogOpFlag = 1 << 3 // the region began in an earlier one
	LogOpEnd      LogOpFlag = 1 << 4 // with LogOpWasCont: its last piece
	LogOpUnmount  LogOpFlag = 1 << 5
)

// Who wrote an operation.
const (
	LogClientTransaction = 0x69
	LogClientLog         = 0xaa
)

// The header of an operation: len bytes of its region follow.
var (
	LogOp = newStruct("logop", 12)

	LogOpTID    = u32[uint32](LogOp, "tid", 0, Hex)
	LogOpLen    = u32[uint32](LogOp, "len", 4, Bytes)
	LogOpClient = u8[uint8](LogOp, "clientid", 8, Hex)
	LogOpFlags  = named(u8[LogOpFlag](LogOp, "flags", 9, Hex), LogOp, logOpFlagNames)
	_           = padding(LogOp, "res2", 10, 2)

	_ = contents(LogOp, logOpParts)
)

// logOpParts is the operation's region. What it holds depends on the operations before it.
func logOpParts(_ *Geometry, b []byte) ([]Part, error) {
	n := int(LogOpLen.Get(b))
	if err := checkRange(LogOp.Size, n, len(b)); err != nil || n == 0 {
		return nil, err
	}
	if LogOpFlags.Get(b)&LogOpUnmount != 0 && n == LogUnmount.Size {
		return []Part{one("unmount", LogOp.Size, LogUnmount)}, nil
	}
	return []Part{rawPart("region", LogOp.Size, n)}, nil
}

var logOpFlagNames = &Names{Mask: true, By: map[int]string{
	0: "start", 1: "commit", 2: "continue", 3: "was_cont", 4: "end", 5: "unmount",
}}

// LogUnmountMagic is the content of the operation that ends a clean log.
const LogUnmountMagic = 0x556e

// The region of an unmount operation.
var (
	LogUnmount = newStruct("logunmount", 8)

	LogUnmountMagicNo = l16[uint16](LogUnmount, "magic", 0, Hex)
	_                 = padding(LogUnmount, "pad1", 2, 2)
	_                 = padding(LogUnmount, "pad2", 4, 4)
)

// logUnmountTID is the transaction of the unmount record in a fresh log.
const logUnmountTID = 0xb0c0d0d0

// LogHeaders is the number of header blocks, extended ones included, of a record with this
// value in its header's size.
func LogHeaders(size uint32) int { return max(1, int((uint64(size)+LogMinRecord-1)/LogMinRecord)) }

// CleanLog returns the beginning of a fresh and clean log: one record, in cycle 1, that says
// that the volume was unmounted. The rest of the log must be zero. The record is 1024 bytes
// long, or a stripe unit of the log where it has one.
func CleanLog(g *Geometry) []byte {
	unit := max(int(g.LogSUnit), 2*BasicBlock)
	size := max(g.LogSUnit, LogMinRecord)
	headers := LogHeaders(size)

	b := make([]byte, unit)
	LogMagicNo.Put(b, LogMagic)
	LogCycle.Put(b, 1)
	LogVersionNo.Put(b, LogVersion)
	LogLen.Put(b, uint32(unit-headers*BasicBlock))
	LogLSN.Put(b, 1<<32)
	LogTailLSN.Put(b, 1<<32)
	LogPrevBlock.Put(b, NullLogBlock)
	LogNumOps.Put(b, 1)
	LogCycleData.At(0).Put(b, logUnmountTID)
	LogFmt.Put(b, LogFmtLinux)
	LogUUID.Put(b, g.UUID)
	LogSize.Put(b, size)

	op := b[headers*BasicBlock:]
	LogOpLen.Put(op, uint32(LogUnmount.Size))
	LogOpClient.Put(op, LogClientLog)
	LogOpFlags.Put(op, LogOpUnmount)
	LogUnmountMagicNo.Put(op[LogOp.Size:], LogUnmountMagic)
	for off := BasicBlock; off < unit; off += BasicBlock {
		LogExtCycle.Put(b[off:], 1) // headers and payload alike
	}
	return b
}
