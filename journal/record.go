package journal

import (
	"errors"
	"iter"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// Record is one record of the log, checked. It is what writers write at once: some operations
// with a header before them.
type Record struct {
	LSN    format.LSN
	Tail   format.LSN // what recovery needed when the record was written begins here
	Prev   uint32     // log block of the record before; format.NullLogBlock: none
	Size   uint32     // bytes; the largest record that its writer makes
	Blocks int        // log blocks, headers included
	NumOps int
	// Header is the header as it is on disk. Payload is the rest with all words put back that
	// cycle numbers replace on disk. Both are memory that is used again for the next record.
	Header, Payload []byte
}

// Op is one operation of a record: a region of a transaction, a part of one, or a mark.
type Op struct {
	TID    uint32
	Client uint8
	Flags  format.LogOpFlag
	Data   []byte // a view into the record

	end opPlace // behind it
}

// opPlace is a place between two operations of a record.
type opPlace struct{ off, n int } // bytes of the payload, and operations, before it

// damaged reports whether an error says that the log's content is wrong, and not that it could
// not be read.
func damaged(err error) bool { return errors.Is(err, format.ErrCorrupt) }

// readRecord reads the record at a block and checks it. cycle is the one that it must be of.
func (a *area) readRecord(at int, cycle uint32) (*Record, error) {
	r := reader{area: a}
	return r.record(lsnOf(cycle, at))
}

// reader reads records one after the other, all into the same memory.
type reader struct {
	*area
	ahead int    // blocks to read at once, at least
	buf   []byte // the last record and what was read behind it
	rest  []byte // the part of buf that no record was made of yet, from block at on
	at    int
	last  *Record // the one in memory
}

// view returns n blocks from block at on, which are not of a record that was read already.
func (r *reader) view(at, n int) ([]byte, error) {
	size := n << format.BasicBlockLog
	if r.at != at || size > len(r.rest) {
		// As much as there is up to the log's end; a record that goes on behind it is read whole.
		want := max(n, min(r.ahead, r.area.blocks-at)) << format.BasicBlockLog
		r.buf = slices.Grow(r.buf[:0], want)[:want]
		r.at, r.rest, r.last = at, nil, nil
		if err := r.read(r.buf, at); err != nil {
			return nil, err
		}
		r.rest = r.buf
	}
	return r.rest[:size:size], nil
}

// record reads the record at lsn.
func (r *reader) record(lsn format.LSN) (*Record, error) {
	if r.last != nil && r.last.LSN == lsn {
		return r.last, nil
	}
	at := blockOf(lsn)
	if at >= r.area.blocks {
		return nil, damage(at, "the log has %d blocks", r.area.blocks)
	}
	b, err := r.view(at, 1)
	if err != nil {
		return nil, err
	}
	if m := format.LogMagicNo.Get(b); m != format.LogMagic {
		return nil, damage(at, "no record begins here")
	}
	n := recordBlocks(b)
	if n > maxRecord {
		return nil, damage(at, "record of %d blocks", n)
	}
	if b, err = r.view(at, n); err != nil {
		return nil, err
	}
	if err := r.check(lsn, b); err != nil {
		return nil, err
	}
	rec := &Record{
		LSN: lsn, Tail: format.LogTailLSN.Get(b), Prev: format.LogPrevBlock.Get(b),
		Size: format.LogSize.Get(b), Blocks: n, NumOps: int(format.LogNumOps.Get(b)),
		Header: b[:format.BasicBlock],
	}
	if rec.Payload, err = format.UnstampLog(b); err != nil {
		return nil, &DamageError{Block: at, Err: err}
	}
	r.at, r.rest, r.last = at+n, r.rest[len(b):], rec
	return rec, nil
}

// check judges the blocks of the record at lsn.
func (r *reader) check(lsn format.LSN, b []byte) error {
	at := blockOf(lsn)
	if got := format.LogLSN.Get(b); got != lsn || format.LogCycle.Get(b) != cycleOf(lsn) {
		return damage(at, "record of %s where that of %s is due", Place(got), Place(lsn))
	}
	if err := format.VerifyLog(r.g, b); err != nil {
		return &DamageError{Block: at, Err: err}
	}
	return r.checkStamps(lsn, b)
}

// checkStamps looks whether all blocks of a record have its cycle number, or the next one
// behind the log's end. Records without a checksum have no other proof of being whole.
func (r *reader) checkStamps(lsn format.LSN, b []byte) error {
	for i := 1; i < len(b)>>format.BasicBlockLog; i++ {
		want := cycleOf(r.add(lsn, i))
		if got := format.LogExtCycle.Get(b[i<<format.BasicBlockLog:]); got != want {
			return damage((blockOf(lsn)+i)%r.area.blocks, "cycle %d in a record of cycle %d", got, want)
		}
	}
	return nil
}

// Ops yields the record's operations. The sequence ends with the first error.
func (r *Record) Ops() iter.Seq2[Op, error] { return r.ops(opPlace{}) }

// ops yields the operations from a place on.
func (r *Record) ops(from opPlace) iter.Seq2[Op, error] {
	return func(yield func(Op, error) bool) {
		for at := from; at.n < r.NumOps; {
			rest := r.Payload[min(at.off, len(r.Payload)):]
			if len(rest) < format.LogOp.Size {
				yield(Op{}, damage(blockOf(r.LSN), "the record has fewer operations than its header says, %d", r.NumOps))
				return
			}
			n := format.LogOpLen.Get(rest)
			if int64(n) > int64(len(rest)-format.LogOp.Size) {
				yield(Op{}, damage(blockOf(r.LSN), "an operation of %d bytes reaches beyond the record's end", n))
				return
			}
			end := format.LogOp.Size + int(n)
			at = opPlace{at.off + end, at.n + 1}
			op := Op{
				TID: format.LogOpTID.Get(rest), Client: format.LogOpClient.Get(rest), Flags: format.LogOpFlags.Get(rest),
				Data: rest[format.LogOp.Size:end:end], end: at,
			}
			if !yield(op, nil) {
				return
			}
		}
	}
}

// unmount reports whether the record is nothing but the note of an unmount.
func (r *Record) unmount() bool {
	if r.NumOps != 1 {
		return false
	}
	for op, err := range r.Ops() {
		return err == nil && op.Flags&format.LogOpUnmount != 0
	}
	return false
}
