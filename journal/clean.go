package journal

import (
	"fmt"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// MakeClean ends a log that was replayed: it brings the superblock's counters up to date
// (Recount) and writes the note of an unmount at the head. All that the log says must be in
// place and all intents finished; of the intents MakeClean makes sure, and else refuses with
// ErrUnfinished. A zeroed log becomes a fresh one, in a cycle behind all LSNs that the groups'
// headers have. A clean log stays as it is.
func MakeClean(dev device.Device, g *format.Geometry) error {
	l, err := Open(dev, g)
	if err != nil || l.State == Clean {
		return err
	}
	if l.State == Zeroed {
		cycle, err := newestCycle(dev, g)
		if err != nil {
			return err
		}
		return Reset(dev, g, nextCycle(cycle))
	}
	left, err := l.Unfinished()
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("%w: %d, the first is %v", ErrUnfinished, len(left), left[0])
	}
	if err := Recount(dev, g); err != nil {
		return err
	}
	if err := dev.Sync(); err != nil {
		return err
	}
	w, err := NewWriter(l, WriterOptions{})
	if err != nil {
		return err
	}
	if err := w.SetTail(w.Head()); err != nil {
		return err
	}
	return w.Unmount()
}

// Unfinished lists the intents in the log that nobody has finished, in the order of the log.
func (l *Log) Unfinished() ([]*Intent, error) {
	var s intents
	for t, err := range l.Transactions() {
		if err != nil {
			return nil, err
		}
		err := t.each(func(item Item) error { return s.see(item, t.LSN) })
		if err != nil {
			return nil, err
		}
	}
	return s.unfinished(), nil
}

// newestCycle is the highest cycle in the LSNs of the superblock and the groups' headers.
func newestCycle(dev device.Device, g *format.Geometry) (uint32, error) {
	var newest uint32
	for ag := range format.AGNumber(g.AGCount) {
		for n, t := range []*format.BlockType{format.TypeSuperblock, format.TypeAGF, format.TypeAGI, format.TypeAGFL} {
			if n == 0 && ag != 0 {
				continue // not kept up to date
			}
			b, err := agHeader(dev, g, t, ag, n)
			if err != nil {
				return 0, err
			}
			if lsn := t.LSN.Get(b); lsn != ^format.LSN(0) {
				newest = max(newest, cycleOf(lsn))
			}
		}
	}
	return newest, nil
}

// Reset throws the log away, whatever is in it, and makes a fresh and clean one that starts in a
// cycle, which must be higher than that of all LSNs in the volume's metadata. In a fresh volume
// it is 1. A crash in the middle leaves a damaged log.
func Reset(dev device.Device, g *format.Geometry, cycle uint32) error {
	a, err := newArea(dev, dev.Size(), g)
	if err != nil {
		return err
	}
	if cycle <= 1 {
		if err := device.Punch(dev, a.base, int64(a.blocks)<<format.BasicBlockLog); err != nil {
			return err
		}
		if _, err := dev.WriteAt(format.CleanLog(g), a.base); err != nil {
			return err
		}
		return dev.Sync()
	}
	head := lsnOf(cycle, 0)
	w := newWriter(dev, a, newShape(g, 0), head, format.NullLogBlock, head)
	w.cleared = true
	buf := make([]byte, 0, scanUnit<<format.BasicBlockLog)
	for at := 0; at < a.blocks; at += len(buf) >> format.BasicBlockLog {
		buf = buf[:0]
		for n := range min(scanUnit, a.blocks-at) {
			buf = append(buf, w.staleBlock(lsnOf(cycle, at+n))...)
		}
		if _, err := dev.WriteAt(buf, a.base+int64(at)<<format.BasicBlockLog); err != nil {
			return err
		}
	}
	if err := dev.Sync(); err != nil {
		return err
	}
	return w.Unmount()
}
