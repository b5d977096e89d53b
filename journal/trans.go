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
	NumItems    int

	first  opPlace // of its operations but the start, in the record at LSN
	reader *reader
}

// maxOpen bounds how many transactions can be under way at one place in the log. Linux has five
// at most, we have one; with a bound, reading each by itself takes no more than so many times as
// long as reading the log.
const maxOpen = 16

// Transactions yields the committed transactions between tail and head, in the order of their
// commit, which is the order to replay them in. Those without a commit never happened. The
// sequence ends with the first error.
func (l *Log) Transactions() iter.Seq2[*Transaction, error] {
	return func(yield func(*Transaction, error) bool) {
		s := scan{open: map[uint32]*gathering{}, reader: l.again()}
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

// again is a reader for what has been read before. It often goes back, but not far.
func (l *Log) again() *reader { return &reader{area: &l.area, ahead: maxRecord / 4, checked: true} }

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
}

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
		return partRegion, nil
	case len(op.Data) < 4:
		return partNone, damage(at, "item of transaction %#x with a first region of %d bytes", op.TID, len(op.Data))
	}
	n := int(format.LogItemRegions.Get(op.Data))
	if n == 0 || n > maxRegions {
		return partNone, damage(at, "item of transaction %#x with %d regions", op.TID, n)
	}
	s.items++
	s.missing = n - 1
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
		return partRest, nil
	case len(s.header) == 0 || len(s.header) == format.LogTrans.Size:
		return partNone, damage(at, "transaction %#x goes on with what it did not begin", op.TID)
	}
	return partNone, s.addHeader(at, op)
}

// Items yields the transaction's items. The sequence ends with the first error. An item is good
// until the next one comes, and only one sequence of a log's items can be under way.
func (t *Transaction) Items() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var s syntax
		var item Item
		from := t.first
		for at := t.LSN; ; from = (opPlace{}) {
			rec, err := t.reader.record(at)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for op, err := range rec.ops(from) {
				if err == nil && op.TID != t.TID {
					continue
				}
				p := partNone
				if err == nil {
					p, err = s.parse(blockOf(at), op)
				}
				if err != nil {
					yield(Item{}, err)
					return
				}
				ended := p == partItem || p == partCommit
				if ended && item.Regions != nil && !yield(item, nil) {
					return
				}
				if p == partCommit {
					return
				}
				item.take(p, op.Data)
			}
			if at == t.Commit {
				yield(Item{}, damage(blockOf(at), "transaction %#x has changed", t.TID))
				return
			}
			item.keep()
			at = t.reader.add(at, rec.Blocks)
		}
	}
}

// take adds what an operation holds.
func (i *Item) take(p part, data []byte) {
	switch p {
	case partItem:
		i.Regions = append(i.Regions[:0], data)
	case partRegion:
		i.Regions = append(i.Regions, data)
	case partRest:
		last := &i.Regions[len(i.Regions)-1]
		*last = append(*last, data...)
	}
}

// keep makes the item independent of the memory of the record at hand.
func (i *Item) keep() {
	for k, r := range i.Regions {
		i.Regions[k] = bytes.Clone(r)
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
