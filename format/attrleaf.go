package format

// The header of an attribute leaf block; AttrEntry entries follow, names and values grow down
// from the block's end.
var (
	AttrLeaf = daHeader("attrleaf", 80, "hdr.info.")

	AttrLeafCount     = u16[uint16](AttrLeaf, "hdr.count", 56, Dec)
	AttrLeafUsedBytes = u16[uint16](AttrLeaf, "hdr.usedbytes", 58, Bytes)
	AttrLeafFirstUsed = u16[uint16](AttrLeaf, "hdr.firstused", 60, Bytes) // 0 is 65536
	AttrLeafHoles     = u8[uint8](AttrLeaf, "hdr.holes", 62, Dec)
	_                 = padding(AttrLeaf, "hdr.pad1", 63, 1)
	AttrLeafFreeBase0 = u16[uint16](AttrLeaf, "hdr.freemap[0].base", 64, Bytes)
	AttrLeafFreeSize0 = u16[uint16](AttrLeaf, "hdr.freemap[0].size", 66, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[1].base", 68, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[1].size", 70, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[2].base", 72, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[2].size", 74, Bytes)
	_                 = padding(AttrLeaf, "hdr.pad2", 76, 4)

	_ = contents(AttrLeaf, attrLeafParts)

	AttrEntry = newStruct("attrentry", 8)

	AttrEntryHash    = u32[Hash](AttrEntry, "hashval", 0, Hex)
	AttrEntryNameIdx = u16[uint16](AttrEntry, "nameidx", 4, Bytes)
	AttrEntryFlags   = named(u8[AttrFlag](AttrEntry, "flags", 6, Hex), AttrEntry, attrFlagNames)
	_                = padding(AttrEntry, "pad2", 7, 1)
)

// AttrFreeMap is the number of slots for free ranges in a leaf's header.
const AttrFreeMap = 3

// AttrLeafFree returns the accessors of slot i of the free ranges.
func AttrLeafFree(i int) (base, size U16[uint16]) {
	return AttrLeafFreeBase0 + U16[uint16](4*i), AttrLeafFreeSize0 + U16[uint16](4*i)
}

// A name with its value beside it, and one whose value has blocks of its own; the name (and the
// value) follow the fixed part.
var (
	AttrLocalName = newStruct("attrlocal", 3)

	AttrLocalValueLen = u16[uint16](AttrLocalName, "valuelen", 0, Bytes)
	AttrLocalNameLen  = u8[uint8](AttrLocalName, "namelen", 2, Bytes)

	_ = contents(AttrLocalName, attrLocalParts)

	// The same of a parent pointer.
	attrParentName = &Struct{Name: "attrparent", Size: 3, Fields: AttrLocalName.Fields, Parts: attrParentParts}

	AttrRemoteName = newStruct("attrremote", 9)

	AttrRemoteBlk      = u32[uint32](AttrRemoteName, "valueblk", 0, FileOffKind)
	AttrRemoteValueLen = u32[uint32](AttrRemoteName, "valuelen", 4, Bytes)
	AttrRemoteNameLen  = u8[uint8](AttrRemoteName, "namelen", 8, Bytes)

	_ = contents(AttrRemoteName, attrRemoteParts)
)

// AttrLocalSize is the room that a local name takes in a leaf, AttrRemoteSize that of a remote one.
func AttrLocalSize(name, value int) int { return (AttrLocalName.Size + name + value + 3) &^ 3 }

// AttrRemoteSize is the room that the name of an attribute with a remote value takes in a leaf.
// Linux leaves two bytes more than the name needs, and counts on them.
func AttrRemoteSize(name int) int { return (AttrRemoteName.Size + 2 + name + 3) &^ 3 }

// AttrLocalMax is the size of a local name, as AttrLocalSize gives it, from which on the value
// is made remote.
func AttrLocalMax(blockSize int) int { return blockSize / 4 * 3 }

func attrLocalParts(_ *Geometry, b []byte) ([]Part, error) { return attrValueParts(b, false) }

func attrParentParts(_ *Geometry, b []byte) ([]Part, error) { return attrValueParts(b, true) }

func attrValueParts(b []byte, parent bool) ([]Part, error) {
	name, value := int(AttrLocalNameLen.Get(b)), int(AttrLocalValueLen.Get(b))
	if err := checkRange(attrLocalFixed, name+value, len(b)); err != nil {
		return nil, err
	}
	return attrNameParts(attrLocalFixed, name, value, parent), nil
}

