package populate

import (
	"cmp"
	"iter"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// addRmap appends r to records in order of start, joining it with the last one where it must be.
func addRmap(s *slab[space.Rmap], r space.Rmap) {
	if r.Count == 0 {
		return
	}
	if l := s.last(); l != nil && l.Joins(r) {
		l.Count += r.Count
		return
	}
	s.add(r)
}

// rmapList is all records of a group in the order of their keys, without a copy of them.
type rmapList struct {
	parts [3]rmapPart
	tail  []space.Rmap
}

// rmapPart is a list of records whose start counts from base.
type rmapPart struct {
	*slab[space.Rmap]
	base format.AGBlock
}

// all gives the records with the places that they have in the group.
func (p rmapPart) all() iter.Seq[space.Rmap] {
	return func(yield func(space.Rmap) bool) {
		for i := range p.n {
			r := *p.at(i)
			r.Start += p.base
			if !yield(r) {
				return
			}
		}
	}
}

func (l *rmapList) len() int {
	n := len(l.tail)
	for _, p := range l.parts {
		n += p.n
	}
	return n
}

func (l *rmapList) at(i int) space.Rmap {
	for _, p := range l.parts {
		if i < p.n {
			r := *p.at(i)
			r.Start += p.base
			return r
		}
		i -= p.n
	}
	return l.tail[i]
}

// withShared merges further uses of blocks into the records of those who have them first.
func withShared(data *slab[space.Rmap], shared []space.Rmap) *slab[space.Rmap] {
	all := make([]space.Rmap, 0, data.n+len(shared))
	for i := range data.n {
		all = append(all, *data.at(i))
	}
	all = append(all, shared...)
	offset := func(r space.Rmap) uint64 { return r.Offset &^ format.RmapUnwritten }
	slices.SortFunc(all, func(a, b space.Rmap) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID), cmp.Compare(offset(a), offset(b)))
	})
	var out slab[space.Rmap]
	for _, r := range all {
		out.add(r)
	}
	return &out
}
