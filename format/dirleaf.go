package format

// An entry of a directory's hash index.
var (
	DirLeafEntry = newStruct("leafent", 8)

	DirLeafHash = u32[Hash](DirLeafEntry, "hashval", 0, Hex)
	DirLeafAddr = u32[uint32](DirLeafEntry, "address", 4, Offset) // byte in the data space / DirAlign; 0: stale
)

// The header of a directory leaf; index entries follow. In leaf form the lengths of the longest
// unused range of each data block lie at the end, and their number behind them.
var (
	DirLeaf = daHeader("dirleaf", 64, "lhdr.info.")

	DirLeafCount = u16[uint16](DirLeaf, "lhdr.count", 56, Dec)
	DirLeafStale = u16[uint16](DirLeaf, "lhdr.stale", 58, Dec)
	_            = padding(DirLeaf, "lhdr.pad", 60, 4)

	_ = contents(DirLeaf, dirLeafParts)

	dirLeafTail = newStruct("dirleaftail", DirLeafTailSize)

	DirLeafBestCount = u32[uint32](dirLeafTail, "bestcount", 0, Dec)

	dirBest = newStruct("dirbest", 2)

	DirBestLen = u16[uint16](dirBest, "", 0, Offset) // DirNullDataOff: no such block
)

// DirLeafTailSize is the size of the tail of a leaf in leaf form: the number of best lengths,
// which lie before it as 16-bit numbers.
const DirLeafTailSize = 4

// DirLeafLayout is where the variable parts of a leaf lie.
type DirLeafLayout struct {
	Count       int // index entries
	Best, Bests int // offset in bytes and number of the best lengths; none in node form
}

// LayoutDirLeaf reads the counts of a leaf and checks that what they count fits. b is a directory
// block.
func LayoutDirLeaf(b []byte) (l DirLeafLayout, damage *CorruptError) {
	end := len(b)
	if DaMagic.Get(b) == DirLeaf1Magic {
		end -= DirLeafTailSize
		n := DirLeafBestCount.Get(b[max(end, 0):])
		if room := uint32(end-DirLeaf.Size) / uint32(dirBest.Size); n > room {
			return l, bad("ltail.bestcount", n, upTo(room))
		}
		l.Bests = int(n)
		end -= l.Bests * dirBest.Size
	}
	l.Best = end
	n, room := int(DirLeafCount.Get(b)), (end-DirLeaf.Size)/DirLeafEntry.Size
	if n > room {
		return l, bad("lhdr.count", n, upTo(uint32(room)))
	}
	l.Count = n
	return l, nil
}

func dirLeafParts(_ *Geometry, b []byte) ([]Part, error) {
	if err := checkRange(DirLeaf.Size, DirLeafTailSize, len(b)); err != nil {
		return nil, err
	}
	l, damage := LayoutDirLeaf(b)
	if damage != nil {
		damage.Structure = "directory leaf block"
		return nil, damage
	}
	parts := repeat("lbests", l.Best, l.Bests, dirBest)
	parts = append(parts, repeat("lents", DirLeaf.Size, l.Count, DirLeafEntry)...)
	if DaMagic.Get(b) == DirLeaf1Magic {
		parts = append(parts, one("ltail", len(b)-DirLeafTailSize, dirLeafTail))
	}
	return parts, nil
}

// checkDirLeaf judges a leaf in leaf form or in node form.
func checkDirLeaf(_ *Geometry, b []byte, _ Place, r report) *CorruptError {
	if checkRange(DirLeaf.Size, DirLeafTailSize, len(b)) != nil {
		return bad("lhdr", len(b), "a directory block")
	}
	l, damage := LayoutDirLeaf(b)
	if damage != nil {
		return damage
	}
	stale, e := checkDirHashes("lents", b[DirLeaf.Size:], l.Count, r)
	if e != nil {
		return e
	}
	if n := int(DirLeafStale.Get(b)); n != stale {
		if e := r.fault(bad("lhdr.stale", n, stale)); e != nil {
			return e
		}
	}
	return checkBests("lbests", b[l.Best:], l.Bests, len(b), r)
}

// checkDirHashes judges the order of n index entries and returns how many are stale.
func checkDirHashes(field string, b []byte, n int, r report) (stale int, e *CorruptError) {
	var last Hash
	for i := range n {
		ent := b[i*DirLeafEntry.Size:]
		h := DirLeafHash.Get(ent)
		if h < last {
			if e := r.fault(bad(field+index(i)+".hashval", hexed(h), "hashes in ascending order")); e != nil {
				return 0, e
			}
		}
		last = h
		if DirLeafAddr.Get(ent) == 0 {
			stale++
		}
	}
	return stale, nil
}

// checkBests judges n lengths of longest unused ranges in directory blocks of size bytes.
func checkBests(field string, b []byte, n, size int, r report) *CorruptError {
	for i := range n {
		v := DirBestLen.Get(b[i*dirBest.Size:])
		if v != DirNullDataOff && (int(v) > size-dirDataSize || v%DirAlign != 0) {
			if e := r.fault(bad(field+index(i), v, "the length of an unused range")); e != nil {
				return e
			}
		}
	}
	return nil
}
