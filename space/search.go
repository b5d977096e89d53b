package space

import (
	"math"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// want is what is looked for in a group.
type want struct {
	min, max uint32
	align    uint32         // the start is a multiple of it
	lo, hi   format.AGBlock // the extent lies from lo up to hi
	near     format.AGBlock // NullAGBlock: anywhere
	exact    bool           // start at near

	busy  func(r run) bool // nil: nothing is
	found bool             // something that would have done, but for being busy
	asked int              // how often busy was
}

// Limits that keep a search short where free space is in many pieces.
const (
	nearRecords = 64  // looked at on either side of a place
	maxAsked    = 512 // questions whether something is busy, before all is taken for busy
)

// find looks for a place in a group: one of max blocks or, if there is none, the longest of min
// or more. from is the free extent that it lies in. An empty part says that there is none.
func (a *group) find(w *want) (from, part run, err error) {
	switch {
	case w.exact:
		return a.findExact(w)
	case w.near != format.NullAGBlock:
		from, part, err = a.findNear(w)
		if err != nil || part.count > 0 {
			return from, part, err
		}
	}
	return a.findBySize(w)
}

// findExact looks whether the place itself is free.
func (a *group) findExact(w *want) (from, part run, err error) {
	rec, err := a.bno.SeekLE(freeKey(w.near))
	if err != nil || rec == nil {
		return run{}, run{}, err
	}
	if from, err = a.checked(btree.Bnobt, unpackRun(rec)); err != nil || from.end() <= w.near {
		return run{}, run{}, err
	}
	exact := *w
	exact.lo = w.near
	part = exact.fit(from)
	w.found = exact.found
	if part.start != w.near {
		part = run{}
	}
	return from, part, nil
}

// findNear looks for a place of max blocks on both sides of near, not very far.
func (a *group) findNear(w *want) (from, part run, err error) {
	full := *w
	full.min = w.max
	defer func() { w.found, w.asked = full.found, full.asked }()
	best := uint32(math.MaxUint32)
	side := func(rec []byte, err error, step func() ([]byte, error)) error {
		for i := 0; i < nearRecords && rec != nil && err == nil; i++ {
			r, err := a.checked(btree.Bnobt, unpackRun(rec))
			if err != nil {
				return err
			}
			if p := full.fit(r); p.count > 0 {
				if d := distance(p, w.near); d < best {
					best, from, part = d, r, p
				}
				return nil
			}
			if distance(r, w.near) > best {
				return nil
			}
			rec, err = step()
			if err != nil {
				return err
			}
		}
		return err
	}
	rec, err := a.bno.SeekLE(freeKey(w.near))
	if err = side(rec, err, a.bno.Prev); err != nil {
		return run{}, run{}, err
	}
	rec, err = a.bno.SeekGE(freeKey(w.near + 1))
	if err = side(rec, err, a.bno.Next); err != nil {
		return run{}, run{}, err
	}
	return from, part, nil
}

// findBySize looks for the smallest free extent that has max blocks, or else for the one that
// has most.
func (a *group) findBySize(w *want) (from, part run, err error) {
	consider := func(rec []byte) error {
		r, err := a.checked(btree.Cntbt, unpackRun(rec))
		if err != nil {
			return err
		}
		if p := w.fit(r); p.count > part.count {
			from, part = r, p
		}
		return nil
	}
	key := make([]byte, format.FreeRec.Size)
	run{0, w.max}.put(key)
	rec, err := a.cnt.SeekGE(key)
	for ; rec != nil && err == nil; rec, err = a.cnt.Next() {
		if err := consider(rec); err != nil || part.count == w.max {
			return from, part, err
		}
	}
	if err != nil || w.min == w.max {
		return from, part, err
	}
	rec, err = a.cnt.SeekLE(key)
	for ; rec != nil && err == nil; rec, err = a.cnt.Prev() {
		if n := format.FreeCount.Get(rec); n < w.min || n <= part.count {
			break
		}
		if err := consider(rec); err != nil {
			return run{}, run{}, err
		}
	}
	return from, part, err
}

// freeKey is the key of a block in bnobt.
func freeKey(b format.AGBlock) []byte {
	key := make([]byte, format.FreeRec.Size)
	format.FreeStart.Put(key, b)
	return key
}

// distance is how far a run is from a block.
func distance(r run, b format.AGBlock) uint32 {
	switch {
	case b < r.start:
		return uint32(r.start - b)
	case b >= r.end():
		return uint32(b-r.end()) + 1
	}
	return 0
}

// fit returns the best place within a free extent; it is empty when there is none.
func (w *want) fit(free run) run {
	lo, hi := max(free.start, w.lo), min(free.end(), w.hi)
	p := w.place(lo, hi)
	if p.count == 0 || !w.isBusy(p) {
		return p
	}
	w.found = true
	return w.idle(lo, hi)
}

// place returns the best place from lo up to hi: as long as possible, then as close to near.
func (w *want) place(lo, hi format.AGBlock) run {
	align := uint64(w.align)
	first := (uint64(lo) + align - 1) / align * align
	if first >= uint64(hi) {
		return run{}
	}
	n := min(uint64(w.max), uint64(hi)-first)
	if n < uint64(w.min) {
		return run{}
	}
	start := first
	if w.near != format.NullAGBlock && uint64(w.near) > first {
		last := first + (uint64(hi)-n-first)/align*align
		start = min((uint64(w.near)+align-1)/align*align, last)
	}
	return run{format.AGBlock(start), uint32(n)}
}

func (w *want) isBusy(r run) bool {
	if w.busy == nil {
		return false
	}
	w.asked++
	return w.asked > maxAsked || w.busy(r)
}

// idle returns the best place from lo up to hi that is in a stretch without busy blocks.
func (w *want) idle(lo, hi format.AGBlock) (best run) {
	from := lo // of the stretch that goes on
	end := func(at format.AGBlock) {
		if p := w.place(from, at); p.count > best.count {
			best = p
		}
	}
	var split func(lo, hi format.AGBlock)
	split = func(lo, hi format.AGBlock) {
		switch {
		case best.count == w.max || !w.isBusy(run{lo, uint32(hi - lo)}):
		case hi-lo == 1 || w.asked > maxAsked:
			end(lo)
			from = hi
		default:
			mid := lo + (hi-lo)/2
			split(lo, mid)
			split(mid, hi)
		}
	}
	split(lo, hi)
	end(hi)
	return best
}
