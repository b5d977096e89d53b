package populate

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// rmap is one record of the reverse map: count blocks from start have this owner. offset is
// the record's offset word, flags included.
type rmap struct {
	start  uint32
	count  uint32
	owner  uint64
	offset uint64
}

func (r rmap) end() uint32 { return r.start + r.count }

func (r rmap) put(b []byte) {
	format.RmapStart.Put(b, format.AGBlock(r.start))
	format.RmapCount.Put(b, r.count)
	format.RmapOwner.Put(b, r.owner)
	format.RmapOffset.Put(b, r.offset)
}

// joins reports whether s, which starts where r ends, belongs into the same record.
func (r rmap) joins(s rmap) bool {
	if r.end() != s.start || r.owner != s.owner {
		return false
	}
	if !format.OwnerIsInode(r.owner) || r.offset&format.RmapBmbtBlock != 0 {
		return r.offset == s.offset
	}
	return r.offset+uint64(r.count) == s.offset
}

// addRmap appends r to records in order of start, joining it with the last one where it must be.
func addRmap(s *slab[rmap], r rmap) {
	if r.count == 0 {
		return
	}
	if l := s.last(); l != nil && l.joins(r) {
		l.count += r.count
		return
	}
	s.add(r)
}

// rmapList is all records of a group in the order of their keys, without a copy of them.
type rmapList struct {
	parts [3]rmapPart
	tail  []rmap
}

// rmapPart is a list of records whose start counts from base.
type rmapPart struct {
	*slab[rmap]
	base uint32
}

func (l *rmapList) len() int {
	n := len(l.tail)
	for _, p := range l.parts {
		n += p.n
	}
	return n
}

func (l *rmapList) at(i int) rmap {
	for _, p := range l.parts {
		if i < p.n {
			r := *p.at(i)
			r.start += p.base
			return r
		}
		i -= p.n
	}
	return l.tail[i]
}

// withShared merges further uses of blocks into the records of those who have them first.
func withShared(data *slab[rmap], shared []rmap) *slab[rmap] {
	all := make([]rmap, 0, data.n+len(shared))
	for i := range data.n {
		all = append(all, *data.at(i))
	}
	all = append(all, shared...)
	offset := func(r rmap) uint64 { return r.offset &^ format.RmapUnwritten }
	slices.SortFunc(all, func(a, b rmap) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.owner, b.owner), cmp.Compare(offset(a), offset(b)))
	})
	var out slab[rmap]
	for _, r := range all {
		out.add(r)
	}
	return &out
}
