package populate

import (
	"container/heap"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
)

// refcountsOf counts the owners of blocks from the records of who owns what, in order of
// start, and returns the ranges that have more than one.
func refcountsOf(data rmapPart) (out []refcount.Record) {
	var ends endHeap
	at := format.AGBlock(0)
	// advance counts the blocks up to next, which all have the same owners.
	advance := func(next format.AGBlock) {
		if refs := uint32(len(ends)); refs > 1 && next > at {
			if k := len(out) - 1; k >= 0 && out[k].End() == at && out[k].Refs == refs {
				out[k].Count += uint32(next - at)
			} else {
				out = append(out, refcount.Record{Start: at, Count: uint32(next - at), Refs: refs})
			}
		}
		at = next
	}
	for i := range data.n {
		r := *data.at(i)
		r.Start += data.base
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
