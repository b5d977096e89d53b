package check

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// joinWatch finds records of rmapbt which continue a record before them and so should be part of
// it. Where blocks are shared other records may lie between the two, so all that have not ended
// yet are kept, in a hash table.
type joinWatch struct {
	keys *keys
	prev space.Rmap // the last record
	// late ended where prev begins. It is not in the table, as that happens all the time where
	// nothing is shared.
	late space.Rmap

	table []openRmap // of a power of two; nil as long as it is not needed
	n     int
}

// openRmap is an extent of a class, not yet continued, that ends before a block.
type openRmap struct {
	class uint64 // hashed; 0 is none
	end   format.AGBlock
}

// see takes the next record, in rmapbt's order, and reports whether it continues one before.
func (j *joinWatch) see(r space.Rmap) (continues bool) {
	p := j.prev
	j.prev = r
	if p.Count == 0 {
		return false
	}
	if r.Start != p.Start {
		j.late = space.Rmap{}
		if p.End() == r.Start {
			j.late = p
		}
	}
	if p.End() > r.Start {
		j.add(p, r.Start)
	}
	return j.late.Count > 0 && j.late.Joins(r) || j.n > 0 && j.find(j.class(r), r.Start)
}

func (j *joinWatch) class(r space.Rmap) uint64 {
	c := classOf(r)
	h, _ := j.keys.hash(c.id, c.base)
	return h | 1
}

func (j *joinWatch) find(class uint64, end format.AGBlock) bool {
	mask := uint64(len(j.table) - 1)
	for i := class >> 1 & mask; j.table[i].class != 0; i = (i + 1) & mask {
		if j.table[i] == (openRmap{class, end}) {
			return true
		}
	}
	return false
}

// add puts a record into the table, from which those may go that end before block at.
func (j *joinWatch) add(r space.Rmap, at format.AGBlock) {
	if 2*(j.n+1) > len(j.table) {
		j.rebuild(at)
	}
	j.put(openRmap{j.class(r), r.End()})
}

func (j *joinWatch) put(o openRmap) {
	mask := uint64(len(j.table) - 1)
	i := o.class >> 1 & mask
	for j.table[i].class != 0 {
		i = (i + 1) & mask
	}
	j.table[i] = o
	j.n++
}

// rebuild drops what has ended, and makes the table large enough for what has not.
func (j *joinWatch) rebuild(at format.AGBlock) {
	old, open := j.table, 0
	for _, o := range old {
		if o.class != 0 && o.end >= at {
			open++
		}
	}
	size := max(64, len(old))
	for size < 4*(open+1) {
		size *= 2
	}
	j.table, j.n = make([]openRmap, size), 0
	for _, o := range old {
		if o.class != 0 && o.end >= at {
			j.put(o)
		}
	}
}
