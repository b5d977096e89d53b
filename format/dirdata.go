package format

// Magic numbers of directory and attribute blocks.
const (
	DirBlockMagic  = 0x58444233 // "XDB3": the one block of a directory in block form
	DirDataMagic   = 0x58444433 // "XDD3"
	DirFreeMagic   = 0x58444633 // "XDF3"
	DirLeaf1Magic  = 0x3df1     // the one leaf of a directory in leaf form
	DirLeafNMagic  = 0x3dff     // a leaf of a directory in node form
	DaNodeMagic    = 0x3ebe
	AttrLeafMagic  = 0x3bee
	AttrRmtMagic   = 0x5841524d // "XARM"
	SymlinkMagic   = 0x58534c4d // "XSLM"
	DirFreeTag     = 0xffff     // first two bytes of an unused range in a data block
	DirNullDataOff = 0xffff     // in a table of best free lengths: no such block
)

// The address space of a directory's data fork, in bytes: entries from 0, hashes from DirLeafSpace,
// the free space index from DirFreeSpace.
const (
	DirLeafSpace = 1 << 35
	DirFreeSpace = 2 << 35
	DirAlign     = 8 // entries start at a multiple of it; leaf addresses count in it
)

// The header that blocks with entries and blocks of the free space index share.
const (
	DirMagic = U32[uint32](0)
	DirCRC   = L32(4)
	DirBno   = U64[Daddr](8)
	DirLSN   = U64[LSN](16)
	DirUUID  = UUIDField(24)
	DirOwner = U64[Ino](40)
)

// dirHeader declares the shared header.
func dirHeader(name string, size int, prefix string) *Struct {
	s := newStruct(name, size)
	u32[uint32](s, prefix+"magic", int(DirMagic), Hex)
	crc(s, prefix+"crc", int(DirCRC))
	u64[Daddr](s, prefix+"bno", int(DirBno), DaddrPtr)
	u64[LSN](s, prefix+"lsn", int(DirLSN), LSNKind)
	uuid(s, prefix+"uuid", int(DirUUID))
	u64[Ino](s, prefix+"owner", int(DirOwner), InoPtr)
	return s
}

// The first of the best free ranges in a header.
const (
	DirBestOff0 = U16[uint16](48)
	DirBestLen0 = U16[uint16](50)
)

// DirBestFree is the number of slots for best free ranges in a data block's header.
const DirBestFree = 3

// DirBest returns the accessors of slot i of the best free ranges.
func DirBest(i int) (off, length U16[uint16]) {
	return DirBestOff0 + U16[uint16](4*i), DirBestLen0 + U16[uint16](4*i)
}

// The header of a block with entries, in data form and in block form; entries follow, and in block
// form a hash index and its DirBlockTail.
var (
	DirData  = dirDataHeader("dirdata", "dhdr.")
	DirBlock = dirDataHeader("dirblock", "bhdr.")

	_ = contents(DirData, dirDataParts)
	_ = contents(DirBlock, dirBlockParts)
)

func dirDataHeader(name, prefix string) *Struct {
	s := dirHeader(name, dirDataSize, prefix+"hdr.")
	for i := range DirBestFree {
		off, length := DirBest(i)
		u16[uint16](s, prefix+"bestfree"+index(i)+".offset", int(off), Offset)
		u16[uint16](s, prefix+"bestfree"+index(i)+".length", int(length), Offset)
	}
	padding(s, prefix+"pad", 60, 4)
	return s
}

// dirDataSize is the size of the header in bytes.
const dirDataSize = 64

