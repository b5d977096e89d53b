package check

import (
	"cmp"
	"context"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// A close look at a group is taken when its sums say that something is wrong, or when a part of
// it or of its owners could not be read. All that owners have is collected once more, and then
// compared with the trees extent by extent.

// collect takes note of an owner of blocks that are looked at.
func (w *worker) collect(ag format.AGNumber, r space.Rmap) {
	f := &w.found[ag]
	if f.counts != nil {
		f.counts[bucketOf(r.Start, w.geo.AGLen(ag))]++
	}
	if start, end := f.window.clip(r.Start, r.End()); start < end {
		f.list = append(f.list, part(r, start, end))
	}
}

// evidence is all that there is to say about a group's blocks.
type evidence struct {
	owners []space.Rmap // by block; extents that continue each other are one
	forks  runs         // of CoW forks

	window window // the blocks that are looked at; nothing below reaches beyond, except for byPlace and byCount

	rmaps    []space.Rmap // as rmapbt has them
	byPlace  []run        // free extents that begin here, as bnobt has them, if it can be read
	byCount  []run        // as cntbt has them
	free     runs         // what is free by bnobt or, if that can't be read, by cntbt
	shared   []refcount.Record
	staged   []run
	noRmaps  bool // the volume has no rmapbt, or it can't be read
	noFree   bool
	bothFree bool // both trees of free space could be read
	noRefs   bool

	// open says that owners may be missing that nothing tells of: what seems to be nobody's may
	// have an owner.
	open bool
}

// judgeSums reports whether a group's sums say that all is well, and how many extents have
// owners.
func (c *checker) judgeSums(g *group) (n int, ok bool) {
	var s groupSums
	for _, w := range c.workers {
		s.add(&w.sums[g.no])
	}
	s.blocks.addRun(&c.keys, 0, format.AGBlock(c.geo.AGLen(g.no)), minus1)
	ok = !g.look.Load() && s.blocks.zero() && s.cow.zero() && s.free.zero() && (!c.has(rmapbt) || s.owners.zero())
	for slot := range treeSlots {
		ok = ok && (!c.has(slot) || g.trees[slot].complete)
	}
	return s.n, ok
}

// lookAt takes some close looks, each at another group.
func (c *checker) lookAt(ctx context.Context, batch []closeLook) {
	found := make([]evidence, len(batch))
	var units []unit
	for i, l := range batch {
		found[i].window = l.window
		units = append(units, func(w *worker) { w.gather(l.group, &found[i]) })
	}
	c.collectOwners(ctx, units, func(l []ownerList) {
		for _, b := range batch {
			l[b.group.no].window = b.window
		}
	})
	units = nil
	for i, l := range batch {
		e := &found[i]
		for _, w := range c.workers {
			e.owners = append(e.owners, w.found[l.group.no].list...)
			w.found[l.group.no].list = nil
		}
		units = append(units, func(w *worker) {
			e.sort()
			w.judge(l.group, e)
			*e = evidence{}
		})
	}
	for _, w := range c.workers {
		w.found = nil
	}
	if !c.stopped() {
		c.stage(ctx, "space", units)
	}
}

// collectOwners collects what there is in the workers' lists of owners, of which some are wanted.
// The units tell what belongs to groups themselves.
func (c *checker) collectOwners(ctx context.Context, units []unit, want func([]ownerList)) {
	c.quiet = true
	for _, w := range c.workers {
		w.found = make([]ownerList, len(c.groups))
		want(w.found)
	}
	c.stage(ctx, "owners", append(units, c.ownersAgain()...))
	c.quiet = false
}

// gather collects what a group's own structures have, and what its trees say.
func (w *worker) gather(g *group, e *evidence) {
	buf := make([]byte, 4*w.geo.SectSize)
	w.headers(g, buf)
	e.open = w.anyLost()
	free := func(s treeSlot) (here []run, blocks runs, ok bool) {
		ok = w.walkGroupTree(g.no, s, func(_ *treeWalk, rec []byte) {
			start, count := format.FreeStart.Get(rec), format.FreeCount.Get(rec)
			if !w.inGroup(g.no, start, count) {
				return
			}
			end := start + format.AGBlock(count)
			if e.window.has(start) {
				here = append(here, run{start, end})
			}
			if lo, hi := e.window.clip(start, end); lo < hi {
				blocks = append(blocks, run{lo, hi})
			}
		})
		return here, blocks, ok
	}
	var placeOK, countOK bool
	var blocks runs
	e.byPlace, e.free, placeOK = free(bnobt)
	e.byCount, blocks, countOK = free(cntbt)
	e.bothFree = placeOK && countOK
	e.noFree = !placeOK && !countOK
	if !placeOK {
		e.free = blocks
	}
	for _, s := range []treeSlot{inobt, finobt} {
		if w.has(s) {
			w.walkGroupTree(g.no, s, nil)
		}
	}
	e.noRmaps, e.noRefs = true, true
	if w.has(rmapbt) {
		e.noRmaps = !w.walkGroupTree(g.no, rmapbt, func(_ *treeWalk, rec []byte) {
			r := space.UnpackRmap(rec)
			if w.rmapRecord(g.no, r) != "" {
				return
			}
			if lo, hi := e.window.clip(r.Start, r.End()); lo < hi {
				e.rmaps = append(e.rmaps, part(r, lo, hi))
			}
		})
	}
	if w.has(refcountbt) {
		e.noRefs = !w.walkGroupTree(g.no, refcountbt, func(_ *treeWalk, rec []byte) {
			r, cow := refcount.Unpack(rec)
			if !w.inGroup(g.no, r.Start, r.Count) {
				return
			}
			lo, hi := e.window.clip(r.Start, r.End())
			switch {
			case lo >= hi:
			case cow:
				e.staged = append(e.staged, run{lo, hi})
				w.own(g.no, r.Start, r.Count, space.Owner{ID: format.OwnCow})
			default:
				r.Start, r.Count = lo, uint32(hi-lo)
				e.shared = append(e.shared, r)
			}
		})
	}
}

// sort puts all lists in order.
func (e *evidence) sort() {
	kept := e.owners[:0]
	for _, r := range e.owners {
		if r.ID == cowFork {
			e.forks = append(e.forks, run{r.Start, r.End()})
		} else {
			kept = append(kept, r)
		}
	}
	e.owners = kept
	e.forks = joined(e.forks)
	e.free = joined(e.free)
	e.staged = joined(e.staged)
	slices.SortFunc(e.shared, func(a, b refcount.Record) int { return cmp.Compare(a.Start, b.Start) })
}
