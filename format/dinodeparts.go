package format

// devField is the fork of a device, fifo or socket.
var (
	devFork = newStruct("dev", 4)

	DevNumber = u32[uint32](devFork, "", 0, Hex) // see DecodeDev
)

// dinodeParts lists the contents of an inode's forks. A free inode has none.
func dinodeParts(_ *Geometry, b []byte) ([]Part, error) {
	mode := DiMode.Get(b)
	if mode == 0 {
		return nil, nil
	}
	data, attr := Forks(b)
	nData, nAttr := NExtents(b)
	parts, damage := forkParts("u3", DiFormat.Get(b), Dinode.Size, len(data), nData)
	if DiFormat.Get(b) == FmtLocal {
		parts, damage = localParts(mode, int(min(DiSize.Get(b), uint64(len(data)+1))), len(data))
	}
	if len(attr) == 0 {
		return parts, damage
	}
	off := Dinode.Size + len(data)
	attrParts, attrDamage := forkParts("a", DiAFormat.Get(b), off, len(attr), uint64(nAttr))
	if DiAFormat.Get(b) == FmtLocal && len(attr) >= AttrSF.Size {
		size := int(AttrSFTotSize.Get(attr))
		attrDamage = checkRange(0, size, len(attr))
		attrParts = []Part{{"a.sfattr", -1, off, min(max(size, AttrSF.Size), len(attr)), AttrSF}}
	}
	if damage == nil {
		damage = attrDamage
	}
	return append(parts, attrParts...), damage
}

// forkParts lists what is in a fork of size bytes from off that is not in local format.
func forkParts(name string, f ForkFormat, off, size int, extents uint64) ([]Part, error) {
	switch {
	case f == FmtDev && size >= devFork.Size:
		return []Part{one(name+".dev", off, devFork)}, nil
	case f == FmtBtree && size >= RootBlock.Size:
		return []Part{{name + ".bmbt", -1, off, size, RootBlock}}, nil
	case f == FmtExtents:
		room := uint64(size / BmbtRec.Size)
		if extents > room {
			return repeat(name+".bmx", off, int(room), BmbtRec), Corrupt("inode", name+".bmx", extents, upTo(uint32(room)))
		}
		return repeat(name+".bmx", off, int(extents), BmbtRec), nil
	}
	return nil, nil
}

// localParts lists what is in a data fork in local format: size bytes of its room.
func localParts(mode uint16, size, room int) ([]Part, error) {
	damage := checkRange(0, size, room)
	size = min(size, room)
	switch {
	case size == 0:
		return nil, damage
	case mode&ModeType == ModeDir && size >= DirSF.Size:
		return []Part{{"u3.sfdir3", -1, Dinode.Size, size, DirSF}}, damage
	case mode&ModeType == ModeLink:
		return []Part{textPart("u3.symlink", Dinode.Size, size)}, damage
	}
	return []Part{rawPart("u3.local", Dinode.Size, size)}, damage
}
