package format

// The header of an attribute fork in shortform; the entries follow.
var (
	AttrSF = newStruct("attrsf", 4)

	AttrSFTotSize = u16[uint16](AttrSF, "hdr.totsize", 0, Bytes)
	AttrSFCount   = u8[uint8](AttrSF, "hdr.count", 2, Dec)
	_             = padding(AttrSF, "hdr.pad", 3, 1)

	_ = contents(AttrSF, attrSFParts)
)

// The fixed part of a shortform entry; name and value follow it.
var (
	AttrSFEntry = newStruct("attrsfentry", 3)

	AttrSFNameLen  = u8[uint8](AttrSFEntry, "namelen", 0, Bytes)
	AttrSFValueLen = u8[uint8](AttrSFEntry, "valuelen", 1, Bytes)
	AttrSFFlags    = named(u8[AttrFlag](AttrSFEntry, "flags", 2, Hex), AttrSFEntry, attrFlagNames)

	_ = contents(AttrSFEntry, attrSFEntryParts)
)

// AttrSFEntrySize is the size of a shortform entry with a name and a value of so many bytes.
func AttrSFEntrySize(name, value int) int { return AttrSFEntry.Size + name + value }

// AttrSFEntryEnd returns the end of the entry that starts at off in b, or an error when it
// leaves b.
func AttrSFEntryEnd(b []byte, off int) (int, error) {
	if err := checkRange(off, AttrSFEntry.Size, len(b)); err != nil {
		return 0, err
	}
	e := b[off:]
	n := AttrSFEntrySize(int(AttrSFNameLen.Get(e)), int(AttrSFValueLen.Get(e)))
	return off + n, checkRange(off, n, len(b))
}

// attrSFParts lists the entries; b is as long as the fork's totsize.
func attrSFParts(_ *Geometry, b []byte) ([]Part, error) {
	var parts []Part
	off := AttrSF.Size
	for i := range int(AttrSFCount.Get(b)) {
		end, err := AttrSFEntryEnd(b, off)
		if err != nil {
			return parts, err
		}
		parts = append(parts, Part{"list", i, off, end - off, AttrSFEntry})
		off = end
	}
	return parts, nil
}

func attrSFEntryParts(_ *Geometry, b []byte) ([]Part, error) {
	name, value := int(AttrSFNameLen.Get(b)), int(AttrSFValueLen.Get(b))
	if err := checkRange(0, AttrSFEntrySize(name, value), len(b)); err != nil {
		return nil, err
	}
	return attrNameParts(AttrSFEntry.Size, name, value, AttrSFFlags.Get(b)&AttrParent != 0), nil
}

// checkAttrSF judges an attribute fork in shortform; fork is all the room it has.
func checkAttrSF(fork []byte, r report) *CorruptError {
	if len(fork) < AttrSF.Size {
		return bad("core.forkoff", len(fork), "room for attributes")
	}
	size := int(AttrSFTotSize.Get(fork))
	if size < AttrSF.Size || size > len(fork) {
		return bad("a.sfattr.hdr.totsize", size, fromTo(AttrSF.Size, len(fork)))
	}
	b := fork[:size]
	off := AttrSF.Size
	for i := range int(AttrSFCount.Get(b)) {
		end, err := AttrSFEntryEnd(b, off)
		if err != nil {
			return bad("a.sfattr.list"+index(i), err, "")
		}
		var e *CorruptError
		if AttrSFNameLen.Get(b[off:]) == 0 {
			e = r.fault(bad("a.sfattr.list"+index(i)+".namelen", 0, fromTo(1, MaxNameLen)))
		}
		if f := AttrSFFlags.Get(b[off:]); e == nil && (!f.Valid() || f&AttrIncomplete != 0) {
			e = r.fault(bad("a.sfattr.list"+index(i)+".flags", hexed(f), "one namespace"))
		}
		if e != nil {
			return e
		}
		off = end
	}
	if off != size {
		return bad("a.sfattr.hdr.totsize", size, off)
	}
	return nil
}
