package format

// ICREATE: a chunk of inodes to be initialized. Unlike all other items it is big-endian behind
// the first four bytes. It has no further region.
var (
	LogICreate = logItem("logicreate", 28)

	LogICreateAG     = u32[AGNumber](LogICreate, "ag", 4, Dec)
	LogICreateAGBno  = u32[AGBlock](LogICreate, "agbno", 8, AGBlockPtr)
	LogICreateCount  = u32[uint32](LogICreate, "count", 12, Dec) // inodes
	LogICreateISize  = u32[uint32](LogICreate, "isize", 16, Bytes)
	LogICreateLength = u32[uint32](LogICreate, "length", 20, Blocks)
	LogICreateGen    = u32[uint32](LogICreate, "gen", 24, Dec)
)

// The first region of a quota record's item; the first DquotLogSize bytes of the record follow,
// as they are on disk.
var (
	LogDquot = logItem("logdquot", 24)

	LogDquotID      = l32[uint32](LogDquot, "id", 4, Dec)
	LogDquotBlkno   = l64[Daddr](LogDquot, "blkno", 8, DaddrPtr)
	LogDquotLen     = l32[uint32](LogDquot, "len", 16, Dec) // of the buffer, in units of 512 bytes
	LogDquotBOffset = l32[uint32](LogDquot, "boffset", 20, Bytes)
)

// An item that says that quotas were switched off.
var (
	LogQuotaOff = logItem("logquotaoff", 20)

	LogQuotaOffFlags = l32[uint32](LogQuotaOff, "flags", 4, Hex)
	_                = padding(LogQuotaOff, "pad", 8, 12)
)
