package format

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
