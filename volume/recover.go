package volume

import (
	"errors"
	"fmt"
	"strings"

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
	if w.Leftovers, err = w.freeLeftovers(); err != nil {
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

// Leftovers is what a crash has left behind beside the log.
type Leftovers struct {
	Unlinked []format.Ino // inodes without names that were in use, list by list of each group
	Staged   uint64       // blocks that were staged for copy-on-write and belong to no file
}

// String counts them, and is empty where there are none.
func (l Leftovers) String() string {
	var parts []string
	if n := len(l.Unlinked); n > 0 {
		parts = append(parts, fmt.Sprintf("%d unlinked %s", n, plural("inode", n)))
	}
	if l.Staged > 0 {
		parts = append(parts, fmt.Sprintf("%d staged %s of no file", l.Staged, plural("block", l.Staged)))
	}
	return strings.Join(parts, " and ")
}

func plural[N int | uint64](what string, n N) string {
	if n == 1 {
		return what
	}
	return what + "s"
}

// freeLeftovers frees inodes without names and staged blocks without a file.
func (w *Writer) freeLeftovers() (freed Leftovers, err error) {
	for no := range format.AGNumber(w.Geo.AGCount) {
		for i := range format.AGIBuckets {
			if err := w.freeUnlinked(no, i, &freed); err != nil {
				return freed, fmt.Errorf("group %d: unlinked inodes: %w", no, err)
			}
		}
	}
	if freed.Staged, err = w.dropStaging(); err != nil {
		return freed, fmt.Errorf("staged blocks: %w", err)
	}
	return freed, nil
}

// freeUnlinked gives back the inodes of a group that are on one of its lists of inodes without
// names.
func (w *Writer) freeUnlinked(no format.AGNumber, bucket int, freed *Leftovers) error {
	for {
		var ino format.Ino
		var whole bool
		err := w.change(func(o *op) (err error) {
			ino, whole, err = o.freeFirst(no, bucket)
			return err
		})
		switch {
		case err != nil || ino == format.NullIno:
			return err
		case whole:
			freed.Unlinked = append(freed.Unlinked, ino)
		}
	}
}

// freeFirst frees the first inode of a list as a whole, or a part of what it holds. It returns
// NullIno at the end of the list.
func (o *op) freeFirst(no format.AGNumber, bucket int) (ino format.Ino, whole bool, err error) {
	i, err := o.inodes.Unlinked(o.tx, no, bucket)
	if err != nil || i == format.NullAGIno {
		return format.NullIno, false, err
	}
	e, err := o.edit(o.Geo.Ino(no, i))
	if err != nil {
		return 0, false, err
	}
	if n := e.NLink(); n != 0 {
		return 0, false, format.Corrupt("unlinked inode", "nlink", n, 0).At(format.InInode(e.Ino))
	}
	if more, err := o.freeAll(e); more || err != nil {
		return e.Ino, false, err
	}
	if err := o.inodes.SetUnlinked(o.tx, no, bucket, format.DiNextUnlinked.Get(e.Raw())); err != nil {
		return 0, false, err
	}
	return e.Ino, true, o.dropRest(e)
}

// dropStaging frees the blocks that were staged and that no CoW fork on disk accounts for: those of
// writes that the crash has ended. It returns how many.
func (w *Writer) dropStaging() (freed uint64, err error) {
	if !w.Geo.HasReflink() {
		return 0, nil
	}
	var kept []space.Extent
	err = w.change(func(o *op) (err error) {
		kept, err = w.cow.Forks().Accounted(o.tx)
		return err
	})
	for no := range format.AGNumber(w.Geo.AGCount) {
		for more := err == nil; more; {
			var n uint64
			err = w.change(func(o *op) (err error) {
				n, more, err = w.cow.Forks().DropLeaked(o.tx, no, kept)
				return err
			})
			more = more && err == nil
			freed += n
		}
	}
	return freed, err
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
