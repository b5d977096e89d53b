package populate

import (
	"container/heap"

	"github.com/cowfs/cowfs/format"
)

// sharing is a record of the refcount tree.
type sharing struct {
	start uint32
	count uint32
	refs  uint32
}

func (s sharing) put(b []byte) {
	format.RefcStart.Put(b, s.start)
	format.RefcCount.Put(b, s.count)
	format.RefcRefs.Put(b, s.refs)
}

// refcountsOf counts the owners of blocks from the records of who owns what, in order of
// start, and returns the ranges that have more than one.
func refcountsOf(data rmapPart) (out []sharing) {
	var ends endHeap
	at := uint32(0)
	// advance counts the blocks up to next, which all have the same owners.
	advance := func(next uint32) {
		if refs := uint32(len(ends)); refs > 1 && next > at {
			if k := len(out) - 1; k >= 0 && out[k].start+out[k].count == at && out[k].refs == refs {
				out[k].count += next - at
			} else {
				out = append(out, sharing{at, next - at, refs})
			}
		}
		at = next
	}
	for i := range data.n {
		r := *data.at(i)
		r.start += data.base
		for len(ends) > 0 && ends[0] <= r.start {
			advance(ends[0])
			heap.Pop(&ends)
		}
		advance(r.start)
		heap.Push(&ends, r.end())
	}
	for len(ends) > 0 {
		advance(ends[0])
		heap.Pop(&ends)
	}
	return out
}

// endHeap holds the ends of the records that cover a block, the nearest first.
type endHeap []uint32

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(uint32)) }
func (h *endHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
