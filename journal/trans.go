package journal

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/cowfs/cowfs/format"
)

// Transaction is a committed transaction of the log. Writers gather the changes of many
// operations in one: a checkpoint, which can be an eighth of the log and more. So this is only
// where it lies; Items reads what it consists of.
type Transaction struct {
	TID uint32
	// LSN is the place of the record that the transaction starts in: what buffers that it
	// changed are stamped with. Commit is that of the record that it ends in.
	LSN, Commit format.LSN
	NumItems    int // that Items gives

	first  opPlace // of its operations but the start, in the record at LSN
	reader *reader
}

// maxOpen bounds how many transactions can be under way at one place in the log. Linux has five
// at most, we have one; with a bound, each record is read again no more often than so many times,
// each time that all items are read.
const maxOpen = 16

// Transactions yields the committed transactions between tail and head, in the order of their
// commit, which is the order to replay them in. Those without a commit never happened. The
// sequence ends with the first error.
func (l *Log) Transactions() iter.Seq2[*Transaction, error] {
	return func(yield func(*Transaction, error) bool) {
		s := scan{open: map[uint32]*gathering{}, reader: &reader{area: &l.area}}
		for rec, err := range l.Records() {
			if err != nil {
				yield(nil, err)
				return
			}
			for op, err := range rec.Ops() {
				var done *Transaction
				if err == nil {
					done, err = s.see(rec, op)
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if done != nil && !yield(done, nil) {
					return
				}
			}
		}
	}
}

// scan looks for transactions.
type scan struct {
	open   map[uint32]*gathering
	reader *reader // for the items
}

// gathering is a transaction under way.
type gathering struct {
	Transaction
	syntax
}

// see follows an operation to its transaction. It returns the transaction when the operation
// commits it.
func (s *scan) see(rec *Record, op Op) (*Transaction, error) {
	at := blockOf(rec.LSN)
	if op.Client != format.LogClientTransaction && op.Client != format.LogClientLog {
		return nil, damage(at, "operation of unknown client %#x", op.Client)
	}
	t := s.open[op.TID]
	switch {
	case op.Flags == format.LogOpStart:
		return nil, s.start(rec, op)
	case t == nil:
		return nil, nil // it began before the tail: all of it is in place
	case op.Flags&^format.LogOpEnd == format.LogOpUnmount:
		delete(s.open, op.TID)
		return nil, nil
	}
	p, err := t.parse(at, op)
	if err != nil || p != partCommit {
		return nil, err
	}
	delete(s.open, op.TID)
	t.Commit, t.NumItems = rec.LSN, t.items
	return &t.Transaction, nil
}

// start begins a transaction.
func (s *scan) start(rec *Record, op Op) error {
	at := blockOf(rec.LSN)
	switch {
	case s.open[op.TID] != nil:
		return damage(at, "transaction %#x starts for the second time", op.TID)
	case len(op.Data) != 0:
		return damage(at, "start of transaction %#x with %d bytes", op.TID, len(op.Data))
	case len(s.open) == maxOpen:
		return damage(at, "transaction %#x starts while %d are under way", op.TID, maxOpen)
	}
	s.open[op.TID] = &gathering{Transaction: Transaction{TID: op.TID, LSN: rec.LSN, first: op.end, reader: s.reader}}
	return nil
}

// part is what an operation is to its transaction.
type part uint8

const (
	partNone   part = iota
	partItem        // the first region of an item, or its beginning
	partRegion      // another region of an item, or its beginning
	partRest        // more of the same region
	partCommit
)

// syntax follows the operations of a transaction behind its start.
type syntax struct {
	header  []byte // the transaction's own, as far as it has been read
	items   int
	missing int // regions that the last item still needs
	size    int // bytes of the last region so far
}

// maxRegion bounds a region, in bytes. The largest ones are buffers and values of attributes, of 64
// KiB.
const maxRegion = 1 << 20

// parse finds out what the next operation is. at is the log block of its record.
func (s *syntax) parse(at int, op Op) (part, error) {
	switch flags := op.Flags &^ format.LogOpEnd; {
	case flags == format.LogOpCommit:
		if len(s.header) != format.LogTrans.Size || s.missing != 0 {
			return partNone, damage(at, "transaction %#x commits with an item that lacks %d regions", op.TID, s.missing)
		}
		return partCommit, nil
	case flags&format.LogOpWasCont != 0 && flags&^(format.LogOpWasCont|format.LogOpContinue) == 0:
		return s.more(at, op)
	case flags == 0 || flags == format.LogOpContinue:
		return s.region(at, op)
	}
	return partNone, damage(at, "operation with flags %#x", op.Flags)
}

// region is for another region, or the first part of one. The first is the transaction's header.
func (s *syntax) region(at int, op Op) (part, error) {
	switch {
	case len(op.Data) == 0:
		return partNone, nil
	case s.header == nil:
		return partNone, s.addHeader(at, op)
	case len(s.header) < format.LogTrans.Size:
		return partNone, damage(at, "transaction %#x goes on within its header", op.TID)
	case s.missing > 0:
		s.missing--
		s.size = len(op.Data)
		return partRegion, nil
	case len(op.Data) < 4:
		return partNone, damage(at, "item of transaction %#x with a first region of %d bytes", op.TID, len(op.Data))
	}
	n := int(format.LogItemRegions.Get(op.Data))
	if n == 0 || n > maxRegions {
		return partNone, damage(at, "item of transaction %#x with %d regions", op.TID, n)
	}
	s.items++
	s.missing, s.size = n-1, len(op.Data)
	return partItem, nil
}

// addHeader takes the transaction's header, or a part of it.
func (s *syntax) addHeader(at int, op Op) error {
	s.header = append(s.header, op.Data...)
	if len(s.header) > format.LogTrans.Size {
		return damage(at, "header of transaction %#x of %d bytes", op.TID, len(s.header))
	}
	if len(s.header) < format.LogTrans.Size {
		return nil
	}
	if m := format.LogTransMagicNo.Get(s.header); m != format.LogTransMagic {
		return damage(at, "header of transaction %#x with magic number %#x", op.TID, m)
	}
	return nil
}

// more is for what a region goes on with, or the header.
func (s *syntax) more(at int, op Op) (part, error) {
	switch {
	case s.items > 0:
		if s.size += len(op.Data); s.size > maxRegion {
			return partNone, damage(at, "region of transaction %#x of more than %d bytes", op.TID, maxRegion)
		}
		return partRest, nil
	case len(s.header) == 0 || len(s.header) == format.LogTrans.Size:
		return partNone, damage(at, "transaction %#x goes on with what it did not begin", op.TID)
	}
	return partNone, s.addHeader(at, op)
}

// Items yields the transaction's items. The sequence ends with the first error: a *DamageError, or
// that of the device. An item is good until the next one comes, and of all transactions of a sequence
// only one can have its items read at a time.
func (t *Transaction) Items() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		r := itemReader{t: t}
		from := t.first
		for at := t.LSN; ; from = (opPlace{}) {
			rec, err := t.reader.record(at)
			if err == nil {
				var done bool
				if done, err = r.record(rec, from, yield); done {
					return
				}
			}
			if err == nil && at == t.Commit {
				err = damage(blockOf(at), "transaction %#x has changed", t.TID)
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
			r.keep()
			at = t.reader.add(at, rec.Blocks)
		}
	}
}

