package refcount

import (
	"container/heap"
	"iter"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// CountOwners counts the owners of blocks from the records of who owns what, in order of start,
// and returns the ranges that have more than one.
func CountOwners(owners iter.Seq[space.Rmap]) []Record {
	var out list
	var ends endHeap
	at := format.AGBlock(0)
	// advance counts the blocks up to next, which all have the same owners.
	advance := func(next format.AGBlock) {
		out.add(at, next, uint32(len(ends)), 2)
		at = next
	}
	for r := range owners {
		for len(ends) > 0 && ends[0] <= r.Start {
			advance(ends[0])
			heap.Pop(&ends)
		}
		advance(r.Start)
		heap.Push(&ends, r.End())
	}
	for len(ends) > 0 {
		advance(ends[0])
		heap.Pop(&ends)
	}
	return out
}

// endHeap holds the ends of the records that cover a block, the nearest first.
type endHeap []format.AGBlock

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(format.AGBlock)) }
func (h *endHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
