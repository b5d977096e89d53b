package journal

import (
	"iter"

	"github.com/cowfs/cowfs/format"
)

// Transaction is a committed transaction of the log. Writers gather the changes of many
// operations in one: a checkpoint.
type Transaction struct {
	TID uint32
	// LSN is the place of the record that the transaction starts in: what buffers that it
	// changed are stamped with. Commit is that of the record that it ends in.
	LSN, Commit format.LSN
	Items       []Item

	header  []byte // the transaction's own header, as far as it has been read
	missing int    // regions that the last item still needs
}

// Transactions yields the committed transactions between tail and head, in the order of their
// commit, which is the order to replay them in. Those without a commit never happened. The
// sequence ends with the first error.
//
// Items are views of memory that the sequence does not use again.
func (l *Log) Transactions() iter.Seq2[*Transaction, error] {
	return func(yield func(*Transaction, error) bool) {
		open := map[uint32]*Transaction{}
		for rec, err := range l.Records() {
			if err != nil {
				yield(nil, err)
				return
			}
			for op, err := range rec.Ops() {
				var done *Transaction
				if err == nil {
					done, err = gather(open, rec, op)
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

// gather adds an operation to its transaction. It returns the transaction when the operation
// commits it.
func gather(open map[uint32]*Transaction, rec *Record, op Op) (*Transaction, error) {
	at := blockOf(rec.LSN)
	if op.Client != format.LogClientTransaction && op.Client != format.LogClientLog {
		return nil, damage(at, "operation of unknown client %#x", op.Client)
	}
	t := open[op.TID]
	if op.Flags == format.LogOpStart {
		switch {
		case t != nil:
			return nil, damage(at, "transaction %#x starts for the second time", op.TID)
		case len(op.Data) != 0:
			return nil, damage(at, "start of transaction %#x with %d bytes", op.TID, len(op.Data))
		}
		open[op.TID] = &Transaction{TID: op.TID, LSN: rec.LSN}
		return nil, nil
	}
	if t == nil {
		return nil, nil // it began before the tail: all of it is in place
	}
	switch flags := op.Flags &^ format.LogOpEnd; {
	case flags == format.LogOpCommit:
		delete(open, op.TID)
		if len(t.header) != format.LogTrans.Size || t.missing != 0 {
			return nil, damage(at, "transaction %#x commits with an item that lacks %d regions", op.TID, t.missing)
		}
		t.Commit = rec.LSN
		return t, nil
	case flags == format.LogOpUnmount:
		delete(open, op.TID)
		return nil, nil
	case flags&format.LogOpWasCont != 0 && flags&^(format.LogOpWasCont|format.LogOpContinue) == 0:
		return nil, t.extend(at, op.Data)
	case flags == 0 || flags == format.LogOpContinue:
		return nil, t.add(at, op.Data)
	}
	return nil, damage(at, "operation with flags %#x", op.Flags)
}

// add gives the transaction another region, or the first part of one. The first is its header.
func (t *Transaction) add(at int, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if t.header == nil {
		return t.addHeader(at, data)
	}
	if len(t.header) < format.LogTrans.Size {
		return damage(at, "transaction %#x goes on within its header", t.TID)
	}
	if t.missing == 0 {
		if len(data) < 4 {
			return damage(at, "item of transaction %#x with a first region of %d bytes", t.TID, len(data))
		}
		n := int(format.LogItemRegions.Get(data))
		if n == 0 || n > maxRegions {
			return damage(at, "item of transaction %#x with %d regions", t.TID, n)
		}
		t.Items = append(t.Items, Item{})
		t.missing = n
	}
	item := &t.Items[len(t.Items)-1]
	item.Regions = append(item.Regions, data)
	t.missing--
	return nil
}

// addHeader takes the transaction's header, or a part of it.
func (t *Transaction) addHeader(at int, data []byte) error {
	if len(t.header)+len(data) > format.LogTrans.Size {
		return damage(at, "header of transaction %#x of %d bytes", t.TID, len(t.header)+len(data))
	}
	t.header = append(t.header[:len(t.header):len(t.header)], data...)
	if len(t.header) < format.LogTrans.Size {
		return nil
	}
	if m := format.LogTransMagicNo.Get(t.header); m != format.LogTransMagic {
		return damage(at, "header of transaction %#x with magic number %#x", t.TID, m)
	}
	return nil
}

// extend adds to the last region of the transaction, or to its header.
func (t *Transaction) extend(at int, data []byte) error {
	if len(t.Items) == 0 {
		if len(t.header) == 0 || len(t.header) == format.LogTrans.Size {
			return damage(at, "transaction %#x goes on with what it did not begin", t.TID)
		}
		return t.addHeader(at, data)
	}
	regions := t.Items[len(t.Items)-1].Regions
	last := &regions[len(regions)-1]
	*last = append(*last, data...)
	return nil
}
