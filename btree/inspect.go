package btree

import "github.com/cowfs/cowfs/format"

// What a checker needs, which goes on where Tree and Editor give up.

// Point is a place in a kind's order of records.
type Point struct{ o order }

// Compare is negative when p comes before q, 0 when they are the same.
func (p Point) Compare(q Point) int { return p.o.compare(q.o) }

// String shows the parts of the point that matter.
func (p Point) String() string { return p.o.String() }

// Low is the low key of entry i: of a record, or of the child of a node.
func (n Node) Low(i int) Point { return Point{n.low(i)} }

// High is the high key of entry i. In a node only overlapping kinds have it.
func (n Node) High(i int) Point { return Point{n.high(i)} }

// MaxHigh is the greatest high key of all entries, of which there is at least one.
func (n Node) MaxHigh() Point { return Point{n.maxHigh()} }

// Unsorted is the first entry from i on, which is 1 at least, that does not come strictly after
// the one before it; -1 if there is none.
func (n Node) Unsorted(i int) int {
	if i >= n.n {
		return -1
	}
	prev := n.low(i - 1)
	for ; i < n.n; i++ {
		o := n.low(i)
		if !prev.less(o) {
			return i
		}
		prev = o
	}
	return -1
}

// Siblings are the neighbours that block b names, Null where there is none.
func (k *Kind) Siblings(b []byte) (left, right uint64) { return k.siblings(b) }

// Type is the type of the kind's blocks.
func (k *Kind) Type() *format.BlockType {
	for _, t := range [...]*format.BlockType{
		format.TypeBnobt, format.TypeCntbt, format.TypeInobt, format.TypeFinobt,
		format.TypeRmapbt, format.TypeRefcount, format.TypeBmbt,
	} {
		if t.Magic == uint32(k.Magic) {
			return t
		}
	}
	return nil
}