// attrLocalFixed is the size of a local name's fixed part, which both its tables have.
const attrLocalFixed = 3

func attrRemoteParts(_ *Geometry, b []byte) ([]Part, error) {
	n := int(AttrRemoteNameLen.Get(b))
	if err := checkRange(AttrRemoteName.Size, n, len(b)); err != nil {
		return nil, err
	}
	return attrNameParts(AttrRemoteName.Size, n, 0, false), nil
}

// AttrUse marks the bytes of a leaf that are in use, in units of 4, so that no two names can overlap.
type AttrUse [MaxBlockSize / 4 / 64]uint64

// Take marks n bytes from off, both multiples of 4, and reports whether all were free.
func (u *AttrUse) Take(off, n int) bool {
	for i := off / 4; i < (off+n)/4; i++ {
		word, bit := &u[i/64], uint64(1)<<(i%64)
		if *word&bit != 0 {
			return false
		}
		*word |= bit
	}
	return true
}

// AttrName is where the name of an entry lies in a leaf, and what its table is.
type AttrName struct {
	Off, Size int // bytes
	table     *Struct
}

// FindAttrName reads where the name of the entry e lies, in a leaf whose names start at first.
func FindAttrName(b, e []byte, first int, used *AttrUse) (AttrName, *CorruptError) {
	n := AttrName{Off: int(AttrEntryNameIdx.Get(e)), table: AttrRemoteName}
	flags := AttrEntryFlags.Get(e)
	if flags&AttrLocal != 0 {
		n.table = AttrLocalName
	}
	if n.Off < first || n.Off%4 != 0 || checkRange(n.Off, n.table.Size, len(b)) != nil {
		return AttrName{}, bad("nameidx", n.Off, "a multiple of 4 from firstused on")
	}
	if flags&AttrLocal != 0 {
		n.Size = AttrLocalSize(int(AttrLocalNameLen.Get(b[n.Off:])), int(AttrLocalValueLen.Get(b[n.Off:])))
	} else {
		n.Size = AttrRemoteSize(int(AttrRemoteNameLen.Get(b[n.Off:])))
	}
	if checkRange(n.Off, n.Size, len(b)) != nil {
		return AttrName{}, bad("nameidx", rangeAt(n.Off, n.Size), "a name within the block")
	}
	if !used.Take(n.Off, n.Size) {
		return AttrName{}, bad("nameidx", rangeAt(n.Off, n.Size), "names that do not overlap")
	}
	if flags&(AttrLocal|AttrParent) == AttrLocal|AttrParent {
		n.table = attrParentName
	}
	return n, nil
}

// LayoutAttrLeaf returns the number of entries and the byte at which names start.
func LayoutAttrLeaf(b []byte) (count, first int, damage *CorruptError) {
	count, first = int(AttrLeafCount.Get(b)), int(AttrLeafFirstUsed.Get(b))
	if first == 0 {
		first = MaxBlockSize
	}
	if room := (len(b) - AttrLeaf.Size) / AttrEntry.Size; count > room {
		return 0, 0, bad("hdr.count", count, upTo(uint32(room)))
	}
	if end := AttrLeaf.Size + count*AttrEntry.Size; first < end || first > len(b) || len(b) > MaxBlockSize {
		return 0, 0, bad("hdr.firstused", first, fromTo(end, min(len(b), MaxBlockSize)))
	}
	return count, first, nil
}

// attrLeafParts lists the entries, and the name that each one points at.
func attrLeafParts(_ *Geometry, b []byte) ([]Part, error) {
	count, first, damage := LayoutAttrLeaf(b)
	if damage != nil {
		damage.Structure = "attribute leaf block"
		return nil, damage
	}
	parts := repeat("entries", AttrLeaf.Size, count, AttrEntry)
	var used AttrUse
	for i := range count {
		n, damage := FindAttrName(b, b[parts[i].Off:], first, &used)
		if damage != nil {
			damage.Structure = "attribute leaf block"
			damage.Field = "entries" + index(i) + "." + damage.Field
			return parts, damage
		}
		parts = append(parts, Part{"nvlist", i, n.Off, n.Size, n.table})
	}
	return parts, nil
}
