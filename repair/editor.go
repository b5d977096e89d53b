package repair

import (
	"errors"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// editor changes a volume whose groups are sound, by transactions.
type editor struct {
	geo    *format.Geometry
	store  *txn.Store
	groups *space.Groups
	counts *refcount.Counts
	inodes *inode.Allocator
}

// newEditor opens a volume with a clean log.
func newEditor(dev device.Device, g *format.Geometry) (*editor, error) {
	l, err := journal.Open(dev, g)
	if err != nil {
		return nil, err
	}
	w, err := journal.NewWriter(l, journal.WriterOptions{})
	if err != nil {
		return nil, err
	}
	e := &editor{geo: g, groups: space.New(g)}
	e.store = txn.NewStore(dev, g, txn.NewLog(w))
	e.counts = refcount.New(g, e.groups)
	e.inodes = inode.NewAllocator(g, e.groups)
	return e, nil
}

// do runs a change in a transaction, and once more when space is only waiting for earlier changes.
func (e *editor) do(f func(tx *txn.Tx) error) error {
	err := e.try(f)
	if errors.Is(err, space.ErrBusy) {
		if err = e.store.Sync(); err == nil {
			err = e.try(f)
		}
	}
	return err
}

func (e *editor) try(f func(tx *txn.Tx) error) error {
	tx, err := e.store.Begin()
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		tx.Cancel()
		return err
	}
	return tx.Commit()
}

// close writes everything in place, with the counters as they are then, and leaves a clean log.
func (e *editor) close() error {
	err := e.do(func(tx *txn.Tx) error {
		c, err := space.Count(tx)
		if err != nil {
			return err
		}
		sb, err := tx.Read(0, format.TypeSuperblock, format.InGroup(0))
		if err != nil {
			return err
		}
		c.Put(tx.Change(sb, 0, format.Superblock.Size))
		return nil
	})
	return errors.Join(err, e.store.Close())
}
