package journal

import (
	"fmt"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// Result tells what a replay did.
type Result struct {
	// Geometry is the volume's after the replay: it may have been grown.
	Geometry *format.Geometry
	// Intents lists the changes that were announced and not made, in the order of the log. They
	// have to be made before the log may be declared clean.
	Intents []*Intent

	Transactions int
	Items        int
	Replayed     int   // items that changed something
	Newer        int   // items for what was on the disk in a newer state already
	Cancelled    int   // items for blocks that were freed later
	Bytes        int64 // written
	Condensed    bool  // what changed was all of the log while it was written in place; see Recover
}

// Replay makes the changes that a log holds in the image into: the one that the log lies in, a
// copy of it, or an overlay. A log that is not dirty holds none.
//
// Nothing is written when the log holds something that cannot be replayed, or gives blocks that
// are not sound; the error is an *UnknownItemError, or a format.ErrCorrupt. Only of a log that
// changes very much, hundreds of MiB, the first part may have been written by then. When Replay
// returns, what it wrote is synced. To replay a log again is harmless. A crash in the middle is best
// survived by Recover.
//
// What is left to do before the image is as after a mount: finish Result.Intents, free the
// inodes in the groups' unlinked lists and the CoW staging extents, and MakeClean.
func Replay(l *Log, into device.Device) (*Result, error) {
	r := newReplayer(l, into)
	return r.replay()
}

// replayer is a replay under way.
type replayer struct {
	*stage
	log     *Log
	cancels cancels
	noQuota format.DquotType // quotas that were switched off
	intents intents
	lsn     format.LSN // of the transaction at hand
	res     Result
	finish  func() error // writes what is staged in the end
}

func newReplayer(l *Log, into device.Device) *replayer {
	r := &replayer{log: l, cancels: cancels{}, stage: newStage(l.area.g, &l.area, into)}
	r.res.Geometry, r.finish = l.area.g, r.flush
	return r
}

// replay runs the replay, unless there is nothing to do.
func (r *replayer) replay() (*Result, error) {
	if r.log.State != Dirty {
		return &r.res, nil
	}
	defer func() { _ = r.overlay.Forget() }() // what an error has left there
	if err := r.run(); err != nil {
		return nil, fmt.Errorf("replay the log: %w", err)
	}
	return &r.res, nil
}

func (r *replayer) run() error {
	for t, err := range r.log.Transactions() {
		if err != nil {
			return err
		}
		if err := t.each(func(item Item) error { return r.survey(t, item) }); err != nil {
			return err
		}
	}
	for t, err := range r.log.Transactions() {
		if err != nil {
			return err
		}
		// What was flushed with this LSN would look newer than the transaction.
		if t.LSN != r.lsn && r.full() {
			if err := r.flush(); err != nil {
				return err
			}
		}
		r.lsn = t.LSN
		if err := r.transaction(t); err != nil {
			return err
		}
	}
	r.res.Intents = r.intents.unfinished()
	if err := r.finish(); err != nil {
		return err
	}
	r.res.Geometry, r.res.Bytes = r.g, r.written
	return r.into.Sync()
}

// survey is the first pass over an item: it takes note of what is to be known of the whole log
// before anything is replayed.
func (r *replayer) survey(t *Transaction, item Item) error {
	switch item.Type() {
	case format.LogItemBuf:
		b, err := parseBuffer(item)
		if err == nil && b.flags&format.LogBufCancel != 0 {
			r.cancels.add(b.key)
		}
		return err
	case format.LogItemQuotaOff:
		b, err := item.fixed(format.LogQuotaOff.Size)
		if err == nil {
			r.noQuota |= format.DquotType(format.LogQuotaOffFlags.Get(b)) & (format.DquotUser | format.DquotProject | format.DquotGroup)
		}
		return err
	case format.LogItemInode, format.LogItemDquot, format.LogItemICreate,
		format.LogItemEFI, format.LogItemRUI, format.LogItemCUI, format.LogItemBUI, format.LogItemAttrI, format.LogItemXMI,
		format.LogItemEFD, format.LogItemRUD, format.LogItemCUD, format.LogItemBUD, format.LogItemAttrD, format.LogItemXMD:
		return nil
	}
	return &UnknownItemError{Type: item.Type(), LSN: t.LSN}
}

// transaction replays the items of a transaction, class by class.
func (r *replayer) transaction(t *Transaction) error {
	r.res.Transactions++
	r.res.Items += t.NumItems
	here := [classes]bool{true} // of the others, the first pass finds out
	for c := range classes {
		if !here[c] {
			continue
		}
		err := t.each(func(item Item) error {
			class := item.class()
			if here[class] = true; class != c {
				return nil
			}
			return r.item(item)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// item is the second pass over an item.
func (r *replayer) item(item Item) error {
	switch item.Type() {
	case format.LogItemBuf:
		return r.buffer(item)
	case format.LogItemInode:
		return r.inode(item)
	case format.LogItemICreate:
		return r.chunk(item)
	case format.LogItemDquot:
		return r.dquot(item)
	}
	return r.intents.see(item, r.lsn)
}
