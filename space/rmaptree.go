package space

import (
	"fmt"
	"math"

	"github.com/cowfs/cowfs/format"
)

// rmapKeySize is the size of a low key of rmapbt, in bytes.
var rmapKeySize = format.RmapKey.Size / 2

// rmapKey is the key of a point: a block, and an owner of it.
func rmapKey(b format.AGBlock, o Owner) []byte {
	key := make([]byte, rmapKeySize)
	format.RmapKeyStart.Put(key, b)
	format.RmapKeyOwner.Put(key, o.ID)
	format.RmapKeyOffset.Put(key, o.Offset)
	return key
}

// touching calls visit for each record that has a block from first to last, until it returns
// false.
func (a *group) touching(first, last format.AGBlock, visit func(Rmap) bool) error {
	most := Owner{math.MaxUint64, math.MaxUint64}
	for rec, err := range a.rmap.Range(rmapKey(first, Owner{}), rmapKey(last, most)) {
		if err != nil {
			return err
		}
		if r := UnpackRmap(rec); !visit(r) {
			return nil
		}
	}
	return nil
}

// mapNew adds a record for blocks that nobody had before.
func (a *group) mapNew(n Rmap) error {
	if a.rmap.Kind == nil {
		return nil
	}
	var left, right, other *Rmap
	err := a.touching(n.Start-1, n.End(), func(r Rmap) bool {
		switch {
		case r.overlaps(n):
			other = &r
		case r.Joins(n):
			left = &r
		case n.Joins(r):
			right = &r
		}
		return other == nil
	})
	if err == nil && other != nil {
		err = a.corruptRmap(*other, fmt.Sprintf("no owner of %v, which were free", run{n.Start, n.Count}))
	}
	if err != nil {
		return err
	}
	return a.insertJoined(n, left, right)
}

// mapShared adds a record for blocks that others may have too.
func (a *group) mapShared(n Rmap) error {
	if a.rmap.Kind == nil {
		return nil
	}
	a.rmap.Follow(true)
	defer a.rmap.Follow(false)
	var left, right *Rmap
	rec, err := a.rmap.Get(rmapKey(n.End(), n.At(n.Count)))
	if err != nil {
		return err
	}
	if rec != nil {
		if r := UnpackRmap(rec); n.Joins(r) {
			right = &r
		}
	}
	// Most often the record before is the one to join, when there is one.
	if rec, err = a.rmap.SeekLE(rmapKey(n.Start, n.Owner)); err != nil {
		return err
	}
	if rec != nil {
		if r := UnpackRmap(rec); r.Joins(n) {
			left = &r
		}
	}
	if left == nil {
		err = a.touching(n.Start-1, n.Start-1, func(r Rmap) bool {
			if r.Joins(n) {
				left = &r
			}
			return left == nil
		})
		if err != nil {
			return err
		}
	}
	return a.insertJoined(n, left, right)
}

// insertJoined inserts a record, joined with the one on its left and the one on its right, which
// may be nil.
func (a *group) insertJoined(n Rmap, left, right *Rmap) error {
	if left == nil && right == nil {
		return a.exchangeRmaps(nil, []Rmap{n})
	}
	var old []Rmap
	if left != nil {
		old = append(old, *left)
		n = Rmap{left.Start, left.Count + n.Count, left.Owner}
	}
	if right != nil {
		old = append(old, *right)
		n.Count += right.Count
	}
	return a.exchangeRmaps(old, []Rmap{n})
}

// unmap removes a record or a part of one. Alone says that the blocks must not have another
// owner.
func (a *group) unmap(n Rmap, alone bool) error {
	if a.rmap.Kind == nil {
		return nil
	}
	a.rmap.Follow(true)
	defer a.rmap.Follow(false)
	find := a.findShared
	if alone {
		find = a.findAlone
	}
	r, err := find(n)
	if err != nil {
		return err
	}
	if !r.covers(n) {
		return a.corruptRmap(r, fmt.Sprintf("%v to be of %s, offset %#x", run{n.Start, n.Count}, format.OwnerName(n.ID), n.Offset))
	}
	return a.cut(r, n)
}

// unmapAny removes the record of blocks whoever has them; they may have none.
func (a *group) unmapAny(n Rmap) error {
	if a.rmap.Kind == nil {
		return nil
	}
	r, err := a.findAlone(n)
	if err != nil || r.Count == 0 {
		return err
	}
	if r.Start > n.Start || r.End() < n.End() {
		return a.corruptRmap(r, fmt.Sprintf("one owner of %v, or none", run{n.Start, n.Count}))
	}
	return a.cut(r, r.part(n.Start, n.Count))
}

// cut takes a part out of a record.
func (a *group) cut(r, part Rmap) error {
	var rest []Rmap
	if n := uint32(part.Start - r.Start); n > 0 {
		rest = append(rest, r.part(r.Start, n))
	}
	if n := uint32(r.End() - part.End()); n > 0 {
		rest = append(rest, r.part(part.End(), n))
	}
	return a.exchangeRmaps([]Rmap{r}, rest)
}

// findAlone finds the only record of any block of n.
func (a *group) findAlone(n Rmap) (found Rmap, err error) {
	several := false
	err = a.touching(n.Start, n.End()-1, func(r Rmap) bool {
		several = found.Count > 0
		if !several || found.covers(n) {
			found = r
		}
		return !several
	})
	if err == nil && several {
		err = a.corruptRmap(found, fmt.Sprintf("no other owner of %v", run{n.Start, n.Count}))
	}
	return found, err
}

// findShared finds the record that covers n; if there is none, another one that has n's first
// block, if any.
func (a *group) findShared(n Rmap) (found Rmap, err error) {
	rec, err := a.rmap.SeekLE(rmapKey(n.Start, n.Owner))
	if err != nil {
		return Rmap{}, err
	}
	if rec != nil {
		if found = UnpackRmap(rec); found.covers(n) {
			return found, nil
		}
	}
	found = Rmap{}
	err = a.touching(n.Start, n.Start, func(r Rmap) bool {
		found = r
		return !r.covers(n)
	})
	return found, err
}

// convert marks a part of a file as written or unwritten.
func (a *group) convert(n Rmap, written bool) error {
	if a.rmap.Kind == nil {
		return nil
	}
	if err := a.unmap(n, false); err != nil {
		return err
	}
	n.Owner = n.written(written)
	return a.mapShared(n)
}

// exchangeRmaps replaces the records old by others in the same place.
func (a *group) exchangeRmaps(old, new []Rmap) error {
	was, rec := make([]byte, format.RmapRec.Size), make([]byte, format.RmapRec.Size)
	both := min(len(old), len(new))
	for i, r := range old {
		r.Put(was)
		var err error
		if i < both {
			new[i].Put(rec)
			err = a.rmap.replace(was, rec)
		} else {
			err = a.rmap.remove(was)
		}
		if err != nil {
			return err
		}
	}
	for _, r := range new[both:] {
		r.Put(rec)
		if err := a.rmap.insert(rec); err != nil {
			return err
		}
	}
	return nil
}

// corruptRmap is an error about a record; its Count is 0 if there is none.
func (a *group) corruptRmap(r Rmap, want string) error {
	if r.Count == 0 {
		return a.corrupt("rmapbt", "record", "none", want)
	}
	return a.corrupt("rmapbt", "record", fmt.Sprintf("%v of %s, offset %#x", run{r.Start, r.Count}, format.OwnerName(r.ID), r.Offset), want)
}
