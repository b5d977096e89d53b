package volume

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/space"
)

// recover does what is left to do after a log was replayed, as a mount would: unfinished changes,
// inodes that had no names but were still open, blocks that were staged for copy-on-write.
func (w *Writer) recover(r *journal.Result) error {
	err := w.change(func(o *op) error { return o.finishIntents(r.Intents) })
	if err != nil {
		return err
	}
	for _, i := range r.Intents {
		if i.Exchange != nil {
			if err := w.finishExchange(i); err != nil {
				return err
			}
		}
	}
	if err := w.freeLeftovers(); err != nil {
		return err
	}
	if err := w.change((*op).endRecovery); err != nil {
		return err
	}
	// What the log held so far must not be replayed any more: file data can come to lie where it
	// has metadata.
	return w.store.Settle()
}

// endRecovery brings the superblock up to date: what the log held can have needed features that
// others need not know now.
func (o *op) endRecovery() error {
	if err := o.countUp(); err != nil {
		return err
	}
	sb, err := o.superblock()
	if err != nil {
		return err
	}
	if was := format.SBLogIncompat.Get(sb.Data); was&^format.LogPendingCow != 0 {
		format.SBLogIncompat.Put(o.tx.Change(sb, int(format.SBLogIncompat), 4), was&format.LogPendingCow)
	}
	return nil
}

// freeLeftovers frees inodes without names and staged blocks without a file.
func (w *Writer) freeLeftovers() error {
	for no := range format.AGNumber(w.Geo.AGCount) {
		for i := range format.AGIBuckets {
			if err := w.freeUnlinked(no, i); err != nil {
				return fmt.Errorf("group %d: unlinked inodes: %w", no, err)
			}
		}
	}
	if err := w.dropStaging(); err != nil {
		return fmt.Errorf("staged blocks: %w", err)
	}
	return nil
}

// freeUnlinked gives back the inodes of a group that are on one of its lists of inodes without
// names.
func (w *Writer) freeUnlinked(no format.AGNumber, bucket int) error {
	for more := true; more; {
		err := w.change(func(o *op) (err error) {
			more, err = o.freeFirst(no, bucket)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// freeFirst frees the first inode of a list, or a part of what it holds.
func (o *op) freeFirst(no format.AGNumber, bucket int) (more bool, err error) {
	i, err := o.inodes.Unlinked(o.tx, no, bucket)
	if err != nil || i == format.NullAGIno {
		return false, err
	}
	e, err := o.edit(o.Geo.Ino(no, i))
	if err != nil {
		return false, err
	}
	if n := e.NLink(); n != 0 {
		return false, format.Corrupt("unlinked inode", "nlink", n, 0).At(format.InInode(e.Ino))
	}
	if more, err := o.freeAll(e); more || err != nil {
		return more, err
	}
	next := format.DiNextUnlinked.Get(e.Raw())
	if err := o.inodes.SetUnlinked(o.tx, no, bucket, next); err != nil {
		return false, err
	}
	return next != format.NullAGIno, o.dropRest(e)
}

// dropStaging frees the blocks that were staged and that no CoW fork on disk accounts for: those of
// writes that the crash has ended.
func (w *Writer) dropStaging() error {
	if !w.Geo.HasReflink() {
		return nil
	}
	var kept []space.Extent
	err := w.change(func(o *op) (err error) {
		kept, err = w.cow.Forks().Accounted(o.tx)
		return err
	})
	for no := range format.AGNumber(w.Geo.AGCount) {
		for more := err == nil; more; {
			err = w.change(func(o *op) (err error) {
				more, err = w.cow.Forks().DropLeaked(o.tx, no, kept)
				return err
			})
			more = more && err == nil
		}
	}
	return err
}

// ErrReplay says that what a dirty log holds can't be replayed; without Options.Replay the volume
// may still be read.
var ErrReplay = errors.New("the log is dirty and can't be replayed")

// openReplayed opens a volume with a dirty log for reading: what the log holds is replayed in
// memory, and the device stays as it is.
func openReplayed(dev device.Device, o Options) (*Volume, error) {
	o.reading, o.InMemory = true, true
	w, err := OpenWriter(device.NewOverlay(dev), o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReplay, err)
	}
	w.Volume.under = dev
	return w.Volume, nil
}
