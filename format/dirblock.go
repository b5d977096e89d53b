package format

// The tail of a block in block form, in its last bytes; the index lies before it.
var (
	DirBlockTail = newStruct("dirblocktail", 8)

	DirTailCount = u32[uint32](DirBlockTail, "count", 0, Dec)
	DirTailStale = u32[uint32](DirBlockTail, "stale", 4, Dec)
)

// DirBlockIndex returns where the hash index of a block in block form starts, and its entries.
func DirBlockIndex(b []byte) (off, count int, damage *CorruptError) {
	tail := len(b) - DirBlockTail.Size
	if tail < dirDataSize {
		return 0, 0, bad("btail", len(b), "a directory block")
	}
	n, room := DirTailCount.Get(b[tail:]), uint32(tail-dirDataSize)/uint32(DirLeafEntry.Size)
	if n > room {
		return 0, 0, bad("btail.count", n, upTo(room))
	}
	return tail - int(n)*DirLeafEntry.Size, int(n), nil
}

// dirBlockParts lists entries, unused ranges, hash index and tail.
func dirBlockParts(_ *Geometry, b []byte) ([]Part, error) {
	start, count, damage := DirBlockIndex(b)
	if damage != nil {
		damage.Structure = "directory block"
		return nil, damage
	}
	parts, err := dirItemParts("bu", b, start)
	parts = append(parts, repeat("bleaf", start, count, DirLeafEntry)...)
	return append(parts, one("btail", len(b)-DirBlockTail.Size, DirBlockTail)), err
}

// checkDirBlock judges a directory in block form: its entries, and that the index has each of
// them once, under its hash.
func checkDirBlock(g *Geometry, b []byte, _ Place, r report) *CorruptError {
	start, count, damage := DirBlockIndex(b)
	if damage != nil {
		return damage
	}
	var starts dirStarts
	if e := checkDirItems(g, b, start, &starts, r); e != nil {
		return e // with unknown entries there is nothing to hold the index against
	}
	stale, e := checkDirHashes("bleaf", b[start:], count, r)
	if e != nil {
		return e
	}
	if want := DirTailStale.Get(b[len(b)-DirBlockTail.Size:]); uint32(stale) != want {
		if e := r.fault(bad("btail.stale", want, stale)); e != nil {
			return e
		}
	}
	if count-stale != starts.n {
		if e := r.fault(bad("btail.count", count-stale, starts.n)); e != nil {
			return e
		}
	}
	for i := range count {
		if e := r.fault(checkIndexed(g, b, b[start+i*DirLeafEntry.Size:], &starts)); e != nil {
			return e
		}
	}
	return nil
}

// checkIndexed judges one entry of the index of a directory in block form.
func checkIndexed(g *Geometry, b, leaf []byte, starts *dirStarts) *CorruptError {
	addr := DirLeafAddr.Get(leaf)
	if addr == 0 {
		return nil
	}
	if addr >= uint32(len(b)/DirAlign) || !starts.take(int(addr)*DirAlign) {
		return bad("bleaf.address", hexed(addr), "an entry that the index has once")
	}
	name := DirItem{Off: int(addr) * DirAlign}.Name(b)
	if got, want := DirLeafHash.Get(leaf), DirHash(g, name); got != want {
		return bad("bleaf.hashval", hexed(got), hexed(want))
	}
	return nil
}
