package format

import (
	"fmt"
	"math/bits"
	"sort"
	"strings"
)

// Names says what the values of a field, or the bits of a mask, are called.
type Names struct {
	Mask bool           // the keys are bit numbers, from the least significant one; else values
	By   map[int]string // name by value or bit
}

// describe names v: one value, or the bits of a mask separated by commas with unknown ones by
// their number. A value without a name gives "".
func (n *Names) describe(v uint64) string {
	if !n.Mask {
		if v > 1<<31 {
			return ""
		}
		return n.By[int(v)]
	}
	var out []string
	for ; v != 0; v &= v - 1 {
		bit := bits.TrailingZeros64(v)
		name, ok := n.By[bit]
		if !ok {
			name = fmt.Sprintf("bit %d", bit)
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// parse is the inverse of describe, unknown bits excepted.
func (n *Names) parse(s string) (uint64, bool) {
	if !n.Mask {
		return n.byName(s)
	}
	var mask uint64
	for _, word := range strings.Split(s, ",") {
		bit, ok := n.byName(strings.TrimSpace(word))
		if !ok {
			return 0, false
		}
		mask |= 1 << bit
	}
	return mask, true
}

func (n *Names) byName(s string) (uint64, bool) {
	for v, name := range n.By {
		if strings.EqualFold(name, s) {
			return uint64(v), true
		}
	}
	return 0, false
}

// List returns all names, in the order of their values or bits.
func (n *Names) List() []string {
	keys := make([]int, 0, len(n.By))
	for k := range n.By {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = n.By[k]
	}
	return out
}
