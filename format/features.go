package format

import (
	"fmt"
	"math/bits"
	"strings"
)

var roNames = map[int]string{0: "FINOBT", 1: "RMAPBT", 2: "REFLINK", 3: "INOBTCNT", 31: "PENDING_COW"}

var inNames = map[int]string{
	0: "FTYPE", 1: "SPINODES", 2: "META_UUID", 3: "BIGTIME", 4: "NEEDSREPAIR", 5: "NREXT64",
	6: "EXCHRANGE", 7: "PARENT", 8: "METADIR", 9: "ZONED", 10: "ZONE_GAPS",
}

// String names the bits, unknown ones by their number.
func (f ROCompat) String() string { return bitNames(uint32(f), roNames) }

// String names the bits, unknown ones by their number.
func (f Incompat) String() string { return bitNames(uint32(f), inNames) }

func bitNames(mask uint32, names map[int]string) string {
	var out []string
	for ; mask != 0; mask &= mask - 1 {
		bit := bits.TrailingZeros32(mask)
		name, ok := names[bit]
		if !ok {
			name = fmt.Sprintf("bit %d", bit)
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}
