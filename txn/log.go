package txn

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
)

// Log takes checkpoints.
type Log interface {
	// Size is the room of an empty log, Room what is left of it, both in bytes.
	Size() int
	Room() int
	// Append adds a checkpoint and returns its place in the log.
	Append(items []Item) (format.LSN, error)
	// Sync returns when all checkpoints are on stable storage.
	Sync() error
	// Release says that all checkpoints so far have been written in place.
	Release() error
	// Unmount writes the record that says that there is nothing to replay.
	Unmount() error
}

// journalLog is the log of a volume.
type journalLog struct{ *journal.Writer }

// NewLog makes the log that a journal's writer writes.
func NewLog(w *journal.Writer) Log { return journalLog{w} }

func (l journalLog) Size() int      { return l.Capacity() * format.BasicBlock }
func (l journalLog) Room() int      { return l.Free() * format.BasicBlock }
func (l journalLog) Release() error { return l.SetTail(l.Head()) }

// Sync returns when all committed transactions are in the log, on stable storage.
func (s *Store) Sync() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	return s.writeCheckpoint()
}

// WriteData writes file data to blocks that the open transaction has allocated for it, or that
// the file already has. It reaches stable storage before the transaction does.
func (tx *Tx) WriteData(p []byte, off int64) error {
	tx.wrote = true
	tx.ckpt.dontZero(off, int64(len(p)))
	_, err := tx.dev.WriteAt(p, off)
	return err
}

// WroteData says that file data was written to the device already, before the transaction makes
// it a part of a file. It reaches stable storage before the transaction does.
func (tx *Tx) WroteData() { tx.wrote = true }

// WillWriteData says that all of n bytes of file data from off will be written when the
// transaction has ended, by whoever writes to the device directly: ZeroLater must not undo that.
func (tx *Tx) WillWriteData(off, n int64) { tx.ckpt.dontZero(off, n) }

// ZeroLater zeroes file data that the transaction has put out of sight, when a crash can't bring
// it back into sight any more. If the crash comes first it isn't zeroed at all.
func (tx *Tx) ZeroLater(off, n int64) {
	tx.events = append(tx.events, event{zero: &run{off, n}})
}

// dontZero spares a range that is written anew.
func (c *checkpoint) dontZero(off, n int64) {
	var rest []run
	for _, r := range c.zero {
		if left := min(off, r.off+r.n) - r.off; left > 0 {
			rest = append(rest, run{r.off, left})
		}
		if end := max(off+n, r.off); end < r.off+r.n {
			rest = append(rest, run{end, r.off + r.n - end})
		}
	}
	c.zero = rest
}

// zeroData does what ZeroLater has put off.
func (s *Store) zeroData() error {
	for _, r := range s.ckpt.zero {
		s.wrote = true
		if _, err := s.dev.WriteAt(make([]byte, r.n), r.off); err != nil {
			return err
		}
	}
	return nil
}

// writeCheckpoint writes what is committed to the log, and in place what is in the way.
func (s *Store) writeCheckpoint() error {
	if s.failed != nil {
		return fmt.Errorf("%w: %w", ErrFailed, s.failed)
	}
	if s.ckpt.empty() {
		return s.syncData()
	}
	if err := s.syncData(); err != nil {
		return err
	}
	s.used = true
	_, err := s.log.Append(s.items(&s.ckpt))
	if err == nil {
		err = s.log.Sync()
	}
	if err == nil {
		err = s.zeroData()
	}
	if err != nil {
		return s.fail(err)
	}
	for _, b := range s.ckpt.bufs {
		if b.dirty == nil { // given up
			continue
		}
		b.dirty = nil
		if !b.logged {
			b.logged = true
			s.logged = append(s.logged, b)
			s.held += len(b.Data)
		}
	}
	s.ckpt = checkpoint{}
	if s.held > maxHeld || s.log.Room() < s.log.Size()/2 {
		return s.writeInPlace()
	}
	return nil
}

// maxCheckpoint is the size in bytes from which on a checkpoint goes to the log. What is
// already there takes no more than half of the log, so there is always room.
func (s *Store) maxCheckpoint() int { return min(maxCkpt, s.log.Size()/8) }

// syncData makes file data stable.
func (s *Store) syncData() error {
	if !s.wrote {
		return nil
	}
	if err := s.dev.Sync(); err != nil {
		return s.fail(err)
	}
	s.wrote = false
	return nil
}

// fail makes the store unusable: what is in memory and what is on the device may differ.
func (s *Store) fail(err error) error {
	s.failed = err
	return fmt.Errorf("%w: %w", ErrFailed, err)
}

// unlog forgets that a buffer waits to be written in place, because its block was given up.
func (s *Store) unlog(b *Buf) {
	if !b.logged {
		return
	}
	b.logged = false
	s.held -= len(b.Data)
}

// maxWrite is the most that one write in place takes, in bytes.
const maxWrite = 1 << 20

// writeInPlace writes all logged buffers to their places, in order, and gives the log's room
// back. No buffer has changes that are not in the log.
//
// The LSN in a block stays what it was, older than all that the log holds for the block. With
// the checkpoint's own, the kernel would not replay the log over a block that a crash has torn
// in the middle of this write: it trusts the LSN, not the checksum. And it need not be there, as
// the log has everything that is newer than what lies in place.
func (s *Store) writeInPlace() error {
	list := slices.DeleteFunc(s.logged, func(b *Buf) bool { return !b.logged })
	type place struct {
		off  int64
		data []byte
	}
	places := make([]place, 0, len(list))
	for _, b := range list {
		b.Type.SetChecksum(b.Data)
		for off, part := range b.parts() {
			places = append(places, place{off, part})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.off, b.off) })
	var buf []byte
	var off int64
	flush := func() error {
		if len(buf) == 0 {
			return nil
		}
		_, err := s.dev.WriteAt(buf, off)
		buf = buf[:0]
		return err
	}
	for _, p := range places {
		if off+int64(len(buf)) != p.off || len(buf)+len(p.data) > maxWrite {
			if err := flush(); err != nil {
				return s.fail(err)
			}
			off = p.off
		}
		buf = append(buf, p.data...)
	}
	err := flush()
	if err == nil {
		err = s.dev.Sync()
	}
	if err != nil {
		return s.fail(err)
	}
	for _, b := range list {
		b.logged, b.older = false, false
		if b.clean() {
			s.hide(b)
		}
	}
	s.logged, s.held = s.logged[:0], 0
	if err := s.log.Release(); err != nil {
		return s.fail(err)
	}
	return nil
}
