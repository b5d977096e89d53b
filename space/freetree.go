package space

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// checked refuses a record of a free space tree that no free extent can have.
func (a *group) checked(k *btree.Kind, r run) (run, error) {
	if !a.canBeFree(r) {
		return run{}, a.corrupt(k.Name, "record", r, "blocks that can be free")
	}
	return r, nil
}

// canBeFree reports whether a run lies within the group, and holds nothing that never is free.
func (a *group) canBeFree(r run) bool {
	g := a.s.geo
	return uint64(r.start)+uint64(r.count) <= uint64(g.AGLen(a.no)) && Check(g, Extent{g.FSB(a.no, r.start), r.count}) == nil
}

// take takes a part out of a free extent.
func (a *group) take(from, part run) error {
	left := run{from.start, uint32(part.start - from.start)}
	right := run{part.end(), uint32(from.end() - part.end())}
	return a.exchange([]run{from}, nonEmpty(left, right))
}

// release makes a run free, and joins it with its neighbours.
func (a *group) release(r run) error {
	left, right, err := a.around(r)
	if err != nil {
		return err
	}
	all := r
	var old []run
	if left.count > 0 && left.end() == r.start {
		old = append(old, left)
		all = run{left.start, left.count + all.count}
	}
	if right.count > 0 && r.end() == right.start {
		old = append(old, right)
		all.count += right.count
	}
	return a.exchange(old, []run{all})
}

// around returns the free extents before and behind a run that must not be free; one that isn't
// there is empty.
func (a *group) around(r run) (left, right run, err error) {
	var key [8]byte
	run{r.end() - 1, 0}.put(key[:])
	rec, err := a.bno.SeekLE(key[:])
	if err != nil {
		return run{}, run{}, err
	}
	if rec != nil {
		if left, err = a.checked(btree.Bnobt, unpackRun(rec)); err != nil {
			return run{}, run{}, err
		}
		if left.end() > r.start {
			return run{}, run{}, a.corrupt("bnobt", "record", left, fmt.Sprintf("no free blocks in %v, which is in use", r))
		}
	}
	if rec, err = a.bno.Next(); err != nil {
		return run{}, run{}, err
	}
	if rec != nil {
		right, err = a.checked(btree.Bnobt, unpackRun(rec))
	}
	return left, right, err
}

func nonEmpty(list ...run) []run {
	out := list[:0]
	for _, r := range list {
		if r.count > 0 {
			out = append(out, r)
		}
	}
	return out
}

// exchange replaces the free extents old, which are neighbours, by others in the same place.
// Both are in order.
func (a *group) exchange(old, new []run) error {
	if err := a.exchangeIn(&a.bno, old, new); err != nil {
		return err
	}
	if err := a.exchangeIn(&a.cnt, old, new); err != nil {
		return err
	}
	gain, longest, most := int64(0), a.longest(), uint32(0)
	shrinks := false
	for _, r := range old {
		gain -= int64(r.count)
		shrinks = shrinks || r.count == longest
	}
	for _, r := range new {
		gain += int64(r.count)
		most = max(most, r.count)
	}
	if err := a.add(format.AGFFreeBlks, gain); err != nil {
		return err
	}
	switch {
	case most >= longest:
		longest = most
	case shrinks:
		rec, err := a.cnt.Last()
		if err != nil {
			return err
		}
		longest = 0
		if rec != nil {
			longest = format.FreeCount.Get(rec)
		}
	}
	if longest != a.longest() {
		a.set(format.AGFLongest, longest)
	}
	return nil
}

// exchangeIn does it in one tree.
func (a *group) exchangeIn(t *tree, old, new []run) error {
	var was, rec [8]byte
	both := min(len(old), len(new))
	for i := range old {
		old[i].put(was[:])
		var err error
		if i < both {
			new[i].put(rec[:])
			err = t.replace(was[:], rec[:])
		} else {
			err = t.remove(was[:])
		}
		if err != nil {
			return err
		}
	}
	for _, r := range new[both:] {
		r.put(rec[:])
		if err := t.insert(rec[:]); err != nil {
			return err
		}
	}
	return nil
}
