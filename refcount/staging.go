package refcount

import (
	"iter"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// staged is the owner of staged blocks in the reverse map.
var staged = space.Owner{ID: format.OwnCow}

// AllocStaging allocates an extent and stages it. The request's owner is not looked at.
func (c *Counts) AllocStaging(tx *txn.Tx, r space.Request) (space.Extent, error) {
	if !c.geo.HasReflink() {
		return space.Extent{}, errReflink
	}
	r.Owner = staged
	e, err := c.groups.Alloc(tx, r)
	if err != nil {
		return space.Extent{}, err
	}
	return e, c.Stage(tx, e)
}

// FreeStaging frees an extent that is staged. Data says that it was for file data, not for
// metadata.
func (c *Counts) FreeStaging(tx *txn.Tx, e space.Extent, data bool) error {
	if err := c.Unstage(tx, e); err != nil {
		return err
	}
	return c.groups.Free(tx, e, staged, data)
}

// RemoveStaging ends that an extent is staged. It is in use without an owner then: the caller
// gives it one.
func (c *Counts) RemoveStaging(tx *txn.Tx, e space.Extent) error {
	if err := c.Unstage(tx, e); err != nil {
		return err
	}
	return c.groups.Unmap(tx, e, staged)
}

// Stage adds an extent to the CoW domain, and nothing else.
func (c *Counts) Stage(tx *txn.Tx, e space.Extent) error {
	return c.restage(tx, e, stage, "blocks that are not staged")
}

// Unstage removes an extent from the CoW domain, and nothing else. It must be there as a whole.
func (c *Counts) Unstage(tx *txn.Tx, e space.Extent) error {
	return c.restage(tx, e, unstage, "staged blocks")
}

func (c *Counts) restage(tx *txn.Tx, e space.Extent, change func(old []Record, start, end format.AGBlock) (list, bool), want string) error {
	a, start, end, err := c.groupOf(tx, e)
	if err != nil {
		return err
	}
	a.tree.Follow(true)
	defer a.tree.Follow(false)
	old, _, err := a.touching(start, end, true)
	if err != nil {
		return err
	}
	now, ok := change(old, start, end)
	if !ok {
		return a.corrupt(e, want)
	}
	return a.exchange(old, now, true)
}

// Staged gives the staged extents of a group, in order. The tree must not change meanwhile.
func (c *Counts) Staged(tx *txn.Tx, no format.AGNumber) iter.Seq2[space.Extent, error] {
	return func(yield func(space.Extent, error) bool) {
		if !c.geo.HasReflink() {
			return
		}
		a, err := c.group(tx, no)
		if err != nil {
			yield(space.Extent{}, err)
			return
		}
		last := format.AGBlock(c.geo.AGLen(no))
		for rec, err := range a.tree.Range(treeKey(0, true), treeKey(last, true)) {
			if err != nil {
				yield(space.Extent{}, err)
				return
			}
			r, _ := Unpack(rec)
			if err := a.check(r, true); err != nil {
				yield(space.Extent{}, err)
				return
			}
			if !yield(a.extent(r.Start, r.End()), nil) {
				return
			}
		}
	}
}

// DropStaging frees staged extents of a group, whoever may have staged them, as a mount does
// with those that a crash has left behind. more says that there are others, to be freed in
// another transaction.
func (c *Counts) DropStaging(tx *txn.Tx, no format.AGNumber) (more bool, err error) {
	var list []space.Extent
	for e, err := range c.Staged(tx, no) {
		if err != nil {
			return false, err
		}
		if more = len(list) == maxRecords; more {
			break
		}
		list = append(list, e)
	}
	for _, e := range list {
		if err := c.FreeStaging(tx, e, true); err != nil {
			return false, err
		}
	}
	return more, nil
}
