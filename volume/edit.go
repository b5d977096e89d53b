package volume

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Errors of opening a volume for writing.
var (
	// ErrDirtyLog says that the log holds changes that are not in place yet.
	ErrDirtyLog = errors.New("the log is dirty; replay it first")
	// ErrCutShort says that the image is shorter than its volume. Nothing of that is changed, but by
	// Patch.
	ErrCutShort = errors.New("the image is cut short")
	// ErrReadOnly says that the volume was opened for reading.
	ErrReadOnly = errors.New("volume is open for reading only")
)

// Writer is an opened volume that can be changed. All that Volume offers shows the volume as it
// has been changed so far. Changes are made one at a time, each as a whole or not at all; they
// are sure to outlast a crash after Sync or Close.
type Writer struct {
	*Volume

	// Now is the clock; tests and reproducible runs set another one.
	Now func() time.Time

	dev    device.Device
	store  *txn.Store
	groups *space.Groups
	counts *refcount.Counts
	inodes *inode.Allocator
	one    sync.Mutex // one change at a time
	refuse bool       // all changes: the image is cut short
}

// OpenWriter opens the volume on dev for writing, which it takes over. A dirty log is replayed
// if the options say so, and else refused with ErrDirtyLog.
func OpenWriter(dev device.Device, o Options) (*Writer, error) {
	o.writing = true
	v, err := Open(dev, o)
	if err != nil {
		return nil, err
	}
	if err := v.mayWrite(); err != nil {
		return nil, err
	}
	l := v.log
	if l == nil { // it is damaged; this says how
		if l, err = journal.Open(dev, v.Geo); err != nil {
			return nil, err
		}
	}
	var replayed *journal.Result
	if l.State == journal.Dirty {
		if !o.Replay {
			return nil, ErrDirtyLog
		}
		if v.cutShort() && !o.reading {
			return nil, ErrCutShort
		}
		if o.InMemory {
			replayed, err = journal.Replay(l, dev)
		} else {
			replayed, err = journal.Recover(l)
		}
		if err != nil {
			return nil, err
		}
		if v, err = Open(dev, o); err != nil { // the superblock may be another one
			return nil, err
		}
		v.Log, v.Replayed = LogClean, true
	}
	w, err := newWriter(v, dev, l)
	if err == nil {
		w.refuse = v.cutShort() && !o.reading
	}
	if err == nil && replayed != nil {
		err = w.recover(replayed)
	}
	return w, err
}

// newWriter makes a writer of a volume whose log, if it was dirty, has been replayed.
func newWriter(v *Volume, dev device.Device, l *journal.Log) (*Writer, error) {
	j, err := journal.NewWriter(l, journal.WriterOptions{})
	if err != nil {
		return nil, err
	}
	v.log = nil // it is not going to stay as it was
	w := &Writer{Volume: v, Now: time.Now, dev: dev, groups: space.New(v.Geo)}
	w.store = txn.NewStore(dev, v.Geo, txn.NewLog(j))
	if l.State == journal.Dirty {
		w.store.Replayed()
	}
	w.counts = refcount.New(v.Geo, w.groups)
	w.inodes = inode.NewAllocator(v.Geo, w.groups)
	w.newEngine()
	v.dev = w.store.View()
	v.src.Dev = v.dev
	return w, nil
}

// mayWrite refuses volumes that hold what writers must know and this one doesn't.
func (v *Volume) mayWrite() error {
	switch {
	case v.Geo.ROCompat&^format.ROKnown != 0:
		return fmt.Errorf("%w: %s, for writing", format.ErrUnsupported, v.Geo.ROCompat&^format.ROKnown)
	case v.Geo.Incompat&format.InNeedsRepair != 0:
		return errors.New("volume is marked as needing repair")
	case v.Geo.LogStart == 0:
		return fmt.Errorf("%w: an external log, for writing", format.ErrUnsupported)
	case format.SBRBlocks.Get(v.sb) != 0:
		return fmt.Errorf("%w: a realtime section, for writing", format.ErrUnsupported)
	case v.Geo.Version&format.VersionQuota != 0:
		return fmt.Errorf("%w: quotas, for writing", format.ErrUnsupported)
	}
	return nil
}

// Sync writes back what was written to files, and returns when all changes will outlast a crash.
func (w *Writer) Sync() error {
	return errors.Join(w.cow.Flush(context.Background()), w.store.Sync())
}

