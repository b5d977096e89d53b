package check

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"sort"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// use says how often some blocks are used.
type use struct {
	start, end format.AGBlock
	n          uint32
	alone      bool        // one of the owners can't share
	a, b       space.Owner // two of the owners
}

// sweep goes over all owners in the order of blocks and finds out how often each is used.
func (j *judgement) sweep() {
	byBlock(j.owners)
	var open endHeap
	var at format.AGBlock
	alone := 0
	if !j.w.geo.HasReflink() {
		alone = 1 // nobody's blocks can be shared
	}
	upTo := func(b format.AGBlock) {
		if at < b && len(open) > 0 {
			u := use{start: at, end: b, n: uint32(len(open)), alone: alone > 0, a: open[0].At(uint32(at - open[0].Start))}
			if len(open) > 1 {
				u.b = open[1].At(uint32(at - open[1].Start))
			}
			j.uses = append(j.uses, u)
		}
		at = max(at, b)
	}
	for _, r := range j.owners {
		for len(open) > 0 && open[0].End() <= r.Start {
			upTo(open[0].End())
			if !sharable(open[0].Owner) {
				alone--
			}
			heap.Pop(&open)
		}
		upTo(r.Start)
		heap.Push(&open, r)
		if !sharable(r.Owner) {
			alone++
		}
	}
	for len(open) > 0 {
		upTo(open[0].End())
		if !sharable(open[0].Owner) {
			alone--
		}
		heap.Pop(&open)
	}
}

// sharable reports whether an owner's blocks may have other owners.
func sharable(o space.Owner) bool {
	return format.OwnerIsInode(o.ID) && o.Offset&(format.RmapAttrFork|format.RmapBmbtBlock|format.RmapUnwritten) == 0
}

// endHeap holds extents, the one that ends first in front.
type endHeap []space.Rmap

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, k int) bool { return h[i].End() < h[k].End() }
func (h endHeap) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(space.Rmap)) }
func (h *endHeap) Pop() any {
	l := *h
	x := l[len(l)-1]
	*h = l[:len(l)-1]
	return x
}

// at returns the index of the first use that ends behind a block.
func (j *judgement) at(b format.AGBlock) int {
	return sort.Search(len(j.uses), func(i int) bool { return j.uses[i].end > b })
}

// judgeDoubled reports what an owner has twice in the same role, such as a block that is in two
// trees of a group.
func (j *judgement) judgeDoubled() {
	for _, r := range j.doubled {
		j.crossLink(r.Start, r.End(), r.Owner, r.Owner)
	}
}

func (j *judgement) crossLink(start, end format.AGBlock, a, b space.Owner) {
	p := AtBlock(j.g.no, start, uint32(end-start))
	for _, o := range []space.Owner{a, b} {
		if format.OwnerIsInode(o.ID) {
			p.Ino = format.Ino(o.ID)
			break
		}
	}
	j.w.report(Finding{Code: SpaceCrossLink, Place: p, Got: fmt.Sprintf("%s, and %s", ownerText(a), ownerText(b)), Want: "one owner"})
}

// judgeUses compares what is used with what is free.
func (j *judgement) judgeUses() {
	for i := 0; i < len(j.uses); {
		u := j.uses[i]
		for i++; i < len(j.uses) && j.uses[i].start == u.end && u.n > 1 && u.alone && j.uses[i].alone && j.uses[i].n > 1; i++ {
			u.end = j.uses[i].end
		}
		if u.n > 1 && u.alone {
			j.crossLink(u.start, u.end, u.a, u.b)
		}
	}
	if j.noFree {
		return
	}
	size, at := j.window.hi, j.window.lo // all before at is accounted for
	f := 0
	for i := 0; i <= len(j.uses); i++ {
		u := use{start: size, end: size}
		if i < len(j.uses) {
			u = j.uses[i]
		}
		// What lies between the uses must be free.
		for at < u.start {
			for f < len(j.free) && j.free[f].end <= at {
				f++
			}
			if f < len(j.free) && j.free[f].start <= at {
				at = min(j.free[f].end, u.start)
				continue
			}
			end := u.start
			if f < len(j.free) {
				end = min(end, j.free[f].start)
			}
			if j.whole {
				j.w.report(Finding{Code: SpaceLost, Structure: "bnobt", Place: AtBlock(j.g.no, at, uint32(end-at))})
			}
			at = end
		}
		// What is used must not.
		for k := f; k < len(j.free) && j.free[k].start < u.end; k++ {
			if lo, hi := max(u.start, j.free[k].start), min(u.end, j.free[k].end); lo < hi {
				p := AtBlock(j.g.no, lo, uint32(hi-lo))
				if format.OwnerIsInode(u.a.ID) {
					p.Ino = format.Ino(u.a.ID)
				}
				j.w.report(Finding{Code: SpaceFreeUsed, Structure: "bnobt", Place: p, Got: "free", Want: "of " + ownerText(u.a)})
			}
		}
		at = max(at, u.end)
	}
}

// judgeFree compares the two trees of free extents.
func (j *judgement) judgeFree() {
	if !j.bothFree {
		return
	}
	byStart := func(a, b run) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) }
	a, b := j.byPlace, j.byCount
	slices.SortFunc(a, byStart)
	slices.SortFunc(b, byStart)
	for len(a) > 0 || len(b) > 0 {
		c := 0
		switch {
		case len(b) == 0:
			c = -1
		case len(a) == 0:
			c = 1
		default:
			c = byStart(a[0], b[0])
		}
		if c < 0 {
			j.treesDiffer(a[0], "bnobt", "cntbt")
		} else if c > 0 {
			j.treesDiffer(b[0], "cntbt", "bnobt")
		}
		if c <= 0 {
			a = a[1:]
		}
		if c >= 0 {
			b = b[1:]
		}
	}
}

func (j *judgement) treesDiffer(r run, in, notIn string) {
	n := uint32(r.end - r.start)
	j.w.report(Finding{
		Code: SpaceTreesDiffer, Structure: notIn, Place: AtBlock(j.g.no, r.start, n),
		Got: "not there", Want: runText(r.start, n) + " as in " + in,
	})
}
