package check

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// judge compares everything that is said about the blocks of a group.
func (w *worker) judge(g *group, e *evidence) {
	j := judgement{w: w, g: g, evidence: e}
	j.domains()
	j.owners, j.doubled = disjoint(e.owners)
	if w.has(rmapbt) && !e.noRmaps {
		j.compareRmaps()
	}
	if j.trusted || !e.open {
		j.whole = true
	}
	j.sweep()
	j.judgeDoubled()
	j.judgeUses()
	j.judgeFree()
	j.judgeRefcounts()
	j.judgeStaging()
}

// judgement is a close look at one group.
type judgement struct {
	w *worker
	g *group
	*evidence
	doubled []space.Rmap // that an owner has twice
	uses    []use
	trusted bool // rmapbt was used in place of owners that could not be read
	whole   bool // all owners are known
	// swapped are blocks in the wrong domain of refcountbt.
	swapped runs
	// missing are blocks of several owners that refcountbt doesn't have.
	missing runs
	// unstaged are blocks of CoW forks that refcountbt doesn't have as staged.
	unstaged runs
}

// class is what all blocks of an extent have in common: their owner, and for files how far apart
// offset and block are.
type class struct{ id, base uint64 }

func classOf(r space.Rmap) class {
	c := class{r.ID, r.Offset}
	if format.OwnerIsInode(r.ID) && r.Offset&format.RmapBmbtBlock == 0 {
		c.base -= uint64(r.Start)
	}
	return c
}

func (c class) compare(d class) int {
	return cmp.Or(cmp.Compare(c.id, d.id), cmp.Compare(c.base, d.base))
}

// part is what an extent says of the blocks from start up to end.
func part(r space.Rmap, start, end format.AGBlock) space.Rmap {
	return space.Rmap{Start: start, Count: uint32(end - start), Owner: r.At(uint32(start - r.Start))}
}

// disjoint sorts extents by class and block and joins those that continue each other. What is in
// several of one class is left in the list once, and returned as doubled.
func disjoint(l []space.Rmap) (out, doubled []space.Rmap) {
	slices.SortFunc(l, func(a, b space.Rmap) int {
		return cmp.Or(classOf(a).compare(classOf(b)), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Count, b.Count))
	})
	out = l[:0]
	for _, r := range l {
		if n := len(out); n > 0 && classOf(out[n-1]) == classOf(r) && r.Start <= out[n-1].End() {
			last := &out[n-1]
			if both := min(last.End(), r.End()); r.Start < both {
				doubled = append(doubled, part(r, r.Start, both))
			}
			last.Count = max(last.Count, uint32(r.End()-last.Start))
			continue
		}
		out = append(out, r)
	}
	return out, doubled
}

// difference returns what is in a and not in b; both are disjoint.
func difference(a, b []space.Rmap) (only []space.Rmap) {
	k := 0
	for _, r := range a {
		c, at := classOf(r), r.Start
		for k < len(b) && (classOf(b[k]).compare(c) < 0 || classOf(b[k]) == c && b[k].End() <= r.Start) {
			k++
		}
		for i := k; i < len(b) && at < r.End() && classOf(b[i]) == c && b[i].Start < r.End(); i++ {
			if at < b[i].Start {
				only = append(only, part(r, at, b[i].Start))
			}
			at = max(at, b[i].End())
		}
		if at < r.End() {
			only = append(only, part(r, at, r.End()))
		}
	}
	return only
}

func byBlock(l []space.Rmap) {
	slices.SortFunc(l, func(a, b space.Rmap) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Offset, b.Offset))
	})
}

// compareRmaps compares rmapbt with the owners. Where these could not all be read, it fills in
// what rmapbt says of them.
func (j *judgement) compareRmaps() {
	rmaps, doubled := disjoint(j.rmaps)
	missing, stray := difference(j.owners, rmaps), difference(rmaps, j.owners)
	kept := stray[:0]
	for _, r := range stray {
		if j.w.excused(j.g.no, r.ID) {
			j.owners = append(j.owners, r)
		} else {
			kept = append(kept, r)
		}
	}
	stray = append(kept, doubled...)
	j.trusted = true
	byBlock(missing)
	byBlock(stray)
	j.pair(missing, stray)
}

// pair reports missing and stray records: where both are about the same blocks, one is wrong.
func (j *judgement) pair(missing, stray []space.Rmap) {
	cut := func(l []space.Rmap, end format.AGBlock) []space.Rmap {
		if l[0].End() <= end {
			return l[1:]
		}
		l[0] = part(l[0], end, l[0].End())
		return l
	}
	for len(missing) > 0 || len(stray) > 0 {
		switch {
		case len(stray) == 0 || len(missing) > 0 && missing[0].Start < stray[0].Start:
			end := missing[0].End()
			if len(stray) > 0 {
				end = min(end, stray[0].Start)
			}
			m := part(missing[0], missing[0].Start, end)
			j.rmap(RmapMissing, m, "none", ownerText(m.Owner))
			missing = cut(missing, end)
		case len(missing) == 0 || stray[0].Start < missing[0].Start:
			end := stray[0].End()
			if len(missing) > 0 {
				end = min(end, missing[0].Start)
			}
			s := part(stray[0], stray[0].Start, end)
			j.rmap(RmapStray, s, ownerText(s.Owner), "none")
			stray = cut(stray, end)
		default:
			end := min(missing[0].End(), stray[0].End())
			m := part(missing[0], missing[0].Start, end)
			j.rmap(RmapWrong, m, ownerText(stray[0].Owner), ownerText(m.Owner))
			missing, stray = cut(missing, end), cut(stray, end)
		}
	}
}

func (j *judgement) rmap(c *Code, r space.Rmap, got, want string) {
	p := AtBlock(j.g.no, r.Start, r.Count)
	if format.OwnerIsInode(r.ID) {
		p.Ino = format.Ino(r.ID)
	}
	j.w.report(Finding{Code: c, Structure: "rmapbt", Place: p, Got: got, Want: want})
}
