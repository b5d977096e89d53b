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
		if err := checkRange(off, DirSFEntry.Size, len(b)); err != nil {
			return parts, err
		}
		n := DirSFEntrySize(int(DirSFEntryNameLen.Get(b[off:])), width)
		if err := checkRange(off, n, len(b)); err != nil {
			return parts, err
		}
		parts = append(parts, Part{"list", i, off, n, DirSFEntry})
		off += n
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
func checkDirSF(g *Geometry, b []byte) *CorruptError {
	if len(b) < DirSF.Size {
		return bad("core.size", len(b), "a shortform directory")
	}
	width := DirSFInoSize(b)
	off := DirSFSize(width)
	if off > len(b) {
		return bad("core.size", len(b), "a shortform directory")
	}
	large := 0
	if e := checkSFIno(g, "u3.sfdir3.hdr.parent", b[DirSF.Size:off], &large); e != nil {
		return e
	}
	next := DirFirstOffset // the least offset that the next entry can have
	for i := range int(DirSFCount.Get(b)) {
		if checkRange(off, DirSFEntry.Size, len(b)) != nil {
			return badEntry(i, "", off, "within the fork")
		}
		e := b[off:]
		n := int(DirSFEntryNameLen.Get(e))
		size := DirSFEntrySize(n, width)
		if checkRange(off, size, len(b)) != nil {
			return badEntry(i, "namelen", n, "within the fork")
		}
		name, tail := e[DirSFEntry.Size:DirSFEntry.Size+n], e[DirSFEntry.Size+n:size]
		at := int(DirSFEntryOffset.Get(e))
		switch {
		case !validName(name):
			return badEntry(i, "name", string(name), "no NUL and no slash")
		case at < next || at%DirAlign != 0:
			return badEntry(i, "offset", at, "ascending multiples of 8")
		case FType(tail[0]) > FTWhiteout:
			return badEntry(i, "filetype", tail[0], upTo(uint32(FTWhiteout)))
		}
		if e := checkSFIno(g, "u3.sfdir3.list", tail[1:], &large); e != nil {
			return e
		}
		next = at + DirEntrySize(n)
		off += size
	}
	return checkSFEnd(g, b, off, next, large)
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
