package cow

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cowfs/cowfs/format"
)

// WriteError says that data of a file could not be written, or not be made a part of it. The file
// is there as it was before the write, unless its own blocks were written in place.
type WriteError struct {
	Ino      format.Ino
	Off, End int64 // the range in bytes
	Err      error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("inode %d: bytes %d to %d: %v", e.Ino, e.Off, e.End, e.Err)
}

// Unwrap is what went wrong.
func (e *WriteError) Unwrap() error { return e.Err }

// Writeback writes all dirty pages of all files back. Data of several files are written at a time;
// all that changes metadata happens in the order of inode numbers, so that the same writes give the
// same image whenever they are made.
func (e *Engine) Writeback(ctx context.Context) error {
	var errs []error
	var running []*writeback // oldest first
	wait := func(n int) {
		for len(running) > n {
			errs = append(errs, running[0].wait())
			running = running[1:]
		}
	}
	for _, f := range e.Files() {
		if f.Dirty() {
			wait(parallel - 1)
			running = append(running, f.startWriteback(ctx, span{0, format.MaxFileOff}))
		}
	}
	wait(0)
	return errors.Join(errs...)
}

// parallel is how many files are written back at a time.
const parallel = 4

// WritebackBytes writes back the dirty pages of a range of bytes.
func (f *File) WritebackBytes(ctx context.Context, off, n int64) error {
	s := f.blocksOf(off, n)
	return f.Writeback(ctx, s.off, s.end)
}

// blocksOf is the blocks that a range of bytes touches.
func (f *File) blocksOf(off, n int64) span {
	bs := int64(f.eng.geo.BlockSize)
	end := off + min(n, math.MaxInt64-off-bs)
	return span{format.FileOff(off / bs), format.FileOff((end + bs - 1) / bs)}
}

// Writeback writes the dirty pages between two blocks back: neighbours go to one extent, extents
// get their blocks with as few calls of the allocator as possible, and become a part of the file
// when the data are written. Pages that there is no space for stay dirty, and their blocks
// reserved. Pages that can't be written are dropped: the file is as before. Errors of writing
// are WriteErrors.
func (f *File) Writeback(ctx context.Context, off, end format.FileOff) error {
	return f.startWriteback(ctx, span{off, end}).wait()
}

// writeback is the writing back of a range of a file.
type writeback struct {
	span
	f       *File
	ctx     context.Context
	p       *plan    // whose data are being written; nil: nothing is left to write
	written chan int // how many pieces of it are
	errs    []error
}

// startWriteback begins to write dirty pages. The file can't be written back by another until wait
// has returned. Who has begun with several files has done so in the order of their numbers.
func (f *File) startWriteback(ctx context.Context, s span) *writeback {
	f.flush.Lock()
	w := &writeback{span: s, f: f, ctx: ctx}
	w.next()
	return w
}

// next plans what is dirty, and begins to write it.
func (w *writeback) next() {
	p, err := w.f.planDirty(w.off, w.end)
	if err != nil {
		w.errs = append(w.errs, err)
		p = nil
	}
	if w.p = p; p == nil {
		return
	}
	written := make(chan int, len(p.pieces))
	w.written = written
	go p.write(w.ctx, func(n int) { written <- n })
}

// wait completes what is being written, and what one plan left to the next.
func (w *writeback) wait() error {
	defer w.f.flush.Unlock()
	for w.p != nil {
		p := w.p
		if err := p.finishAsWritten(w.written); err != nil {
			w.errs = append(w.errs, err)
		}
		if p.short != nil {
			bs := int64(w.f.eng.geo.BlockSize)
			end := int64(min(uint64(w.end)*uint64(bs), w.f.Size()))
			w.errs = append(w.errs, &WriteError{w.f.Ino, int64(w.off) * bs, end, p.short})
		}
		if w.p = nil; p.more && len(p.pieces) > 0 && w.ctx.Err() == nil {
			w.next()
		}
	}
	return errors.Join(w.errs...)
}

