package format

// How often an extent is shared: record and key of refcountbt. RefcStart gives start block and
// domain together; the tables have them one by one.
var (
	RefcountRec = newStruct("refcrec", 12)

	RefcStart = refcStart(RefcountRec)
	RefcCount = u32[uint32](RefcountRec, "blockcount", 4, Blocks)
	RefcRefs  = u32[uint32](RefcountRec, "refcount", 8, Dec)

	RefcountKey = newStruct("refckey", 4)

	_ = refcStart(RefcountKey)
)

// refcStart declares the start block, the word that the CoW flag is in.
func refcStart(s *Struct) U32[uint32] {
	bitfield(s, 0, "startblock", 1, 31, AGBlockPtr)
	bitfield(s, 0, "cowflag", 0, 1, Dec)
	return U32[uint32](0)
}

// RefcCowFlag in the start block of a refcount record puts it in the CoW domain.
const RefcCowFlag uint32 = 1 << 31
