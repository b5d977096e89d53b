package format

import "strconv"

// The header of a block of a directory's free space index; best lengths follow as 16-bit numbers.
var (
	DirFree = dirHeader("dirfree", 64, "fhdr.hdr.")

	DirFreeFirstDB = u32[uint32](DirFree, "fhdr.firstdb", 48, Dec)
	DirFreeNValid  = u32[uint32](DirFree, "fhdr.nvalid", 52, Dec)
	DirFreeNUsed   = u32[uint32](DirFree, "fhdr.nused", 56, Dec)
	_              = padding(DirFree, "fhdr.pad", 60, 4)

	_ = contents(DirFree, dirFreeParts)
)

// The header's first fields, shared with other directory blocks.
const (
	DirFreeMagicNum = DirMagic
	DirFreeCRC      = DirCRC
	DirFreeBno      = DirBno
	DirFreeLSN      = DirLSN
	DirFreeUUID     = DirUUID
	DirFreeOwner    = DirOwner
)

// DirFreeRoom is the number of best lengths that a block of dirBlockSize bytes has room for.
func DirFreeRoom(dirBlockSize int) int { return (dirBlockSize - DirFree.Size) / dirBest.Size }

func dirFreeParts(_ *Geometry, b []byte) ([]Part, error) {
	n, room := DirFreeNValid.Get(b), uint32(DirFreeRoom(len(b)))
	if n > room {
		return repeat("fbests", DirFree.Size, int(room), dirBest), Corrupt("directory free block", "fhdr.nvalid", n, upTo(room))
	}
	return repeat("fbests", DirFree.Size, int(n), dirBest), nil
}

// checkDirFree judges the counts of a free space index block, and the lengths.
func checkDirFree(_ *Geometry, b []byte, _ Place, r report) *CorruptError {
	room := uint32(DirFreeRoom(len(b)))
	n, first := DirFreeNValid.Get(b), DirFreeFirstDB.Get(b)
	if n > room {
		return bad("fhdr.nvalid", n, upTo(room))
	}
	if room == 0 || first%room != 0 {
		if e := r.fault(bad("fhdr.firstdb", first, "a multiple of "+strconv.Itoa(int(room)))); e != nil {
			return e
		}
	}
	lengths := b[DirFree.Size:]
	used := uint32(0)
	for i := range int(n) {
		if DirBestLen.Get(lengths[i*dirBest.Size:]) != DirNullDataOff {
			used++
		}
	}
	if got := DirFreeNUsed.Get(b); got != used {
		if e := r.fault(bad("fhdr.nused", got, used)); e != nil {
			return e
		}
	}
	return checkBests("fbests", lengths, int(n), len(b), r)
}
