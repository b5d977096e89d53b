package format

// AGIBuckets is the number of unlinked lists in an AGI; inode agino is on list agino % AGIBuckets.
const AGIBuckets = 64

// The AGI: inodes of a group; sector 2.
var (
	AGI = newStruct("agi", 344)

	AGIMagic     = u32[uint32](AGI, "magicnum", 0, Hex)
	AGIVersion   = u32[uint32](AGI, "versionnum", 4, Dec)
	AGISeqNo     = u32[AGNumber](AGI, "seqno", 8, Dec)
	AGILength    = u32[uint32](AGI, "length", 12, Blocks)
	AGICount     = u32[uint32](AGI, "count", 16, Dec)
	AGIRoot      = u32[AGBlock](AGI, "root", 20, AGBlockPtr)
	AGILevel     = u32[uint32](AGI, "level", 24, Dec)
	AGIFreeCount = u32[uint32](AGI, "freecount", 28, Dec)
	AGINewIno    = u32[AGIno](AGI, "newino", 32, AGInoPtr)
	AGIDirIno    = u32[AGIno](AGI, "dirino", 36, AGInoPtr)
	AGIUnlinked  = array32[AGIno](AGI, "unlinked", 40, AGIBuckets, AGInoPtr)
	AGIUUID      = uuid(AGI, "uuid", 296)
	AGICRC       = crc(AGI, "crc", 312)
	_            = padding(AGI, "pad32", 316, 4)
	AGILSN       = u64[LSN](AGI, "lsn", 320, LSNKind)
	AGIFreeRoot  = u32[AGBlock](AGI, "free_root", 328, AGBlockPtr)
	AGIFreeLevel = u32[uint32](AGI, "free_level", 332, Dec)
	AGIIBlocks   = u32[uint32](AGI, "ino_blocks", 336, Blocks)
	AGIFBlocks   = u32[uint32](AGI, "fino_blocks", 340, Blocks)
)

// checkAGI judges the ranges of an AGI's fields. The group's number was checked before.
func checkAGI(g *Geometry, b []byte, _ Place, _ report) *CorruptError {
	ag := AGISeqNo.Get(b)
	size := g.AGLen(ag)
	switch {
	case AGIVersion.Get(b) != AGHeaderVersion:
		return bad("versionnum", AGIVersion.Get(b), AGHeaderVersion)
	case AGILength.Get(b) != size:
		return bad("length", AGILength.Get(b), size)
	case AGIFreeCount.Get(b) > AGICount.Get(b):
		return bad("freecount", AGIFreeCount.Get(b), upTo(AGICount.Get(b)))
	}
	if e := checkRoot(g, ag, "root", AGIRoot.Get(b), "level", AGILevel.Get(b)); e != nil {
		return e
	}
	if g.HasFinobt() {
		if e := checkRoot(g, ag, "free_root", AGIFreeRoot.Get(b), "free_level", AGIFreeLevel.Get(b)); e != nil {
			return e
		}
	}
	for i := range AGIBuckets {
		ino := AGIUnlinked.At(i).Get(b)
		if ino == NullAGIno {
			continue
		}
		if uint32(g.InoBlock(ino)) >= size || ino%AGIBuckets != AGIno(i) {
			return bad("unlinked"+index(i), ino, "an inode of the group and the list")
		}
	}
	return nil
}
