package journal

import (
	"fmt"
	"iter"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// State is what a log says of its volume.
type State uint8

// The states.
const (
	Clean  State = iota // the last record is the note of an unmount: nothing to replay
	Dirty               // holds changes that may not be in place yet
	Zeroed              // never written, or wiped; nothing to replay
)

// String names the state.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

var stateNames = [...]string{"clean", "dirty", "zeroed"}

// Log is the log of a volume as it was when it was opened.
type Log struct {
	State State
	// Head is the place where the next record goes. Tail is where recovery begins; in a clean
	// log it is the head. Both are 0 in a zeroed log.
	Head, Tail format.LSN
	// Last is the place of the last record; 0 in a zeroed log.
	Last format.LSN
	// Torn is the number of blocks behind the head that belong to records which a crash
	// destroyed. The first of those records lies at the head.
	Torn int
	// Blocks is the log's size in blocks of 512 bytes.
	Blocks int

	// RecordSize is the size in bytes of the largest record that the last record's writer makes.
	RecordSize uint32

	area area
	dev  device.Device
}

// Open looks for the end of a volume's log. A log that only a crash can have left like that, with
// some damaged records at its end, is all right; the error for others is a *DamageError. A log
// on another device is a format.ErrUnsupported.
func Open(dev device.Device, g *format.Geometry) (*Log, error) {
	l, err := open(dev, g)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return l, nil
}

func open(dev device.Device, g *format.Geometry) (*Log, error) {
	a, err := newArea(dev, dev.Size(), g)
	if err != nil {
		return nil, err
	}
	l := &Log{Blocks: a.blocks, area: a, dev: dev}
	head, zeroed, err := a.findHead()
	if err != nil {
		return nil, err
	}
	if zeroed {
		l.State = Zeroed
		return l, nil
	}
	rec, err := a.lastRecord(head)
	if err != nil {
		return nil, err
	}
	l.Last, l.Head, l.RecordSize = rec.LSN, a.add(rec.LSN, rec.Blocks), rec.Size
	l.Torn = (head - blockOf(l.Head) + a.blocks) % a.blocks
	if rec.unmount() {
		l.State, l.Tail = Clean, l.Head
	} else {
		l.State = Dirty
		if l.Tail, err = l.findTail(rec.Tail); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// findTail checks the records from the tail that the last record names up to the head. When a
// crash destroyed records at the head that had been written over the tail, the tail had moved
// on by then: those records are gone and not needed.
func (l *Log) findTail(tail format.LSN) (format.LSN, error) {
	if n := l.area.distance(tail, l.Head); n <= 0 {
		return 0, damage(blockOf(l.Last), "tail at %s, while the head is at %s", Place(tail), Place(l.Head))
	}
	for {
		at := tail
		err := error(nil)
		for rec, e := range l.records(tail) {
			if err = e; e == nil {
				at = l.area.add(rec.LSN, rec.Blocks)
			}
		}
		if err == nil || !damaged(err) {
			return tail, err
		}
		free := l.Blocks - l.area.distance(at, l.Head) // blocks from the head up to the damage
		if free > inFlightBlocks {
			return 0, err
		}
		next, e := l.recordAfter(at)
		if e != nil {
			return 0, e
		}
		if next == 0 {
			return 0, err
		}
		tail = next
	}
}

// recordAfter finds the first record behind a damaged one; 0 when there is none before the head.
func (l *Log) recordAfter(at format.LSN) (next format.LSN, err error) {
	n := l.area.distance(at, l.Head) - 1
	if n <= 0 {
		return 0, nil
	}
	place := l.area.add(at, 1)
	err = l.area.each(blockOf(place), n, func(_ int, b []byte) bool {
		if format.LogMagicNo.Get(b) == format.LogMagic && format.LogLSN.Get(b) == place {
			next = place
			return false
		}
		place = l.area.add(place, 1)
		return true
	})
	return next, err
}

// Records yields the records from the tail to the head, in order. The sequence ends with the
// first error. A record is good until the next one comes.
func (l *Log) Records() iter.Seq2[*Record, error] {
	return l.records(l.Tail)
}

func (l *Log) records(from format.LSN) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		r := reader{area: &l.area, ahead: maxRecord}
		for at := from; at != l.Head; {
			rec, err := r.record(at)
			if err == nil && l.area.distance(at, l.Head) < rec.Blocks {
				err = damage(blockOf(at), "record of %d blocks reaches beyond the head", rec.Blocks)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(rec, nil) {
				return
			}
			at = l.area.add(at, rec.Blocks)
		}
	}
}
