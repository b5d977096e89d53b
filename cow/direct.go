package cow

import (
	"context"
	"errors"
	"math"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// errStale says that a mapping is not true any more.
var errStale = errors.New("mapping is stale")

// WriteDirect writes p at byte off past the page cache. When it returns the data are on the
// device and part of the file. Shared blocks, and holes, get their blocks for the whole range at
// once. What is not aligned to blocks goes through the page cache and is written back.
func (f *File) WriteDirect(ctx context.Context, p []byte, off int64) (int, error) {
	bs := int64(f.eng.geo.BlockSize)
	if off >= 0 && (off%bs != 0 || int64(len(p))%bs != 0) {
		n, err := f.Write(p, off)
		if err == nil {
			err = f.WritebackBytes(ctx, off, int64(n))
		}
		return n, err
	}
	return f.past(ctx, p, off, false)
}

// WriteDAX writes p at byte off as to memory that the file lies in: of blocks that others share,
// the new ones get what p doesn't cover copied from the old ones, and blocks of the file's own are
// written byte by byte.
func (f *File) WriteDAX(ctx context.Context, p []byte, off int64) (int, error) {
	return f.past(ctx, p, off, true)
}

// past writes past the page cache, from which the range is written back before.
func (f *File) past(ctx context.Context, p []byte, off int64, bytes bool) (n int, err error) {
	if off < 0 || int64(len(p)) > math.MaxInt64-off {
		return 0, ErrTooLarge
	}
	if len(p) == 0 {
		return 0, nil
	}
	from := min(int64(f.Size()), off)
	if err := f.zeroGap(uint64(off)); err != nil {
		return 0, err
	}
	if err := f.WritebackBytes(ctx, from, off+int64(len(p))-from); err != nil {
		return 0, err
	}
	flushed := false
	for n < len(p) && err == nil {
		var k int
		w := &direct{f: f, p: p[n:], off: off + int64(n), bytes: bytes}
		switch k, err = w.write(ctx); {
		case errors.Is(err, errStale):
			err = nil
		case errors.Is(err, space.ErrNoSpace) && k == 0 && !flushed:
			// As in writePart: a writeback may give back some of what was promised.
			flushed, err = true, f.eng.Flush(ctx)
		case err != nil:
			err = &WriteError{f.Ino, off + int64(n+k), off + int64(len(p)), err}
		}
		n += k
	}
	return n, err
}

// direct is a write past the page cache that goes on.
type direct struct {
	f     *File
	p     []byte
	off   int64 // in bytes
	bytes bool  // p need not be whole blocks
}

// write writes as much as it can at once. Where the file has blocks of its own the lookup is all
// that is needed; what it found is used only if nothing has changed until the writing begins.
func (w *direct) write(ctx context.Context) (n int, err error) {
	f := w.f
	s := f.blocksOf(w.off, int64(len(w.p)))
	m, err := f.Begin(s.off, s.end, ForDirect)
	if err != nil {
		return 0, err
	}
	f.eng.pause("direct")
	f.flush.Lock()
	defer f.flush.Unlock()
	if m.Kind == Mapped && m.Flags&(Shared|Cow) == 0 {
		return w.inPlace(m)
	}
	var p *plan
	err = f.eng.change(func(c *change) error {
		if !f.valid(m) {
			return errStale
		}
		ed, err := c.edit(f)
		if err == nil {
			_, err = f.eng.left(c) // which is what there is before the plan takes of it
		}
		if err == nil {
			p, err = f.plan(c, ed, []span{s})
		}
		if err == nil {
			err = f.afford(c, p.unreserved())
		}
		if err == nil {
			c.then = append(c.then, func() { p.begin(false) })
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return w.run(ctx, p)
}

// inPlace writes to blocks that need no change.
func (w *direct) inPlace(m Iomap) (n int, err error) {
	f := w.f
	err = f.eng.look(func(c *change) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.valid(m) {
			return errStale
		}
		c.WillWriteData(f.eng.geo.Offset(m.Start), int64(m.End-m.Off)<<f.eng.geo.BlockLog)
		f.startIO()
		return nil
	})
	if err != nil {
		return 0, err
	}
	defer f.endIO()
	bs := int64(f.eng.geo.BlockSize)
	b := w.p[:min(int64(len(w.p)), int64(m.End)*bs-w.off)]
	f.eng.counters.ios.Add(1)
	if _, err := f.eng.dev.WriteAt(b, f.eng.geo.Offset(m.Start)+w.off-int64(m.Off)*bs); err != nil {
		return 0, err
	}
	f.grow(uint64(w.off) + uint64(len(b)))
	return len(b), f.eng.change(func(c *change) error {
		c.WroteData()
		ed, err := c.edit(f)
		if err != nil {
			return err
		}
		if size := uint64(w.off) + uint64(len(b)); size > ed.Size() {
			ed.SetSize(size)
		}
		ed.Touch(inode.Modified|inode.Changed, c.sec, c.nsec)
		return nil
	})
}

// run writes what was planned, and completes it.
func (w *direct) run(ctx context.Context, p *plan) (n int, err error) {
	bs := int64(w.f.eng.geo.BlockSize)
	end := w.off // as far as all has been written
	for i := range p.pieces {
		x := &p.pieces[i]
		lo, hi := max(w.off, int64(x.off)*bs), min(w.off+int64(len(w.p)), int64(x.end)*bs)
		if x.err = ctx.Err(); x.err == nil {
			x.err = w.put(x, lo, hi)
		}
		if x.err == nil && lo == end {
			end = hi
		}
	}
	if end > w.off {
		w.f.grow(uint64(end))
	}
	err = p.finish()
	if err == nil && end < w.off+int64(len(w.p)) && !p.more && p.short != nil {
		err = p.short
	}
	if err != nil {
		end = w.off
		for _, x := range p.pieces {
			if x.err != nil || int64(x.off)*bs > end {
				break
			}
			end = min(w.off+int64(len(w.p)), int64(x.end)*bs)
		}
	}
	return int(end - w.off), err
}

// put writes bytes lo to hi of the file, which lie in a piece. The rest of the first and the last
// block comes from where the file has had them, unless the blocks have it already.
func (w *direct) put(x *piece, lo, hi int64) error {
	f := w.f
	bs := int64(f.eng.geo.BlockSize)
	b := w.p[lo-w.off : hi-w.off]
	disk := f.eng.geo.Offset(x.start) - int64(x.off)*bs // of byte 0
	write := func(b []byte, at int64) error {
		if len(b) == 0 {
			return nil
		}
		f.eng.counters.ios.Add(1)
		_, err := f.eng.dev.WriteAt(b, disk+at)
		return err
	}
	if x.full {
		return write(b, lo)
	}
	for _, edge := range []int64{lo, hi} {
		first := edge / bs * bs
		if edge == first || edge == hi && first < lo {
			continue // whole blocks; or the block was written with the other edge
		}
		block := make([]byte, bs)
		if err := f.source(x.from, format.FileOff(first/bs), block); err != nil {
			return err
		}
		from, to := max(lo, first), min(hi, first+bs)
		copy(block[from-first:], b[from-lo:to-lo])
		if err := write(block, first); err != nil {
			return err
		}
	}
	mid, end := (lo+bs-1)/bs*bs, hi/bs*bs
	if mid >= end {
		return nil
	}
	return write(b[mid-lo:end-lo], mid)
}