// planDirty plans the writeback of dirty pages, and takes them; nil if there are none.
func (f *File) planDirty(off, end format.FileOff) (p *plan, err error) {
	if !f.Dirty() {
		return nil, nil
	}
	err = f.eng.change(func(c *change) (err error) {
		f.mu.Lock()
		dirty := f.dirtyIn(off, end)
		f.mu.Unlock()
		if p = nil; len(dirty) == 0 {
			return nil
		}
		ed, err := c.edit(f)
		if err != nil {
			return err
		}
		p, err = f.plan(c, ed, joined(dirty))
		if err == nil {
			c.then = append(c.then, func() { p.begin(true) })
		}
		return err
	})
	return p, err
}

// joined is blocks, which are in order, as ranges.
func joined(list []format.FileOff) (out []span) {
	for _, at := range list {
		if n := len(out); n > 0 && out[n-1].end == at {
			out[n-1].end++
		} else {
			out = append(out, span{at, at + 1})
		}
	}
	return out
}

// maxIO is the size in bytes up to which pieces that lie in a row on the device are written
// together.
const maxIO = 1 << 20

// write writes the data of all pieces, in order. What goes wrong is noted in them. done learns of how
// many pieces, from the first one on, the data are written.
func (p *plan) write(ctx context.Context, done func(n int)) {
	var buf []byte
	for i := 0; i < len(p.pieces); {
		n := p.row(i)
		if err := ctx.Err(); err != nil {
			p.fail(i, i+n, err)
		} else {
			buf = p.writeRow(i, i+n, buf)
		}
		i += n
		done(i)
	}
}

func (p *plan) fail(from, to int, err error) {
	for i := from; i < to; i++ {
		p.pieces[i].err = err
	}
}

// row is the number of pieces from the i-th on that lie in a row on the device and are written
// together.
func (p *plan) row(i int) (n int) {
	x := p.pieces[i]
	total := x.blocks()
	for n = 1; i+n < len(p.pieces); n++ {
		y := p.pieces[i+n]
		if y.start != x.start+format.FSBlock(total) || (total+y.blocks())<<p.f.eng.geo.BlockLog > maxIO {
			break
		}
		total += y.blocks()
	}
	return n
}

// writeRow writes pieces that lie in a row, in as few writes as their memory allows; buf is for
// those that are in pieces there.
func (p *plan) writeRow(from, to int, buf []byte) []byte {
	f := p.f
	if x := &p.pieces[from]; x.data != nil {
		x.err = f.writeData(x.data, x.start)
		return buf
	}
	start := p.pieces[from].start
	first := from // of the pieces that buf has something of
	buf = buf[:0]
	flush := func(i int) {
		if len(buf) > 0 {
			if err := f.writeData(buf, start); err != nil {
				p.fail(first, i+1, err)
			}
			start += format.FSBlock(len(buf) >> f.eng.geo.BlockLog)
		}
		buf, first = buf[:0], i
	}
	for i := from; i < to; i++ {
		x := &p.pieces[i]
		for k := 0; k < len(x.pages); {
			n := inARow(x.pages[k:])
			mem := x.pages[k].run.mem[x.pages[k].at<<f.eng.geo.BlockLog:][:n<<f.eng.geo.BlockLog]
			k += n
			if len(mem) < maxIO/4 && len(buf)+len(mem) <= maxIO {
				buf = append(buf, mem...)
				continue
			}
			flush(i)
			if len(mem) < maxIO/4 {
				buf = append(buf, mem...)
				continue
			}
			if err := f.writeData(mem, start); err != nil {
				x.err = err
			}
			start += format.FSBlock(n)
		}
	}
	flush(to - 1)
	return buf
}

// inARow is how many pages lie in a row in memory.
func inARow(pages []*page) int {
	n := 1
	for n < len(pages) && pages[n].follows(pages[n-1]) {
		n++
	}
	return n
}

// writeData writes file data to blocks.
func (f *File) writeData(b []byte, start format.FSBlock) error {
	f.eng.counters.ios.Add(1)
	_, err := f.eng.dev.WriteAt(b, f.eng.geo.Offset(start))
	return err
}
