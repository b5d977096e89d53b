package format

// The header that all blocks of a hash tree share: leaves, nodes, attribute leaves.
const (
	DaForw  = U32[uint32](0)
	DaBack  = U32[uint32](4)
	DaMagic = U16[uint16](8)
	DaCRC   = L32(12)
	DaBno   = U64[Daddr](16)
	DaLSN   = U64[LSN](24)
	DaUUID  = UUIDField(32)
	DaOwner = U64[Ino](48)
)

// DaInfo is the table of the shared header alone.
var DaInfo = daHeader("dainfo", 56, "")

// daHeader declares a structure that starts with the shared header.
func daHeader(name string, size int, prefix string) *Struct {
	s := newStruct(name, size)
	u32[uint32](s, prefix+"hdr.forw", int(DaForw), FileOffKind)
	u32[uint32](s, prefix+"hdr.back", int(DaBack), FileOffKind)
	u16[uint16](s, prefix+"hdr.magic", int(DaMagic), Hex)
	padding(s, prefix+"hdr.pad", 10, 2)
	crc(s, prefix+"crc", int(DaCRC))
	u64[Daddr](s, prefix+"bno", int(DaBno), DaddrPtr)
	u64[LSN](s, prefix+"lsn", int(DaLSN), LSNKind)
	uuid(s, prefix+"uuid", int(DaUUID))
	u64[Ino](s, prefix+"owner", int(DaOwner), InoPtr)
	return s
}

// The header of a node of a hash tree; DaNodeEntry entries follow.
var (
	DaNode = daHeader("danode", 64, "nhdr.info.")

	DaNodeCount = u16[uint16](DaNode, "nhdr.count", 56, Dec)
	DaNodeLevel = u16[uint16](DaNode, "nhdr.level", 58, Dec)
	_           = padding(DaNode, "nhdr.pad", 60, 4)

	_ = contents(DaNode, daNodeParts)

	DaNodeEntry = newStruct("daentry", 8)

	DaEntryHash   = u32[Hash](DaNodeEntry, "hashval", 0, Hex)          // the highest in the child
	DaEntryBefore = u32[uint32](DaNodeEntry, "before", 4, FileOffKind) // the child, a block of the fork
)

// MaxDaDepth is the largest height of a hash tree, leaves included.
const MaxDaDepth = 5

// DaNodeRoom is the number of entries that a node of size bytes has room for.
func DaNodeRoom(size int) int { return (size - DaNode.Size) / DaNodeEntry.Size }

func daNodeParts(_ *Geometry, b []byte) ([]Part, error) {
	n, room := int(DaNodeCount.Get(b)), DaNodeRoom(len(b))
	if n > room {
		return repeat("nbtree", DaNode.Size, room, DaNodeEntry), Corrupt("node block", "nhdr.count", n, upTo(uint32(room)))
	}
	return repeat("nbtree", DaNode.Size, n, DaNodeEntry), nil
}

// checkDaNode judges a node of a directory's or an attribute fork's hash tree.
func checkDaNode(_ *Geometry, b []byte, _ Place, r report) *CorruptError {
	n, room, level := int(DaNodeCount.Get(b)), DaNodeRoom(len(b)), int(DaNodeLevel.Get(b))
	if n == 0 || n > room {
		return bad("nhdr.count", n, fromTo(1, room))
	}
	if level == 0 || level >= MaxDaDepth {
		if e := r.fault(bad("nhdr.level", level, fromTo(1, MaxDaDepth-1))); e != nil {
			return e
		}
	}
	var last Hash
	for i := range n {
		h := DaEntryHash.Get(b[DaNode.Size+i*DaNodeEntry.Size:])
		if h < last {
			if e := r.fault(bad("nbtree"+index(i)+".hashval", hexed(h), "hashes in ascending order")); e != nil {
				return e
			}
		}
		last = h
	}
	return nil
}
