package journal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// WriterOptions are the choices of a Writer.
type WriterOptions struct {
	// RecordSize is the size of the largest record in bytes, 16 KiB to 256 KiB. Larger ones are
	// faster for large checkpoints, and waste up to 4 KiB with each small one. 0 is the log's
	// stripe unit or 32 KiB, whatever is more. In a dirty log the size stays as it is.
	RecordSize int
}

// Writer appends checkpoints to a log. It is for one goroutine.
//
// A writer knows of no buffers. Its user first appends a checkpoint, and syncs; then writes
// what the checkpoint holds in place, with an LSN from before, and syncs the device; and then
// moves the tail.
type Writer struct {
	dev   device.Device
	area  area
	shape shape

	head format.LSN // where the next record goes
	prev uint32     // block of the last record
	tail format.LSN // the head when nothing is outstanding

	batch   []byte // records that are made and not written, the one at hand last
	at      int    // block that the batch goes to
	start   int    // of the record at hand in the batch, bytes
	pending int    // records not synced yet
	cleared bool   // nothing behind the head looks like a later record
	err     error
}

// errOutstanding is a misuse.
var errOutstanding = errors.New("checkpoints are outstanding")

// NewWriter makes a writer that goes on where a log ends. A dirty log must have been replayed
// before; it stays as long as the tail is not moved. A zeroed log is made a clean one first.
func NewWriter(l *Log, o WriterOptions) (*Writer, error) {
	dev := l.dev
	if l.State == Zeroed {
		if err := MakeClean(dev, l.area.g); err != nil {
			return nil, err
		}
		var err error
		if l, err = Open(dev, l.area.g); err != nil {
			return nil, err
		}
	}
	s := newShape(l.area.g, o.RecordSize)
	if l.State == Dirty {
		// Recovery takes the sizes in the first record's header for those of all.
		s = newShape(l.area.g, int(l.RecordSize))
	}
	return newWriter(dev, l.area, s, l.Head, uint32(blockOf(l.Last)), l.Tail), nil
}

func newWriter(dev device.Device, a area, s shape, head format.LSN, prev uint32, tail format.LSN) *Writer {
	return &Writer{dev: dev, area: a, shape: s, head: head, prev: prev, tail: tail}
}

// Head is the place where the next checkpoint goes: the LSN that Append will return.
func (w *Writer) Head() format.LSN { return w.head }

// Tail is the place where recovery would begin. It is the head when nothing is outstanding.
func (w *Writer) Tail() format.LSN { return w.tail }

// SetTail moves the tail: what checkpoints before it hold is in place and synced. It must be
// what Append returned for the oldest checkpoint that is still needed, or Head.
func (w *Writer) SetTail(tail format.LSN) error {
	if w.area.distance(w.tail, tail) < 0 || w.area.distance(tail, w.head) < 0 {
		return fmt.Errorf("log tail cannot move to %s: it is at %s, the head at %s", Place(tail), Place(w.tail), Place(w.head))
	}
	w.tail = tail
	return nil
}

// Blocks is the number of log blocks, of 512 bytes, that a checkpoint takes.
func (w *Writer) Blocks(items []Item) int { return w.shape.measure(items) }

// Capacity is the number of blocks of the largest checkpoint. A sixteenth of the log always
// stays free, for what follows a recovery.
func (w *Writer) Capacity() int { return w.area.blocks - w.area.blocks/16 }

// Free is the number of blocks that can be appended before the tail has to move.
func (w *Writer) Free() int { return max(0, w.Capacity()-w.area.distance(w.tail, w.head)) }

// Append writes a checkpoint. Regions are filled up with zeroes to a multiple of 4 bytes. It
// returns the checkpoint's LSN, which in a replay is newer than those of blocks that it is to be
// replayed over. The checkpoint lasts from the next Sync on.
//
// When it does not fit the error is ErrFull or ErrTooLarge, and nothing was written. After any
// other error the writer is of no use any more.
func (w *Writer) Append(items []Item) (format.LSN, error) {
	if w.err != nil {
		return 0, w.err
	}
	switch n := w.Blocks(items); {
	case n > w.Capacity():
		return 0, fmt.Errorf("%w: %d blocks of %d", ErrTooLarge, n, w.Capacity())
	case n > w.Free():
		return 0, fmt.Errorf("%w: %d blocks are free, %d are needed", ErrFull, w.Free(), n)
	}
	lsn := w.head
	w.append(format.LogClientTransaction, func(tid uint32, p *packer) { p.transaction(tid, items) })
	return lsn, w.err
}

// transactionID makes a transaction's number from the place where it starts. No two between tail
// and head are the same.
func transactionID(lsn format.LSN) uint32 {
	return cycleOf(lsn)<<24 | uint32(blockOf(lsn))&(1<<24-1)
}

// Sync returns when all checkpoints will outlast a power failure.
func (w *Writer) Sync() error {
	if w.err == nil && w.pending > 0 {
		if w.err = w.dev.Sync(); w.err == nil {
			w.pending = 0
		}
	}
	return w.err
}

// Unmount ends the log with the note that it is clean, and syncs. Nothing may be outstanding.
func (w *Writer) Unmount() error {
	if w.tail != w.head {
		return fmt.Errorf("note of an unmount: %w", errOutstanding)
	}
	if err := w.Sync(); err != nil {
		return err
	}
	note := make([]byte, format.LogUnmount.Size)
	format.LogUnmountMagicNo.Put(note, format.LogUnmountMagic)
	w.append(format.LogClientLog, func(_ uint32, p *packer) {
		p.emit(format.LogOpUnmount, note, 0)
		p.close()
	})
	if err := w.Sync(); err != nil {
		return err
	}
	w.tail = w.head
	return nil
}

