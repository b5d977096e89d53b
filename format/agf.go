package format

// AGHeaderVersion is the version number in AGF and AGI.
const AGHeaderVersion = 1

// The AGF: free space of a group; sector 1.
var (
	AGF = newStruct("agf", 224)

	AGFMagic       = u32[uint32](AGF, "magicnum", 0, Hex)
	AGFVersion     = u32[uint32](AGF, "versionnum", 4, Dec)
	AGFSeqNo       = u32[AGNumber](AGF, "seqno", 8, Dec)
	AGFLength      = u32[uint32](AGF, "length", 12, Blocks)
	AGFBnoRoot     = u32[AGBlock](AGF, "bnoroot", 16, AGBlockPtr)
	AGFCntRoot     = u32[AGBlock](AGF, "cntroot", 20, AGBlockPtr)
	AGFRmapRoot    = u32[AGBlock](AGF, "rmaproot", 24, AGBlockPtr)
	AGFBnoLevel    = u32[uint32](AGF, "bnolevel", 28, Dec)
	AGFCntLevel    = u32[uint32](AGF, "cntlevel", 32, Dec)
	AGFRmapLevel   = u32[uint32](AGF, "rmaplevel", 36, Dec)
	AGFFlFirst     = u32[uint32](AGF, "flfirst", 40, Dec)
	AGFFlLast      = u32[uint32](AGF, "fllast", 44, Dec)
	AGFFlCount     = u32[uint32](AGF, "flcount", 48, Dec)
	AGFFreeBlks    = u32[uint32](AGF, "freeblks", 52, Blocks)
	AGFLongest     = u32[uint32](AGF, "longest", 56, Blocks)
	AGFBtreeBlks   = u32[uint32](AGF, "btreeblks", 60, Blocks)
	AGFUUID        = uuid(AGF, "uuid", 64)
	AGFRmapBlks    = u32[uint32](AGF, "rmapblocks", 80, Blocks)
	AGFRefcntBlks  = u32[uint32](AGF, "refcntblocks", 84, Blocks)
	AGFRefcntRoot  = u32[AGBlock](AGF, "refcntroot", 88, AGBlockPtr)
	AGFRefcntLevel = u32[uint32](AGF, "refcntlevel", 92, Dec)
	_              = padding(AGF, "spare64", 96, 112)
	AGFLSN         = u64[LSN](AGF, "lsn", 208, LSNKind)
	AGFCRC         = crc(AGF, "crc", 216)
	_              = padding(AGF, "spare2", 220, 4)
)

// checkAGF judges the ranges of an AGF's fields. The group's number was checked before.
func checkAGF(g *Geometry, b []byte, _ Place, _ report) *CorruptError {
	ag := AGFSeqNo.Get(b)
	size := g.AGLen(ag)
	slots := uint32(AGFLSize(len(b)))
	free, longest := AGFFreeBlks.Get(b), AGFLongest.Get(b)
	switch {
	case AGFVersion.Get(b) != AGHeaderVersion:
		return bad("versionnum", AGFVersion.Get(b), AGHeaderVersion)
	case AGFLength.Get(b) != size:
		return bad("length", AGFLength.Get(b), size)
	case AGFFlFirst.Get(b) >= slots:
		return bad("flfirst", AGFFlFirst.Get(b), below(slots))
	case AGFFlLast.Get(b) >= slots:
		return bad("fllast", AGFFlLast.Get(b), below(slots))
	case AGFFlCount.Get(b) > slots:
		return bad("flcount", AGFFlCount.Get(b), upTo(slots))
	case free > size:
		return bad("freeblks", free, upTo(size))
	case longest > free:
		return bad("longest", longest, upTo(free))
	case AGFBtreeBlks.Get(b) > size:
		return bad("btreeblks", AGFBtreeBlks.Get(b), upTo(size))
	}
	if e := checkRoot(g, ag, "bnoroot", AGFBnoRoot.Get(b), "bnolevel", AGFBnoLevel.Get(b)); e != nil {
		return e
	}
	if e := checkRoot(g, ag, "cntroot", AGFCntRoot.Get(b), "cntlevel", AGFCntLevel.Get(b)); e != nil {
		return e
	}
	if g.HasRmapbt() {
		if n := AGFRmapBlks.Get(b); n > size {
			return bad("rmapblocks", n, upTo(size))
		}
		if e := checkRoot(g, ag, "rmaproot", AGFRmapRoot.Get(b), "rmaplevel", AGFRmapLevel.Get(b)); e != nil {
			return e
		}
	}
	if g.HasReflink() {
		if n := AGFRefcntBlks.Get(b); n > size {
			return bad("refcntblocks", n, upTo(size))
		}
		return checkRoot(g, ag, "refcntroot", AGFRefcntRoot.Get(b), "refcntlevel", AGFRefcntLevel.Get(b))
	}
	return nil
}

// checkRoot judges root and height of a tree in a group.
func checkRoot(g *Geometry, ag AGNumber, rootName string, root AGBlock, levelName string, level uint32) *CorruptError {
	if !g.AllocatableAG(ag, root) {
		return bad(rootName, root, inGroup(g, ag))
	}
	if level == 0 || level > MaxBtreeLevels {
		return bad(levelName, level, fromTo(1, MaxBtreeLevels))
	}
	return nil
}
