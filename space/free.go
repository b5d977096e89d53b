package space

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Free gives back an extent. Data says that it held file data, not metadata. With an owner, the
// extent must be a part of a record of that owner, and nobody else may have a block of it;
// format.OwnUnknown stands for one owner or none. Without one, what rmapbt says was changed
// before.
func (s *Groups) Free(tx *txn.Tx, e Extent, o Owner, data bool) error {
	a, r, err := s.groupOf(tx, e)
	if err == nil {
		err = a.fill()
	}
	if err != nil {
		return err
	}
	n := Rmap{r.start, r.count, o}
	switch o {
	case Owner{}:
	case Owner{ID: format.OwnUnknown}:
		err = a.unmapAny(n)
	default:
		err = a.unmap(n, true)
	}
	if err == nil {
		err = a.release(r)
	}
	if err != nil {
		return err
	}
	tx.Free(s.geo.Offset(e.Start), int64(e.Count)<<s.geo.BlockLog, data)
	return nil
}

// Map records an owner of an extent that is in use. Only the data fork of an inode can be a
// further owner of blocks, on a volume with reflink.
func (s *Groups) Map(tx *txn.Tx, e Extent, o Owner) error {
	return s.remap(tx, e, func(a *group, r run) error {
		if s.mayShare(o) {
			return a.mapShared(Rmap{r.start, r.count, o})
		}
		return a.mapNew(Rmap{r.start, r.count, o})
	})
}

// MapApart is Map for an extent of which the caller knows that no record joins its own.
func (s *Groups) MapApart(tx *txn.Tx, e Extent, o Owner) error {
	return s.remap(tx, e, func(a *group, r run) error {
		return a.insertJoined(Rmap{r.start, r.count, o}, nil, nil)
	})
}

// Owned is an extent with an owner.
type Owned struct {
	Extent
	Owner
}

// MapAllApart is MapApart for many extents. Those in order of their place are mapped fastest.
func (s *Groups) MapAllApart(tx *txn.Tx, list []Owned) error {
	for len(list) > 0 {
		ag := s.geo.AG(list[0].Start)
		n := 1
		for n < len(list) && s.geo.AG(list[n].Start) == ag {
			n++
		}
		a, _, err := s.groupOf(tx, list[0].Extent)
		if err == nil {
			err = a.mapAllApart(list[:n])
		}
		if err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// mapAllApart is MapAllApart in one group.
func (a *group) mapAllApart(list []Owned) error {
	if a.rmap.Kind == nil {
		return nil
	}
	a.rmap.Follow(true)
	defer a.rmap.Follow(false)
	rec := make([]byte, format.RmapRec.Size)
	for _, x := range list {
		if err := Check(a.s.geo, x.Extent); err != nil {
			return err
		}
		if err := a.fill(); err != nil {
			return err
		}
		Rmap{a.s.geo.AGB(x.Start), x.Count, x.Owner}.Put(rec)
		if err := a.rmap.insert(rec); err != nil {
			return err
		}
	}
	return nil
}

// Unmap removes an owner of an extent, which stays in use. It must be a part of a record of that
// owner.
func (s *Groups) Unmap(tx *txn.Tx, e Extent, o Owner) error {
	return s.remap(tx, e, func(a *group, r run) error {
		return a.unmap(Rmap{r.start, r.count, o}, !s.mayShare(o))
	})
}

// Convert changes the owner's record of an extent to written or unwritten. The owner is as it is
// recorded so far.
func (s *Groups) Convert(tx *txn.Tx, e Extent, o Owner, written bool) error {
	return s.remap(tx, e, func(a *group, r run) error {
		return a.convert(Rmap{r.start, r.count, o}, written)
	})
}

func (s *Groups) mayShare(o Owner) bool { return s.geo.HasReflink() && o.shares() }

// remap changes the reverse map of a group, if there is one.
func (s *Groups) remap(tx *txn.Tx, e Extent, change func(a *group, r run) error) error {
	if !s.geo.HasRmapbt() {
		return Check(s.geo, e)
	}
	a, r, err := s.groupOf(tx, e)
	if err == nil {
		err = a.fill()
	}
	if err != nil {
		return err
	}
	return change(a, r)
}
