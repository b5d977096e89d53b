package txn

import (
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
)

// Tx is a transaction: changes that come into being together or not at all. It belongs to one
// goroutine, and must end in Commit or Cancel.
type Tx struct {
	*Store
	changed []*Buf // announced by Change, or made
	undo    []undo
	events  []event
}

// undo is what a chunk of a buffer held before the transaction.
type undo struct {
	b     *Buf
	chunk int
	was   [format.LogBufChunk]byte
}

// event is something that happened to blocks as a whole, in order. One of the fields is set.
type event struct {
	made   *Buf
	before *Buf // the buffer that made replaced, nil if there was none
	freed  *freed
	chunk  *Chunk
	note   *Item
	zero   *run
}

// freed is a range of bytes that was given up.
type freed struct {
	off, n int64
	bufs   []*Buf // of metadata that were in it
}

// Begin opens a transaction. It waits for one that is open.
func (s *Store) Begin() (*Tx, error) {
	s.turn.Lock()
	if s.failed != nil {
		s.turn.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrFailed, s.failed)
	}
	s.cur = &Tx{Store: s, changed: s.spare.changed, undo: s.spare.undo, events: s.spare.events}
	return s.cur, nil
}

// Read returns the metadata block of a type at byte off of the volume. When it comes from the
// device it is verified, against what is known of its place too.
func (tx *Tx) Read(off int64, t *format.BlockType, at format.Place) (*Buf, error) {
	return tx.ReadOneOf(off, at, t)
}

// ReadOneOf is Read for a block that can be of several types, all of the same size.
func (tx *Tx) ReadOneOf(off int64, at format.Place, types ...*format.BlockType) (*Buf, error) {
	b, err := tx.read(off, nil, at, types...)
	if err == nil {
		b.tx = tx
	}
	return b, err
}

// Change announces that n bytes from off of a buffer will change, and returns the buffer's
// bytes, to be changed in that range only.
func (tx *Tx) Change(b *Buf, off, n int) []byte {
	if off < 0 || n < 0 || off+n > len(b.Data) {
		panic(fmt.Sprintf("txn: change of %d bytes from %d of a buffer of %d", n, off, len(b.Data)))
	}
	tx.touch(b)
	mark(b.now, off, n, func(chunk int) {
		u := undo{b: b, chunk: chunk}
		copy(u.was[:], b.Data[chunk*format.LogBufChunk:])
		tx.undo = append(tx.undo, u)
	})
	return b.Data
}

// touch makes a buffer one that the transaction changes.
func (tx *Tx) touch(b *Buf) {
	b.tx, b.stale = tx, true
	if b.now == nil {
		b.now = new(journal.DirtyMap)
		tx.changed = append(tx.changed, b)
		tx.show(b)
	}
}

// New makes a buffer of n zero bytes for a block that was just allocated; all of it counts as
// changed. What the block held before is forgotten.
func (tx *Tx) New(off int64, n int, t *format.BlockType) *Buf {
	return tx.newBuf(&Buf{Off: off, Data: make([]byte, n), Type: t, made: true})
}

func (tx *Tx) newBuf(b *Buf) *Buf {
	tx.install(b)
	tx.touch(b)
	b.now.Mark(0, len(b.Data))
	return b
}

// install puts a new buffer into the cache, in the place of one for the same block.
func (tx *Tx) install(b *Buf) {
	before := tx.bufs[b.Off]
	if before != nil {
		tx.forget(before)
	}
	tx.keep(b)
	tx.events = append(tx.events, event{made: b, before: before})
}

func (tx *Tx) forget(b *Buf) {
	tx.hide(b)
	tx.drop(b)
}

// Free gives up n bytes from off, whole blocks. Buffers of metadata in them are never written
// again, and the log will say that what it holds for them no longer counts. Data says that the
// blocks held file data instead; nothing needs to be said of them but that they are Busy.
func (tx *Tx) Free(off, n int64, data bool) {
	f := &freed{off: off, n: n}
	if !data {
		for at := off; at < off+n; at += format.BasicBlock {
			if b, ok := tx.bufs[at]; ok {
				f.bufs = append(f.bufs, b)
				tx.forget(b)
			}
		}
	}
	tx.events = append(tx.events, event{freed: f})
}

// Count is the number of transactions that were committed before this one. As long as it stays
// the same nothing has changed.
func (tx *Tx) Count() uint64 { return tx.count }

// Cancel undoes everything that the transaction changed.
func (tx *Tx) Cancel() {
	for _, u := range slices.Backward(tx.undo) {
		copy(u.b.Data[u.chunk*format.LogBufChunk:], u.was[:])
	}
	for _, b := range tx.changed {
		b.now, b.stale = nil, true
		if b.clean() {
			tx.hide(b)
		}
	}
	for _, e := range slices.Backward(tx.events) {
		switch {
		case e.made != nil:
			tx.forget(e.made)
			if e.before != nil {
				tx.restore(e.before)
			}
		case e.freed != nil:
			for _, b := range e.freed.bufs {
				tx.restore(b)
			}
		}
	}
	tx.end()
}

// restore puts a buffer back that was forgotten.
func (tx *Tx) restore(b *Buf) {
	tx.keep(b)
	if !b.clean() {
		tx.show(b)
	}
}

func (tx *Tx) end() {
	s := tx.Store
	// The next transaction takes the memory over.
	clear(tx.changed)
	clear(tx.undo)
	clear(tx.events)
	s.spare = Tx{changed: tx.changed[:0], undo: tx.undo[:0], events: tx.events[:0]}
	tx.Store, tx.changed, tx.undo, tx.events = nil, nil, nil, nil
	s.cur = nil
	s.turn.Unlock()
}

// Commit makes the changes part of the volume. They reach the log together with those of other
// transactions, at Sync at the latest. An error says that writing to the log failed, and with
// it the store; the volume on the device is then as some earlier transaction left it.
func (tx *Tx) Commit() error {
	s := tx.Store
	s.count++
	for _, e := range tx.events {
		switch {
		case e.made != nil:
			s.ckpt.remake(s.Geo, e.made, e.before)
			if e.before != nil {
				s.ckpt.remove(e.before)
				s.unlog(e.before)
			}
		case e.freed != nil:
			for _, b := range e.freed.bufs {
				s.ckpt.remove(b)
			}
			s.ckpt.free(s.Geo, e.freed)
			for _, b := range e.freed.bufs {
				s.unlog(b)
			}
		case e.chunk != nil:
			s.ckpt.chunks = append(s.ckpt.chunks, e.chunk)
		case e.zero != nil:
			s.ckpt.zero = append(s.ckpt.zero, *e.zero)
		case e.note != nil:
			s.ckpt.notes = append(s.ckpt.notes, *e.note)
		}
	}
	for _, b := range tx.changed {
		if s.bufs[b.Off] == b { // not freed again
			s.ckpt.add(b)
		}
		b.now = nil
	}
	var err error
	if s.ckpt.bytes > s.maxCheckpoint() {
		err = s.writeCheckpoint()
	}
	tx.end()
	return err
}
