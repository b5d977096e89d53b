package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// sharing walks refcountbt: it learns which blocks have several owners, and that those staged for
// copy-on-write have one.
func (w *worker) sharing(g *group) {
	s := &w.sums[g.no]
	var prev refcount.Record
	prevCow := false
	sorted := true
	var blocks []format.AGBlock
	w.walkBlocks(g.no, refcountbt, func(b uint64) { blocks = append(blocks, format.AGBlock(b)) }, func(t *treeWalk, rec []byte) {
		r, cow := refcount.Unpack(rec)
		if !w.inGroup(g.no, r.Start, r.Count) {
			w.recordFinding(RefcountRecord, t, r.Start, r.Count, refText(r, cow), w.groupText(g.no))
			g.look.Store(true)
			return
		}
		if prev.Count > 0 && prevCow == cow {
			switch {
			case prev.End() > r.Start:
				w.recordFinding(RefcountOverlap, t, r.Start, r.Count, refText(r, cow), fmt.Sprintf("behind %s", refText(prev, cow)))
				g.look.Store(true)
			case prev.End() == r.Start && prev.Refs == r.Refs:
				w.recordFinding(RefcountUnmerged, t, r.Start, r.Count, refText(r, cow), fmt.Sprintf("one record with %s", refText(prev, cow)))
			}
		}
		prev, prevCow = r, cow
		if cow {
			if r.Refs != 1 {
				w.recordFinding(RefcountRecord, t, r.Start, r.Count, refText(r, cow), "1 owner of staged blocks")
			}
			s.cow.addRun(&w.keys, r.Start, r.End(), minus1)
			w.own(g.no, r.Start, r.Count, space.Owner{ID: format.OwnCow}) // behind all that are shared
			return
		}
		if r.Refs < 2 {
			g.look.Store(true) // it has no business to be there; see judgeRefcounts
			return
		}
		s.blocks.addRun(&w.keys, r.Start, r.End(), -uint64(r.Refs-1))
		if n := len(g.shared); n > 0 {
			if g.shared[n-1].end == r.Start {
				g.shared[n-1].end = r.End()
				return
			}
			sorted = sorted && g.shared[n-1].end < r.Start
		}
		g.shared = append(g.shared, run{r.Start, r.End()})
	})
	if !sorted {
		g.shared = joined(g.shared)
	}
	g.shared = slices.Clip(g.shared)
	for _, b := range blocks { // which were not known to be shared when they got their owner
		if g.shared.touches(b, b+1) {
			g.look.Store(true)
		}
	}
}

// joined sorts runs and joins those that touch or overlap.
func joined(l runs) runs {
	slices.SortFunc(l, func(a, b run) int { return cmp.Compare(a.start, b.start) })
	out := l[:0]
	for _, r := range l {
		if n := len(out); n > 0 && r.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, r.end)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// refText shows a record.
func refText(r refcount.Record, cow bool) string {
	if cow {
		return fmt.Sprintf("%v staged, %d owners", r, r.Refs)
	}
	return fmt.Sprintf("%v with %d owners", r, r.Refs)
}
