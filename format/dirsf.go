package format

// The header of a directory in shortform; the parent's inode number and the entries follow. A
// directory whose entries all have inode numbers below 2^32 stores 4 bytes of each, one with any
// larger number 8.
var (
	DirSF = newStruct("dirsf", 2)

	DirSFCount   = u8[uint8](DirSF, "hdr.count", 0, Dec)
	DirSFI8Count = u8[uint8](DirSF, "hdr.i8count", 1, Dec)

	_ = contents(DirSF, dirSFParts)
)

// The fixed part of a shortform entry; name, file type and inode number follow.
var (
	DirSFEntry = newStruct("dirsfentry", 3)

	DirSFEntryNameLen = u8[uint8](DirSFEntry, "namelen", 0, Bytes)
	DirSFEntryOffset  = u16[uint16](DirSFEntry, "offset", 1, Offset) // where block form would have it

	_ = contents(DirSFEntry, dirSFEntryParts)
)

// An inode number in shortform, of either size.
var (
	ino4 = newStruct("ino4", 4)
	ino8 = newStruct("ino8", 8)

	ino4Field = u32[uint32](ino4, "", 0, InoPtr)
	ino8Field = u64[Ino](ino8, "", 0, InoPtr)
)

// DirSFSize is the size of a shortform directory's header (count, i8count, parent) when inode
// numbers take inoSize bytes; DirSFEntrySize that of an entry with a name of n bytes.
func DirSFSize(inoSize int) int { return DirSF.Size + inoSize }

// DirSFEntrySize is the size of a shortform entry: length, offset, name, type, inode number.
func DirSFEntrySize(n, inoSize int) int { return 1 + 2 + n + 1 + inoSize }

// DirSFInoSize is the number of bytes that inode numbers take in a shortform directory.
func DirSFInoSize(b []byte) int {
	if DirSFI8Count.Get(b) != 0 {
		return 8
	}
	return 4
}

// sfIno reads an inode number in shortform; b has just its bytes.
func sfIno(b []byte) Ino {
	if len(b) == ino8.Size {
		return ino8Field.Get(b)
	}
	return Ino(ino4Field.Get(b))
}

// DirSFParent is the parent that a shortform directory names; ok is false when it does not fit in b.
func DirSFParent(b []byte) (parent Ino, ok bool) {
	if len(b) < DirSF.Size || len(b) < DirSFSize(DirSFInoSize(b)) {
		return 0, false
	}
	return sfIno(b[DirSF.Size:DirSFSize(DirSFInoSize(b))]), true
}

// DirSFItem is an entry of a shortform directory: all its bytes.
type DirSFItem []byte

// NextDirSF returns the entry that starts at byte off of a shortform directory, nil when it
// would leave b.
func NextDirSF(b []byte, off int) DirSFItem {
	if checkRange(off, DirSFEntry.Size, len(b)) != nil {
		return nil
	}
	n := DirSFEntrySize(int(DirSFEntryNameLen.Get(b[off:])), DirSFInoSize(b))
	if checkRange(off, n, len(b)) != nil {
		return nil
	}
	return b[off : off+n : off+n]
}

// Name is the entry's name, Ino the inode it leads to, and FType the file type it gives that.
func (e DirSFItem) Name() []byte { return e[DirSFEntry.Size : DirSFEntry.Size+e.nameLen()] }
func (e DirSFItem) FType() FType { return FType(e[DirSFEntry.Size+e.nameLen()]) }
func (e DirSFItem) Ino() Ino     { return sfIno(e[DirSFEntry.Size+e.nameLen()+1:]) }
func (e DirSFItem) nameLen() int { return int(DirSFEntryNameLen.Get(e)) }

// sfInoPart is the inode number called name at off.
func sfInoPart(name string, off, size int) Part {
	if size == ino8.Size {
		return one(name+".i8", off, ino8)
	}
	return one(name+".i4", off, ino4)
}