// itemReader puts items together.
type itemReader struct {
	t *Transaction
	syntax
	item Item
	kept int // regions of the item that do not lie in the memory of the record at hand
}

// record takes what a record has of the transaction from a place on. done says that there is nothing
// more to come, or that nobody wants it.
func (r *itemReader) record(rec *Record, from opPlace, yield func(Item, error) bool) (done bool, err error) {
	for op, err := range rec.ops(from) {
		if err != nil {
			return false, err
		}
		if op.TID != r.t.TID {
			continue
		}
		p, err := r.parse(blockOf(rec.LSN), op)
		if err != nil {
			return false, err
		}
		if (p == partItem || p == partCommit) && r.item.Regions != nil && !yield(r.item, nil) {
			return true, nil
		}
		switch p {
		case partItem:
			r.item.Regions, r.kept = append(r.item.Regions[:0], op.Data), 0
		case partRegion:
			r.item.Regions = append(r.item.Regions, op.Data)
		case partRest:
			last := &r.item.Regions[len(r.item.Regions)-1]
			*last = append(*last, op.Data...)
		case partCommit:
			return true, nil
		}
	}
	return false, nil
}

// keep makes the item independent of the memory of the record at hand.
func (r *itemReader) keep() {
	for ; r.kept < len(r.item.Regions); r.kept++ {
		r.item.Regions[r.kept] = bytes.Clone(r.item.Regions[r.kept])
	}
}

// each calls fn with all items. An error comes back with the place of the item that it is about.
func (t *Transaction) each(fn func(Item) error) error {
	n := 0
	for item, err := range t.Items() {
		if err != nil {
			return err
		}
		if err := fn(item); err != nil {
			return fmt.Errorf("checkpoint at %s: item %d (%v): %w", Place(t.LSN), n, item.Type(), err)
		}
		n++
	}
	return nil
}