// append writes the operations that pack makes. The tail that the records name is the one from
// before.
func (w *Writer) append(client uint8, pack func(tid uint32, p *packer)) {
	if w.err = w.clearAhead(); w.err != nil {
		return
	}
	tid, tail := transactionID(w.head), w.tail
	w.batch, w.at = w.batch[:0], blockOf(w.head)
	p := &packer{shape: w.shape}
	p.op = func(flags format.LogOpFlag, data []byte, pad int) {
		if p.ops == 0 {
			w.start = len(w.batch)
			w.extend(w.shape.headers << format.BasicBlockLog)
		}
		n := len(w.batch)
		w.extend(format.LogOp.Size)
		head := w.batch[n:]
		format.LogOpTID.Put(head, tid)
		format.LogOpLen.Put(head, uint32(len(data)+pad))
		format.LogOpClient.Put(head, client)
		format.LogOpFlags.Put(head, flags)
		w.batch = append(w.batch, data...)
		w.extend(pad)
	}
	p.end = func() {
		n := w.shape.blocks(p.used)
		w.extend(n<<format.BasicBlockLog - (len(w.batch) - w.start))
		w.finish(w.batch[w.start:], n, tail, p.ops)
	}
	pack(tid, p)
	w.write()
}

// extend adds n zeroes to the batch.
func (w *Writer) extend(n int) {
	w.batch = slices.Grow(w.batch, n)
	w.batch = w.batch[:len(w.batch)+n]
	clear(w.batch[len(w.batch)-n:])
}

// finish completes the record in b, which goes to the head, and writes what is there when as
// much is unsynced as may be.
func (w *Writer) finish(b []byte, blocks int, tail format.LSN, ops int) {
	format.LogMagicNo.Put(b, format.LogMagic)
	format.LogCycle.Put(b, cycleOf(w.head))
	format.LogVersionNo.Put(b, format.LogVersion)
	format.LogLen.Put(b, uint32(blocks-w.shape.headers)<<format.BasicBlockLog)
	format.LogLSN.Put(b, w.head)
	format.LogTailLSN.Put(b, tail)
	format.LogPrevBlock.Put(b, w.prev)
	format.LogNumOps.Put(b, uint32(ops))
	format.LogFmt.Put(b, format.LogFmtLinux)
	format.LogUUID.Put(b, w.area.g.UUID)
	format.LogSize.Put(b, uint32(w.shape.size))
	err := format.StampLog(b)
	// What lies behind the log's end belongs to the next cycle.
	for i := w.area.blocks - blockOf(w.head); i < blocks; i++ {
		format.LogExtCycle.Put(b[i<<format.BasicBlockLog:], nextCycle(cycleOf(w.head)))
	}
	if err == nil {
		err = format.SetLogChecksum(b)
	}
	if err != nil && w.err == nil {
		w.err = err
	}
	w.prev, w.head = uint32(blockOf(w.head)), w.area.add(w.head, blocks)
	if w.pending++; w.pending == inFlight {
		w.write()
		_ = w.Sync()
	}
}

// write writes the batch.
func (w *Writer) write() {
	b, off := w.batch, w.area.base+int64(w.at)<<format.BasicBlockLog
	n := min(len(b), (w.area.blocks-w.at)<<format.BasicBlockLog)
	for _, piece := range [][]byte{b[:n], b[n:]} {
		if len(piece) > 0 && w.err == nil {
			_, w.err = w.dev.WriteAt(piece, off)
		}
		off = w.area.base
	}
	w.batch, w.at = w.batch[:0], blockOf(w.head)
}

// clearAhead makes blocks behind the head that look as if they came later look old. Such are
// left from records that were in flight in a crash; once the head has come near them, they
// could be taken for the log's last ones.
func (w *Writer) clearAhead() error {
	if w.cleared {
		return nil
	}
	w.cleared = true
	n := min(inFlightBlocks, w.area.blocks-w.area.distance(w.tail, w.head))
	place, changed := w.head, false
	var werr error
	err := w.area.each(blockOf(w.head), n, func(block int, b []byte) bool {
		if c := cycleOf(place); cycleIn(b) >= c {
			_, werr = w.dev.WriteAt(w.staleBlock(place), w.area.base+int64(block)<<format.BasicBlockLog)
			changed = true
		}
		place = w.area.add(place, 1)
		return werr == nil
	})
	if err == nil {
		err = werr
	}
	if err == nil && changed {
		err = w.dev.Sync()
	}
	return err
}

// staleBlock is a record header without a record, of the cycle before that of its place.
func (w *Writer) staleBlock(at format.LSN) []byte {
	b := make([]byte, format.BasicBlock)
	cycle := prevCycle(cycleOf(at))
	format.LogMagicNo.Put(b, format.LogMagic)
	format.LogCycle.Put(b, cycle)
	format.LogVersionNo.Put(b, format.LogVersion)
	format.LogLSN.Put(b, lsnOf(cycle, blockOf(at)))
	format.LogTailLSN.Put(b, w.head)
	format.LogFmt.Put(b, format.LogFmtLinux)
	format.LogUUID.Put(b, w.area.g.UUID)
	return b
}
