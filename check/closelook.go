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

// ownerList is what own, share and stageCow are told of one group.
type ownerList struct {
	want bool // the group is looked at
	list []space.Rmap
}

// collect takes note of an owner of a group that is looked at.
func (w *worker) collect(ag format.AGNumber, r space.Rmap) {
	if f := &w.found[ag]; f.want {
		f.list = append(f.list, r)
	}
}

// evidence is all that there is to say about a group's blocks.
type evidence struct {
	owners []space.Rmap // by block; extents that continue each other are one
	forks  runs         // of CoW forks

	rmaps    []space.Rmap // as rmapbt has them
	byPlace  []run        // free extents as bnobt has them, if it can be read
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

// closeLooks looks at all groups that need it, as many at a time as memory allows.
func (c *checker) closeLooks(ctx context.Context) {
	var batch []*group
	var size int64
	for i := range c.groups {
		g := &c.groups[i]
		n, all := c.judgeSums(g)
		if all {
			continue
		}
		need := int64(n) * bytesPerOwner
		if len(batch) > 0 && size+need > c.memory() {
			c.lookAt(ctx, batch)
			batch, size = nil, 0
		}
		batch, size = append(batch, g), size+need
	}
	if len(batch) > 0 {
		c.lookAt(ctx, batch)
	}
}

// bytesPerOwner is what one extent takes in a close look: in the list of the owners, which is
// sorted, and in that of rmapbt.
const bytesPerOwner = 3 * 32

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

// lookAt takes a close look at some groups.
func (c *checker) lookAt(ctx context.Context, batch []*group) {
	c.quiet = true
	for _, w := range c.workers {
		w.found = make([]ownerList, len(c.groups))
		for _, g := range batch {
			w.found[g.no].want = true
		}
	}
	found := make([]evidence, len(batch))
	var units []unit
	for i, g := range batch {
		units = append(units, func(w *worker) { w.gather(g, &found[i]) })
	}
	c.stage(ctx, "owners", append(units, c.ownersAgain()...))
	units = nil
	for i, g := range batch {
		e := &found[i]
		for _, w := range c.workers {
			e.owners = append(e.owners, w.found[g.no].list...)
			w.found[g.no].list = nil
		}
		units = append(units, func(w *worker) {
			e.sort()
			w.judge(g, e)
			*e = evidence{}
		})
	}
	for _, w := range c.workers {
		w.found = nil
	}
	c.quiet = false
	if !c.stopped() {
		c.stage(ctx, "space", units)
	}
}

// gather collects what a group's own structures have, and what its trees say.
func (w *worker) gather(g *group, e *evidence) {
	buf := make([]byte, 4*w.geo.SectSize)
	w.headers(g, buf)
	e.open = w.anyLost()
	free := func(s treeSlot) (list []run, ok bool) {
		ok = w.walkGroupTree(g.no, s, func(_ *treeWalk, rec []byte) {
			start, count := format.FreeStart.Get(rec), format.FreeCount.Get(rec)
			if w.inGroup(g.no, start, count) {
				list = append(list, run{start, start + format.AGBlock(count)})
			}
		})
		return list, ok
	}
	var placeOK, countOK bool
	e.byPlace, placeOK = free(bnobt)
	e.byCount, countOK = free(cntbt)
	e.bothFree = placeOK && countOK
	e.noFree = !placeOK && !countOK
	e.free = slices.Clone(e.byPlace)
	if !placeOK {
		e.free = slices.Clone(e.byCount)
	}
	for _, s := range []treeSlot{inobt, finobt} {
		if w.has(s) {
			w.walkGroupTree(g.no, s, nil)
		}
	}
	e.noRmaps, e.noRefs = true, true
	if w.has(rmapbt) {
		e.noRmaps = !w.walkGroupTree(g.no, rmapbt, func(_ *treeWalk, rec []byte) {
			if r := space.UnpackRmap(rec); w.rmapRecord(g.no, r) == "" {
				e.rmaps = append(e.rmaps, r)
			}
		})
	}
	if w.has(refcountbt) {
		e.noRefs = !w.walkGroupTree(g.no, refcountbt, func(_ *treeWalk, rec []byte) {
			r, cow := refcount.Unpack(rec)
			switch {
			case !w.inGroup(g.no, r.Start, r.Count):
			case cow:
				e.staged = append(e.staged, run{r.Start, r.End()})
				w.own(g.no, r.Start, r.Count, space.Owner{ID: format.OwnCow})
			default:
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
