package cow

import (
	"errors"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// maxRemap is how many pieces one transaction completes. Each is completed as a whole.
const maxRemap = 64

// finish completes the pieces of a plan whose data were written: those that were become part of the
// file, and it gets the size that goes with them; what was allocated for the others is freed.
func (p *plan) finish() error {
	written := make(chan int, 1)
	written <- len(p.pieces)
	close(written)
	return p.finishAsWritten(written)
}

// finishAsWritten is finish while data are still being written: written tells of how many pieces,
// from the first one on, they are.
func (p *plan) finishAsWritten(written <-chan int) error {
	defer p.f.endIO()
	var errs []error
	ready := 0
	for i := 0; i < len(p.pieces); {
		n := min(maxRemap, len(p.pieces)-i)
		for ready < i+n {
			ready = <-written
		}
		errs = append(errs, p.finishBatch(i, n)...)
		i += n
	}
	return errors.Join(errs...)
}

// finishBatch completes some pieces within one transaction.
func (p *plan) finishBatch(i, n int) []error {
	f := p.f
	batch := p.pieces[i : i+n]
	end := uint64(0)
	if i+n == len(p.pieces) && !p.more {
		end = p.end()
	}
	err := f.eng.change(func(c *change) error { return f.complete(c, batch, end) })
	if err != nil {
		for k := range batch {
			batch[k].err = errors.Join(batch[k].err, err)
		}
		err = f.eng.change(func(c *change) error { return f.complete(c, batch, 0) })
	}
	if err != nil { // the volume can't be changed any more
		f.update(func() { f.forget(batch) })
	}
	return p.errors(batch)
}

// errors is what went wrong with pieces; neighbours that failed for one reason are one error.
func (p *plan) errors(batch []piece) (list []error) {
	var last *WriteError
	bs := int64(p.f.eng.geo.BlockSize)
	for _, x := range batch {
		switch {
		case x.err == nil:
			last = nil
			continue
		case last != nil && errors.Is(x.err, last.Err) && last.End == int64(x.off)*bs:
			last.End = int64(x.end) * bs
			continue
		}
		last = &WriteError{p.f.Ino, int64(x.off) * bs, int64(x.end) * bs, x.err}
		list = append(list, last)
	}
	return list
}

// end is the byte behind the last piece that was written.
func (p *plan) end() uint64 {
	end := format.FileOff(0)
	for _, x := range p.pieces {
		if x.err == nil {
			end = max(end, x.end)
		}
	}
	return uint64(end) << p.f.eng.geo.BlockLog
}

// complete ends a number of pieces within one transaction. The file's size on disk becomes what it
// is in memory, as far as byte end.
func (f *File) complete(c *change, batch []piece, end uint64) error {
	c.WroteData()
	ed, err := c.edit(f)
	if err != nil {
		return err
	}
	all := batch
	batch = f.still(batch)
	if err := f.unstage(c, ed, batch); err != nil {
		return err
	}
	done := false
	for _, x := range batch {
		if err := f.completeOne(c, ed, x); err != nil {
			return err
		}
		done = done || x.err == nil && x.how != stay
	}
	if size := min(f.Size(), end); size > ed.Size() {
		ed.SetSize(size)
	}
	if done {
		ed.Touch(inode.Modified|inode.Changed, c.sec, c.nsec)
	}
	c.then = append(c.then, func() { f.update(func() { f.forget(all) }) })
	return nil
}

// still leaves out of pieces what the CoW fork doesn't have any more: somebody has cancelled it
// or made it part of the file meanwhile.
func (f *File) still(batch []piece) []piece {
	var out []piece
	for _, x := range batch {
		if x.how == remap && !f.staged(x) {
			f.eng.counters.stale.Add(1)
			x.how, x.fresh = inPlace, false
		}
		out = append(out, x)
	}
	return out
}

// staged reports whether the CoW fork has the blocks of a piece.
func (f *File) staged(x piece) bool {
	y, ok := f.cow.from(x.off)
	return ok && y.Off <= x.off && x.end <= y.End && y.State != Reserved && y.part(x.off, x.end).Start == x.start
}

// unstage ends that the blocks of pieces which are to become part of the file are staged.
func (f *File) unstage(c *change, ed *inode.Editor, batch []piece) error {
	var row space.Extent
	flush := func() error {
		if row.Count == 0 {
			return nil
		}
		return f.eng.counts.RemoveStaging(c.Tx, row)
	}
	for _, x := range batch {
		if x.how != remap || x.err != nil {
			continue
		}
		if x.kept {
			if err := f.unkeep(c, ed, x.span); err != nil {
				return err
			}
		}
		if row.Count > 0 && row.End() == x.start {
			row.Count += uint32(x.blocks())
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		row = space.Extent{Start: x.start, Count: uint32(x.blocks())}
	}
	return flush()
}

// unkeep takes a range away from the CoW fork on disk.
func (f *File) unkeep(c *change, ed *inode.Editor, s span) error {
	fork, err := f.eng.forks.Open(c.Tx, ed)
	for at := s.off; err == nil && at < s.end; {
		m, ok, ferr := fork.From(at)
		if ferr != nil || !ok || m.Off >= s.end {
			return ferr
		}
		at = min(m.End(), s.end)
		err = fork.Unmap(m, max(m.Off, s.off), at)
	}
	return err
}

func (f *File) completeOne(c *change, ed *inode.Editor, x piece) error {
	fork := ed.Fork(inode.Data)
	switch {
	case x.err == nil && x.how == remap:
		f.eng.counters.remaps.Add(1)
		if err := f.punch(c, ed, x.span); err != nil {
			return err
		}
		return fork.AttachNew(format.Mapping{Off: x.off, Start: x.start, Count: uint32(x.blocks())})
	case x.err == nil && x.how == convert:
		m, _, err := fork.From(x.off)
		if err != nil {
			return err
		}
		return fork.Convert(m, x.off, x.end, false)
	case x.err == nil && x.how == stay:
		return f.stays(c, ed, x)
	case x.err == nil || !x.fresh:
		return nil
	case x.how == remap:
		f.eng.counters.cancels.Add(1)
		return f.eng.counts.FreeStaging(c.Tx, space.Extent{Start: x.start, Count: uint32(x.blocks())}, true)
	}
	f.eng.counters.cancels.Add(1)
	return f.punch(c, ed, x.span)
}

// punch takes a range away from the data fork.
func (f *File) punch(c *change, ed *inode.Editor, s span) error {
	fork := ed.Fork(inode.Data)
	for at := s.off; at < s.end; {
		m, ok, err := fork.From(at)
		if err != nil || !ok || m.Off >= s.end {
			return err
		}
		at = min(m.End(), s.end)
		err = ed.Punch(m, max(m.Off, s.off), at, func(m format.Mapping) error {
			return Release(c.Tx, f.eng.groups, f.eng.counts, ed, m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forget drops from memory what is over with pieces.
func (f *File) forget(batch []piece) {
	for _, x := range batch {
		if x.how == remap && (x.fresh || x.err == nil) && f.staged(x) {
			f.cow.cut(x.off, x.end)
		}
		if x.how == stay && x.err == nil {
			for _, y := range f.cow.cut(x.off, x.end) {
				y.State = Written
				f.cow.put(y)
			}
		}
		if x.fresh {
			f.owed -= x.blocks()
		}
		if x.err == nil {
			f.eng.counters.pages.Add(uint64(len(x.pages)))
		}
		for at, page := range x.pages {
			if here := x.off + format.FileOff(at); f.flight[here] == page {
				delete(f.flight, here)
			}
			page.free()
		}
	}
}