// The fixed parts of an entry and of an unused range in a data block. An entry goes on with
// its name, file type, padding and tag: see DirEntrySize. A tag ends an unused range, too.
var (
	DirEntry = newStruct("direntry", 9)

	DirEntryIno     = u64[Ino](DirEntry, "inumber", 0, InoPtr)
	DirEntryNameLen = u8[uint8](DirEntry, "namelen", 8, Bytes)

	_ = contents(DirEntry, dirEntryParts)

	DirUnused = newStruct("dirunused", 4)

	DirUnusedTag = u16[uint16](DirUnused, "freetag", 0, Hex)
	DirUnusedLen = u16[uint16](DirUnused, "length", 2, Offset)

	_ = contents(DirUnused, dirUnusedParts)

	dirTag = newStruct("dirtag", 2)

	DirTag = u16[uint16](dirTag, "", 0, Offset) // of the last two bytes: where the entry starts
)

// DirFirstOffset is the offset in the first data block of the first entry behind . and ..
const DirFirstOffset = 64 + 16 + 16

// DirEntrySize is the number of bytes that an entry with a name of n bytes takes in a data
// block: inode, length, name, type, then the tag in the last two bytes.
func DirEntrySize(n int) int { return (8 + 1 + n + 1 + 2 + DirAlign - 1) &^ (DirAlign - 1) }

func dirEntryParts(_ *Geometry, b []byte) ([]Part, error) {
	n := int(DirEntryNameLen.Get(b))
	if err := checkRange(0, DirEntrySize(n), len(b)); err != nil {
		return nil, err
	}
	return []Part{
		textPart("name", DirEntry.Size, n),
		one("filetype", DirEntry.Size+n, ftypeField),
		one("tag", DirEntrySize(n)-dirTag.Size, dirTag),
	}, nil
}

func dirUnusedParts(_ *Geometry, b []byte) ([]Part, error) {
	return []Part{one("tag", len(b)-dirTag.Size, dirTag)}, nil
}

// DirItem is an entry or an unused range in a data block: Size bytes from byte Off of the block.
type DirItem struct {
	Off, Size int
	Free      bool
}

// NextDirItem reads what starts at off in the data area, which ends at end. b is the block. With
// damage that does not keep one from finding the next item, Size is not 0.
func NextDirItem(b []byte, off, end int) (DirItem, *CorruptError) {
	it := DirItem{Off: off, Free: checkRange(off, DirUnused.Size, end) == nil && DirUnusedTag.Get(b[off:]) == DirFreeTag}
	switch {
	case it.Free:
		it.Size = int(DirUnusedLen.Get(b[off:]))
	case checkRange(off, DirEntrySize(1), end) == nil:
		it.Size = DirEntrySize(int(DirEntryNameLen.Get(b[off:])))
	}
	if it.Size < DirAlign || it.Size%DirAlign != 0 || checkRange(off, it.Size, end) != nil {
		return DirItem{}, bad("data", byteAt(off), "an entry or an unused range within the block")
	}
	if tag := DirTag.Get(b[off+it.Size-dirTag.Size:]); int(tag) != off {
		return it, bad("tag", byteAt(int(tag)), byteAt(off))
	}
	return it, nil
}

// Name is the name of an entry, a view into the block.
func (it DirItem) Name(b []byte) []byte {
	e := b[it.Off:]
	return e[DirEntry.Size : DirEntry.Size+int(DirEntryNameLen.Get(e))]
}

// FType is the file type of an entry.
func (it DirItem) FType(b []byte) FType {
	return FType(b[it.Off+DirEntry.Size+int(DirEntryNameLen.Get(b[it.Off:]))])
}

// dirItemParts lists the entries and unused ranges up to end.
func dirItemParts(name string, b []byte, end int) ([]Part, error) {
	var parts []Part
	for off := dirDataSize; off < end; {
		it, damage := NextDirItem(b, off, end)
		if damage != nil {
			damage.Structure = "directory block"
			return parts, damage
		}
		table := DirEntry
		if it.Free {
			table = DirUnused
		}
		parts = append(parts, Part{name, len(parts), off, it.Size, table})
		off += it.Size
	}
	return parts, nil
}

func dirDataParts(_ *Geometry, b []byte) ([]Part, error) { return dirItemParts("du", b, len(b)) }
