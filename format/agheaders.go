package format

// AGHeaderVersion is the version number in AGF and AGI.
const AGHeaderVersion = 1

// AGIBuckets is the number of unlinked lists in an AGI; inode agino is on list agino % AGIBuckets.
const AGIBuckets = 64

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
	AGIIBlocks   = u32[uint32](AGI, "iblocks", 336, Blocks)
	AGIFBlocks   = u32[uint32](AGI, "fblocks", 340, Blocks)
)

// The AGFL: a ring of blocks kept for the free space trees; sector 3. The ring fills the
// sector behind the header.
var (
	AGFL = newStruct("agfl", 36)

	AGFLMagicNum = u32[uint32](AGFL, "magicnum", 0, Hex)
	AGFLSeqNo    = u32[AGNumber](AGFL, "seqno", 4, Dec)
	AGFLUUID     = uuid(AGFL, "uuid", 8)
	AGFLLSN      = u64[LSN](AGFL, "lsn", 24, LSNKind)
	AGFLCRC      = crc(AGFL, "crc", 32)

	agflSlot    = newStruct("agflslot", 4)
	agflSlotBno = u32[AGBlock](agflSlot, "", 0, AGBlockPtr)
)

// AGFLSize is the number of slots in an AGFL of sectSize bytes.
func AGFLSize(sectSize int) int { return (sectSize - AGFL.Size) / agflSlot.Size }

// AGFLSlot returns the accessor of slot i of an AGFL.
func AGFLSlot(i int) U32[AGBlock] { return U32[AGBlock](AGFL.Size+i*agflSlot.Size) + agflSlotBno }

func init() {
	AGFL.Parts = func(g *Geometry, b []byte) ([]Part, error) {
		return repeat("bno", AGFL.Size, AGFLSize(len(b)), agflSlot), nil
	}
}

// Array32 is an array of big-endian 32-bit fields.
type Array32[T ~uint32] struct{ Off, Count int }

// At returns the accessor of element i.
func (a Array32[T]) At(i int) U32[T] { return U32[T](a.Off + 4*i) }

func array32[T ~uint32](s *Struct, name string, off, n int, k Kind) Array32[T] {
	s.add(Field{Name: name, Off: off, Size: 4, Count: n, Kind: k})
	return Array32[T]{off, n}
}

// repeat makes the parts of an array of n structures that starts at off.
func repeat(name string, off, n int, table *Struct) []Part {
	parts := make([]Part, n)
	for i := range parts {
		parts[i] = Part{Name: name, Index: i, Off: off + i*table.Size, Len: table.Size, Table: table}
	}
	return parts
}