// dirSFParts lists the parent and the entries; b is as long as the directory.
func dirSFParts(_ *Geometry, b []byte) ([]Part, error) {
	width := DirSFInoSize(b)
	if err := checkRange(0, DirSFSize(width), len(b)); err != nil {
		return nil, err
	}
	parts := []Part{sfInoPart("hdr.parent", DirSF.Size, width)}
	off := DirSFSize(width)
	for i := range int(DirSFCount.Get(b)) {
		e := NextDirSF(b, off)
		if e == nil {
			return parts, checkRange(off, DirSFEntrySize(1, width), len(b))
		}
		parts = append(parts, Part{"list", i, off, len(e), DirSFEntry})
		off += len(e)
	}
	return parts, nil
}

// dirSFEntryParts lists name, type and inode number of one entry, of which b is all.
func dirSFEntryParts(_ *Geometry, b []byte) ([]Part, error) {
	n := int(DirSFEntryNameLen.Get(b))
	off := DirSFEntry.Size + n
	width := len(b) - off - 1
	if width != ino4.Size && width != ino8.Size {
		return nil, checkRange(0, off+1+ino4.Size, len(b))
	}
	return []Part{
		textPart("name", DirSFEntry.Size, n),
		sfInoPart("inumber", off+1, width),
		one("filetype", off, ftypeField),
	}, nil
}

// checkDirSF judges a directory in shortform that fills b.
func checkDirSF(g *Geometry, b []byte, r report) *CorruptError {
	if len(b) < DirSF.Size || len(b) < DirSFSize(DirSFInoSize(b)) {
		return bad("core.size", len(b), "a shortform directory")
	}
	off := DirSFSize(DirSFInoSize(b))
	large := 0
	if e := r.fault(checkSFIno(g, "u3.sfdir3.hdr.parent", b[DirSF.Size:off], &large)); e != nil {
		return e
	}
	next := DirFirstOffset // the least offset that the next entry can have
	for i := range int(DirSFCount.Get(b)) {
		e := NextDirSF(b, off)
		if e == nil {
			return badEntry(i, "", off, "within the fork")
		}
		if e := r.fault(checkSFEntry(g, i, e, next, &large)); e != nil {
			return e
		}
		next = int(DirSFEntryOffset.Get(e)) + DirEntrySize(e.nameLen())
		off += len(e)
	}
	return r.fault(checkSFEnd(g, b, off, next, large))
}

// checkSFEntry judges entry i; next is the least offset that it can have.
func checkSFEntry(g *Geometry, i int, e DirSFItem, next int, large *int) *CorruptError {
	ino := checkSFIno(g, "", e[DirSFEntry.Size+e.nameLen()+1:], large)
	if ino != nil {
		ino.Field = "u3.sfdir3.list" + index(i) + ".inumber"
	}
	switch at := int(DirSFEntryOffset.Get(e)); {
	case !validName(e.Name()):
		return badEntry(i, "name", string(e.Name()), "no NUL and no slash")
	case at < next || at%DirAlign != 0:
		return badEntry(i, "offset", at, "ascending multiples of 8")
	case e.FType() > FTWhiteout:
		return badEntry(i, "filetype", uint8(e.FType()), upTo(uint32(FTWhiteout)))
	}
	return ino
}

// checkSFEnd judges what holds after the last entry: off bytes were used, block form would end
// at next, and large numbers do not fit in 4 bytes.
func checkSFEnd(g *Geometry, b []byte, off, next, large int) *CorruptError {
	count, i8 := int(DirSFCount.Get(b)), int(DirSFI8Count.Get(b))
	index := (count+2)*DirLeafEntry.Size + DirBlockTail.Size
	switch {
	case off != len(b):
		return bad("core.size", len(b), off)
	case i8 != large:
		return bad("u3.sfdir3.hdr.i8count", i8, large)
	case next+index > g.DirBlockSize:
		return bad("u3.sfdir3.list", next+index, "entries that fit in a directory block")
	}
	return nil
}

func checkSFIno(g *Geometry, field string, b []byte, large *int) *CorruptError {
	ino := sfIno(b)
	if ino>>32 != 0 {
		*large++
	}
	if !g.ValidIno(ino) {
		return bad(field, ino, "an inode of the volume")
	}
	return nil
}

func badEntry(i int, field string, got, want any) *CorruptError {
	return bad(join("u3.sfdir3.list"+index(i), field), got, want)
}
