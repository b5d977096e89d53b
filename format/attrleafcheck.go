package format

// checkAttrLeaf judges an attribute leaf: the order of its hashes, where its names lie, and the
// header's account of used and free bytes.
func checkAttrLeaf(_ *Geometry, b []byte, _ Place, r report) *CorruptError {
	count, first, damage := LayoutAttrLeaf(b)
	if damage != nil {
		return damage
	}
	var used AttrUse
	var last Hash
	sum := 0
	for i := range count {
		e := b[AttrLeaf.Size+i*AttrEntry.Size:]
		n, damage := FindAttrName(b, e, first, &used)
		if damage == nil {
			damage = checkAttrEntry(b[n.Off:n.Off+n.Size], e, last)
		}
		if damage != nil {
			damage.Field = "entries" + index(i) + "." + damage.Field
			if r.fault(damage) != nil {
				return damage
			}
		}
		last = AttrEntryHash.Get(e)
		sum += n.Size
	}
	if got := int(AttrLeafUsedBytes.Get(b)); got != sum {
		if e := r.fault(bad("hdr.usedbytes", got, sum)); e != nil {
			return e
		}
	}
	return checkAttrFree(b)
}

// checkAttrEntry judges an entry and its name; last is the hash of the entry before it.
func checkAttrEntry(name, e []byte, last Hash) *CorruptError {
	flags := AttrEntryFlags.Get(e)
	switch h := AttrEntryHash.Get(e); {
	case h < last:
		return bad("hashval", hexed(h), "hashes in ascending order")
	case !flags.Valid():
		return bad("flags", hexed(flags), "one namespace")
	}
	if flags&AttrLocal != 0 {
		if AttrLocalNameLen.Get(name) == 0 {
			return bad("namelen", 0, fromTo(1, MaxNameLen))
		}
		return nil
	}
	switch n := AttrRemoteValueLen.Get(name); {
	case AttrRemoteNameLen.Get(name) == 0:
		return bad("namelen", 0, fromTo(1, MaxNameLen))
	case n > MaxAttrValue:
		return bad("valuelen", n, upTo(MaxAttrValue))
	case flags&AttrIncomplete == 0 && AttrRemoteBlk.Get(name) == 0:
		return bad("valueblk", 0, "a block behind the leaf")
	}
	return nil
}

// checkAttrFree judges the header's free ranges.
func checkAttrFree(b []byte) *CorruptError {
	for i := range AttrFreeMap {
		base, size := AttrLeafFree(i)
		o, n := int(base.Get(b)), int(size.Get(b))
		if o%4 != 0 || n%4 != 0 || checkRange(o, n, len(b)) != nil {
			return bad("hdr.freemap"+index(i), rangeAt(o, n), "a range within the block, in multiples of 4")
		}
	}
	return nil
}