// Close writes back what was written to files, writes all changes in place, leaves a clean log,
// and closes the device. Without a change nothing is written. What is staged stays so.
func (w *Writer) Close() error {
	err := w.cow.Flush(context.Background())
	return errors.Join(err, w.settle(w.store.Close), w.dev.Close())
}

// settle brings the superblock's counters up to date, if anything has changed, and then makes the
// image quiet.
func (w *Writer) settle(quiet func() error) error {
	forks := w.cow.Forks()
	if w.store.Quiet() && !forks.Ahead() {
		return quiet()
	}
	err := w.change(func(o *op) error { return errors.Join(o.countUp(), forks.Close(o.tx)) })
	return errors.Join(err, quiet())
}

// op is one change of the volume: a transaction, and the time of the change.
type op struct {
	*Writer
	tx   *txn.Tx
	sec  int64
	nsec uint32
	gone []format.Ino // inodes that nobody will see again
}

// change runs a change in a transaction of its own. When space is only waiting for earlier
// changes to be safe, these are synced, and the change is tried again; so f may be called twice.
func (w *Writer) change(f func(o *op) error) error {
	err := w.try(f)
	if errors.Is(err, space.ErrBusy) {
		if err = w.store.Sync(); err == nil {
			err = w.try(f)
		}
	}
	return err
}

func (w *Writer) try(f func(o *op) error) error {
	if w.refuse {
		return ErrCutShort
	}
	tx, err := w.store.Begin()
	if err != nil {
		return err
	}
	now := w.Now()
	o := &op{Writer: w, tx: tx, sec: now.Unix(), nsec: uint32(now.Nanosecond())}
	if err := f(o); err != nil {
		tx.Cancel()
		return err
	}
	for _, ino := range o.gone {
		w.cow.Forget(ino)
	}
	return tx.Commit()
}

// superblock opens the primary superblock for change.
func (o *op) superblock() (*txn.Buf, error) {
	return o.tx.Read(0, format.TypeSuperblock, format.InGroup(0))
}

// countUp brings the superblock's counters up to date.
func (o *op) countUp() error {
	c, err := space.Count(o.tx)
	if err != nil {
		return err
	}
	sb, err := o.superblock()
	if err != nil {
		return err
	}
	old := make([]byte, format.Superblock.Size)
	copy(old, sb.Data)
	c.Put(old)
	if string(old) == string(sb.Data[:len(old)]) {
		return nil
	}
	c.Put(o.tx.Change(sb, 0, len(old)))
	return nil
}

// edit opens an inode for change.
func (o *op) edit(ino format.Ino) (*inode.Editor, error) { return inode.Edit(o.tx, o.groups, ino) }

// dirOf is the entries of a directory.
func (o *op) dirOf(e *inode.Editor) *dir.Editor {
	return &dir.Editor{Geo: o.Geo, Ino: e.Ino, Fork: e.DirFork()}
}

// attrsOf is the attributes of an inode.
func (o *op) attrsOf(e *inode.Editor) *attr.Editor {
	return &attr.Editor{Geo: o.Geo, Ino: e.Ino, Fork: e.AttrFork()}
}

// setAttr stores an attribute, making room in the inode if need be.
func (o *op) setAttr(e *inode.Editor, a attr.Attr, create, replace bool) error {
	err := o.attrsOf(e).Set(a, create, replace)
	if errors.Is(err, inode.ErrForkFull) {
		if err = o.makeRoom(e); err == nil {
			err = o.attrsOf(e).Set(a, false, false) // create and replace have been judged
		}
	}
	if err != nil {
		return err
	}
	return o.noteAttrs()
}

// makeRoom moves what an inode holds itself, entries or a target, to blocks.
func (o *op) makeRoom(e *inode.Editor) error {
	switch e.Mode() & format.ModeType {
	case format.ModeDir:
		return o.dirOf(e).ToBlocks()
	case format.ModeLink:
		return e.TargetToBlocks()
	}
	return fmt.Errorf("inode %d: %w", e.Ino, inode.ErrForkFull)
}

// noteAttrs makes the superblock say that there are attributes.
func (o *op) noteAttrs() error {
	sb, err := o.superblock()
	if err != nil {
		return err
	}
	if v := format.SBVersionNum.Get(sb.Data); v&format.VersionAttr == 0 {
		format.SBVersionNum.Put(o.tx.Change(sb, int(format.SBVersionNum), 2), v|format.VersionAttr)
	}
	return nil
}

// touch sets times of an inode to those of the change.
func (o *op) touch(e *inode.Editor, which inode.Times) { e.Touch(which, o.sec, o.nsec) }
