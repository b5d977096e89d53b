package cow

import (
	"context"
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// A write can be taken through its stages by hand:
//
//	Reserve   promises blocks of the CoW fork, in memory
//	Allocate  gives it blocks, on disk
//	WriteOut  writes dirty pages to them
//	Remap     makes them part of the file
//	Cancel    drops them, at any stage
//
// From Allocate on the stages outlast the process: another one can go on.

// Errors of stages.
var (
	// ErrBeyondEnd says that a write can't be staged because it would make the file longer: where
	// a file ends is not staged. Make it longer first.
	ErrBeyondEnd = errors.New("a staged write must lie within the file")
	// ErrNotAllocated says that there are no staged blocks to write to.
	ErrNotAllocated = errors.New("no blocks are allocated in the CoW fork")
)

// within checks that a range of bytes can be staged, and gives its blocks. A range that ends with
// the file may be given longer.
func (f *File) within(off, n int64) (span, error) {
	bs := uint64(f.eng.geo.BlockSize)
	last := format.FileOff((f.Size() + bs - 1) / bs)
	if off < 0 || n < 0 {
		return span{}, ErrTooLarge
	}
	s := f.blocksOf(off, n)
	s.end = min(s.end, last)
	if s.off >= s.end {
		return span{}, fmt.Errorf("inode %d: byte %d of %d: %w", f.Ino, off, f.Size(), ErrBeyondEnd)
	}
	return s, nil
}

// Reserve reserves blocks of the CoW fork for a range of bytes, whatever the data fork has there.
func (f *File) Reserve(off, n int64) error {
	s, err := f.within(off, n)
	if err != nil {
		return err
	}
	for at := s.off; at < s.end; {
		m, err := f.Begin(at, s.end, ForStage)
		if err != nil {
			return err
		}
		at = m.End
	}
	return nil
}

// Allocate gives blocks to what is reserved of the CoW fork in a range of bytes, and stores it in
// the CoW fork on disk.
func (f *File) Allocate(off, n int64) error {
	s, err := f.within(off, n)
	if err != nil {
		return err
	}
	f.flush.Lock()
	defer f.flush.Unlock()
	for more := true; more; {
		var short error
		err := f.eng.change(func(c *change) error {
			p := &plan{f: f, c: c}
			var err error
			if p.ed, err = c.edit(f); err != nil {
				return err
			}
			more, err = p.keep(f.reservedIn(s))
			short = p.short
			return err
		})
		if err = errors.Join(err, short); err != nil {
			return fmt.Errorf("inode %d: %w", f.Ino, err)
		}
	}
	return nil
}

// reservedIn is what the CoW fork has reserved in a range.
func (f *File) reservedIn(s span) (list []span) {
	for _, x := range f.cow.in(s.off, s.end) {
		if x.State == Reserved {
			list = append(list, span{x.Off, x.End})
		}
	}
	return list
}

// keep allocates for ranges of the CoW fork, and stores them in the one on disk.
func (p *plan) keep(want []span) (more bool, err error) {
	f := p.f
	if more = len(want) > maxFill; more {
		want = want[:maxFill]
	}
	fork, err := f.eng.forks.Open(p.c.Tx, p.ed)
	if err != nil {
		return false, err
	}
	stage := func(r space.Request) (space.Extent, error) { return f.eng.counts.AllocStaging(p.c.Tx, r) }
	err = p.allocate(want, stage, func(x Extent) error {
		x.Kept = true
		p.staged = append(p.staged, x)
		return fork.Map(x.mapping())
	})
	p.c.then = append(p.c.then, func() {
		f.update(func() {
			for _, x := range p.staged {
				f.cow.cut(x.Off, x.End)
				f.cow.put(x)
			}
		})
	})
	return more, err
}

// WriteOut writes the dirty pages of a range of bytes to blocks that the CoW fork on disk has for
// them. They do not become part of the file.
func (f *File) WriteOut(ctx context.Context, off, n int64) error {
	s := f.blocksOf(off, n)
	f.flush.Lock()
	defer f.flush.Unlock()
	p := &plan{f: f}
	err := f.eng.change(func(c *change) error {
		f.mu.Lock()
		dirty := f.dirtyIn(s.off, s.end)
		f.mu.Unlock()
		p.c, p.pieces = c, nil
		for _, r := range joined(dirty) {
			for at := r.off; at < r.end; {
				x, ok := f.cow.from(at)
				if !ok || x.Off > at || !x.Kept {
					return fmt.Errorf("inode %d: block %d: %w", f.Ino, at, ErrNotAllocated)
				}
				x = x.part(at, min(x.End, r.end))
				p.pieces = append(p.pieces, piece{span: span{x.Off, x.End}, how: stay, start: x.Start})
				at = x.End
			}
		}
		c.then = append(c.then, func() { p.begin(true) })
		return nil
	})
	if err != nil {
		return err
	}
	p.write(ctx, func(int) {})
	return p.finish()
}

// stays notes in the CoW fork on disk that a piece has its data.
func (f *File) stays(c *change, ed *inode.Editor, x piece) error {
	fork, err := f.eng.forks.Open(c.Tx, ed)
	for at := x.off; err == nil && at < x.end; {
		m, ok, ferr := fork.From(at)
		if ferr != nil || !ok || m.Off >= x.end {
			return ferr
		}
		from := at
		if at = min(m.End(), x.end); m.Unwritten {
			err = fork.Convert(m, max(m.Off, from), at, false)
		}
	}
	return err
}

// Stage writes p at byte off, within the file, to the CoW fork on disk. The file stays as it is
// until Remap.
func (f *File) Stage(ctx context.Context, p []byte, off int64) (n int, err error) {
	if off < 0 || uint64(off)+uint64(len(p)) > f.Size() {
		return 0, fmt.Errorf("inode %d: bytes %d to %d: %w", f.Ino, off, off+int64(len(p)), ErrBeyondEnd)
	}
	// What is in memory of these blocks becomes part of the file first, and is not staged along.
	if err := f.WritebackBytes(ctx, off, int64(len(p))); err != nil {
		return 0, err
	}
	const most = 16 << 20
	for n < len(p) && err == nil {
		part := p[n:min(len(p), n+most)]
		at, size := off+int64(n), int64(len(part))
		if err = f.Reserve(at, size); err == nil {
			err = f.Allocate(at, size)
		}
		if err == nil {
			_, err = f.write(part, at, false)
		}
		if err == nil {
			err = f.WriteOut(ctx, at, size)
		}
		if err == nil {
			n += len(part)
		}
	}
	return n, err
}

// Remap makes what is written of the CoW fork in a range of bytes part of the file.
func (f *File) Remap(off, n int64) error {
	s := f.blocksOf(off, n)
	f.flush.Lock()
	defer f.flush.Unlock()
	f.waitIdle()
	p := &plan{f: f}
	err := f.eng.look(func(c *change) error {
		for _, x := range f.cow.in(s.off, s.end) {
			if x.State == Written {
				p.pieces = append(p.pieces, piece{span: span{x.Off, x.End}, how: remap, start: x.Start, kept: x.Kept})
			}
		}
		f.mu.Lock()
		f.startIO()
		f.mu.Unlock()
		return nil
	})
	if err != nil {
		return err
	}
	return p.finish()
}

// Cancel drops what the CoW fork has in a range of bytes, with the dirty pages that were to go
// there.
func (f *File) Cancel(off, n int64) error {
	s := f.blocksOf(off, n)
	f.flush.Lock()
	defer f.flush.Unlock()
	f.waitIdle()
	err := f.eng.look(func(*change) error {
		f.update(func() {
			for _, x := range f.cow.in(s.off, s.end) {
				for _, at := range f.dirtyIn(x.Off, x.End) {
					f.clean(at).free()
				}
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	return f.free(s, func(Extent) bool { return true })
}

// Extents lists what the CoW fork has.
func (f *File) Extents() (list []Extent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cow.in(0, format.MaxFileOff)
}

// Delayed lists what is reserved for holes of the data fork.
func (f *File) Delayed() (list []Extent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.data.in(0, format.MaxFileOff)
}
