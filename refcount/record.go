package refcount

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Record says that Count blocks from Start have Refs owners each. In the CoW domain Refs is 1.
type Record struct {
	Start format.AGBlock
	Count uint32
	Refs  uint32
}

// Unpack decodes a record of the tree.
func Unpack(b []byte) (r Record, cow bool) {
	start := format.RefcStart.Get(b)
	return Record{format.AGBlock(start &^ format.RefcCowFlag), format.RefcCount.Get(b), format.RefcRefs.Get(b)}, start&format.RefcCowFlag != 0
}

// Put encodes the record as one of the CoW or of the shared domain.
func (r Record) Put(b []byte, cow bool) {
	format.RefcStart.Put(b, key(r.Start, cow))
	format.RefcCount.Put(b, r.Count)
	format.RefcRefs.Put(b, r.Refs)
}

// key is what a block is sorted by.
func key(b format.AGBlock, cow bool) uint32 {
	if cow {
		return uint32(b) | format.RefcCowFlag
	}
	return uint32(b)
}

// End is the block behind the record.
func (r Record) End() format.AGBlock { return r.Start + format.AGBlock(r.Count) }

// String shows the record as start+count.
func (r Record) String() string { return fmt.Sprintf("%d+%d", r.Start, r.Count) }

// list is records in order, joined where they must be.
type list []Record

// add appends the blocks from start up to end; least is the smallest number of owners that is
// recorded.
func (l *list) add(start, end format.AGBlock, refs, least uint32) {
	if start >= end || refs < least {
		return
	}
	if i := len(*l) - 1; i >= 0 && (*l)[i].End() == start && (*l)[i].Refs == refs {
		(*l)[i].Count += uint32(end - start)
		return
	}
	*l = append(*l, Record{start, uint32(end - start), refs})
}

// adjust changes the number of owners of the blocks from start up to end by delta, which is 1 or
// -1. old are the records that touch these blocks or their neighbours. It returns what replaces
// old, and the blocks that have no owner any more. A number that has reached the highest stays
// there for ever, as it is not known how many owners there really are.
func adjust(old []Record, start, end format.AGBlock, delta int) (now, gone list) {
	change := func(from, to format.AGBlock, refs uint32) {
		if refs < format.MaxRefcount {
			refs += uint32(delta)
		}
		if refs == 0 {
			gone.add(from, to, 0, 0)
		} else {
			now.add(from, to, refs, 2)
		}
	}
	at := start
	for _, r := range old {
		now.add(r.Start, min(r.End(), start), r.Refs, 2)
		lo, hi := max(r.Start, start), min(r.End(), end)
		if lo < hi {
			change(at, lo, 1)
			change(lo, hi, r.Refs)
			at = hi
		} else if r.Start >= end && at < end {
			change(at, end, 1)
			at = end
		}
		now.add(max(r.Start, end), r.End(), r.Refs, 2)
	}
	if at < end {
		change(at, end, 1)
	}
	return now, gone
}

// stage adds the blocks from start up to end to the CoW domain. old are the records that touch
// them or their neighbours; ok is false when one of the blocks is staged already.
func stage(old []Record, start, end format.AGBlock) (now list, ok bool) {
	at := start
	for _, r := range old {
		if r.Start < end && start < r.End() {
			return nil, false
		}
		if r.Start >= end && at < end {
			now.add(at, end, 1, 1)
			at = end
		}
		now.add(r.Start, r.End(), r.Refs, 1)
	}
	now.add(at, end, 1, 1)
	return now, true
}

// unstage removes the blocks from start up to end from the CoW domain; ok is false when one of
// them isn't there.
func unstage(old []Record, start, end format.AGBlock) (now list, ok bool) {
	for _, r := range old {
		if r.Start > start || end > r.End() {
			now.add(r.Start, r.End(), r.Refs, 1)
			continue
		}
		now.add(r.Start, start, r.Refs, 1)
		now.add(end, r.End(), r.Refs, 1)
		ok = true
	}
	return now, ok
}
