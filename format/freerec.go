package format

// A free extent: record and key of bnobt and cntbt.
var (
	FreeRec = newStruct("freerec", 8)

	FreeStart = u32[AGBlock](FreeRec, "startblock", 0, AGBlockPtr)
	FreeCount = u32[uint32](FreeRec, "blockcount", 4, Blocks)
)
