package refcount

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// ErrTooManyOwners says that blocks have as many owners as can be counted.
var ErrTooManyOwners = errors.New("blocks have too many owners to share them once more")

// Increase gives the blocks of an extent one more owner. It may stop early: done is the number
// of blocks that it has dealt with, at least 1. A number that has reached the highest stays.
func (c *Counts) Increase(tx *txn.Tx, e space.Extent) (done uint32, err error) {
	done, _, err = c.adjust(tx, e, 1)
	return done, err
}

// Share is Increase for an owner that need not be. When the number would reach the highest, from
// which there is no way back, it gives ErrTooManyOwners and has changed nothing.
func (c *Counts) Share(tx *txn.Tx, e space.Extent) (done uint32, err error) {
	a, start, end, err := c.groupOf(tx, e)
	if err != nil {
		return 0, err
	}
	a.tree.Follow(true)
	defer a.tree.Follow(false)
	return a.share(start, end)
}

// share is Share in a group, whose tree the caller follows.
func (a *group) share(start, end format.AGBlock) (done uint32, err error) {
	old, stop, err := a.touching(start, end, false)
	if err != nil {
		return 0, err
	}
	for _, r := range old {
		if r.Refs >= format.MaxRefcount-1 && r.Start < end && start < r.End() {
			return 0, fmt.Errorf("extent %v: %w", a.extent(start, end), ErrTooManyOwners)
		}
	}
	now, _ := adjust(old, start, stop, 1)
	return uint32(stop - start), a.exchange(old, now, false)
}

// ShareAll is Share for many extents, to their ends. Those in order of their place are dealt with
// fastest. After an error the transaction must be cancelled.
func (c *Counts) ShareAll(tx *txn.Tx, list []space.Extent) error {
	for len(list) > 0 {
		a, _, _, err := c.groupOf(tx, list[0])
		if err != nil {
			return err
		}
		n := 1
		for n < len(list) && c.geo.AG(list[n].Start) == a.no {
			n++
		}
		if err := a.shareAll(list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// shareAll is ShareAll in one group.
func (a *group) shareAll(list []space.Extent) error {
	a.tree.Follow(true)
	defer a.tree.Follow(false)
	for _, e := range list {
		if err := space.Check(a.c.geo, e); err != nil {
			return err
		}
		start := a.c.geo.AGB(e.Start)
		for end := start + format.AGBlock(e.Count); start < end; {
			done, err := a.share(start, end)
			if err != nil {
				return err
			}
			start += format.AGBlock(done)
		}
	}
	return nil
}

// Decrease takes one owner from the blocks of an extent. gone are the blocks that have none any
// more: they are still in use, for the caller to free. It may stop early: done is the number of
// blocks that it has dealt with, at least 1.
func (c *Counts) Decrease(tx *txn.Tx, e space.Extent) (done uint32, gone []space.Extent, err error) {
	if !c.geo.HasReflink() {
		return e.Count, []space.Extent{e}, space.Check(c.geo, e)
	}
	return c.adjust(tx, e, -1)
}

func (c *Counts) adjust(tx *txn.Tx, e space.Extent, delta int) (done uint32, gone []space.Extent, err error) {
	a, start, end, err := c.groupOf(tx, e)
	if err != nil {
		return 0, nil, err
	}
	a.tree.Follow(true)
	defer a.tree.Follow(false)
	old, stop, err := a.touching(start, end, false)
	if err != nil {
		return 0, nil, err
	}
	now, none := adjust(old, start, stop, delta)
	if err := a.exchange(old, now, false); err != nil {
		return 0, nil, err
	}
	for _, r := range none {
		gone = append(gone, a.extent(r.Start, r.End()))
	}
	return uint32(stop - start), gone, nil
}

// FindShared returns the first blocks of an extent that have several owners, as many in a row
// as there are in it. Count is 0 when there are none.
func (c *Counts) FindShared(tx *txn.Tx, e space.Extent) (space.Extent, error) {
	if !c.geo.HasReflink() {
		return space.Extent{}, space.Check(c.geo, e)
	}
	a, start, end, err := c.groupOf(tx, e)
	if err != nil {
		return space.Extent{}, err
	}
	var lo, hi format.AGBlock
	for rec, err := range a.tree.Range(treeKey(start, false), treeKey(end-1, false)) {
		if err != nil {
			return space.Extent{}, err
		}
		r, _ := Unpack(rec)
		if err := a.check(r, false); err != nil {
			return space.Extent{}, err
		}
		if hi == 0 {
			lo = max(r.Start, start)
		} else if r.Start != hi {
			break
		}
		hi = min(r.End(), end)
	}
	if hi == 0 {
		return space.Extent{}, nil
	}
	return a.extent(lo, hi), nil
}
