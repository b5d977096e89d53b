package cow

import (
	"context"
	"errors"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Whoever changes a file in another way than through an Engine first calls Settle, or Discard for a
// range whose contents go, and afterwards Forget; and lets nobody write to the file meanwhile.

// Settle writes back all dirty pages of a file, and gives up what is reserved or allocated for
// more. What the CoW fork on disk has stays.
func (f *File) Settle(ctx context.Context) error {
	err := f.Writeback(ctx, 0, format.MaxFileOff)
	if err == nil {
		err = f.storeSize()
	}
	return errors.Join(err, f.Trim())
}

// storeSize makes the size on disk that in memory, for when the pages that reach so far were
// discarded.
func (f *File) storeSize() error {
	return f.eng.change(func(c *change) error {
		ed, err := c.edit(f)
		if err == nil && ed.Size() < f.Size() {
			ed.SetSize(f.Size())
			ed.Touch(inode.Modified|inode.Changed, c.sec, c.nsec)
		}
		return err
	})
}

// Shrink drops what was written behind byte size, where the file is to end. The size on disk is
// the caller's business.
func (f *File) Shrink(size uint64) error {
	if err := f.Discard(format.FileOff(f.eng.geo.BlocksUp(size)), format.MaxFileOff); err != nil {
		return err
	}
	f.size.Store(size)
	return f.cutStaged(size)
}

// cutStaged zeroes what is staged behind byte size in the block that the file ends in.
func (f *File) cutStaged(size uint64) error {
	bs := uint64(f.eng.geo.BlockSize)
	x, ok := f.cow.from(format.FileOff(size / bs))
	if !ok || uint64(x.Off) > size/bs || x.State != Written || size%bs == 0 {
		return nil
	}
	_, err := f.eng.dev.WriteAt(make([]byte, bs-size%bs), f.eng.geo.Offset(x.Start)+int64(size-uint64(x.Off)*bs))
	return err
}

// CutTail zeroes what the block that a file ends in has behind the end, where other files have that
// block too: the file gets one of its own. That comes after the file was made shorter, so that a
// crash leaves the file as it was or as it will be. Without room the block stays as it is; whoever
// makes the file longer zeroes the rest of it then.
func (f *File) CutTail(ctx context.Context) error {
	size := f.Size()
	block, end := format.FileOff(size/uint64(f.eng.geo.BlockSize)), f.eng.geo.BlocksUp(size)
	if uint64(block) == end {
		return nil
	}
	m, err := f.Begin(block, block+1, ForDirect)
	if err != nil || m.Flags&Shared == 0 {
		return err
	}
	err = f.writeZeroes(size, end*uint64(f.eng.geo.BlockSize))
	if errors.Is(err, space.ErrNoSpace) {
		return nil
	}
	return errors.Join(err, f.Settle(ctx))
}

// Flush writes back all dirty pages, and gives up what is reserved or allocated for more.
func (e *Engine) Flush(ctx context.Context) error {
	err := e.Writeback(ctx)
	for _, f := range e.Files() {
		err = errors.Join(err, f.Settle(ctx))
	}
	return err
}

// Trim gives up what the CoW fork has in memory only, and reservations, where there are no dirty
// pages.
func (f *File) Trim() error {
	f.flush.Lock()
	defer f.flush.Unlock()
	f.waitIdle()
	f.mu.Lock()
	idle := f.cow.empty() && f.data.empty()
	f.mu.Unlock()
	if idle {
		return nil
	}
	all := span{0, format.MaxFileOff}
	err := f.eng.look(func(*change) error {
		f.update(func() {
			f.punchReserved(&f.data, all)
			f.punchReserved(&f.cow, all)
		})
		return nil
	})
	if err != nil {
		return err
	}
	return f.free(all, func(x Extent) bool { return !x.Kept && x.State != Reserved })
}

// Discard drops what was written to a range of a file and is not yet part of it: dirty pages,
// reservations, and what the CoW fork has, on disk too.
func (f *File) Discard(off, end format.FileOff) error {
	f.flush.Lock()
	defer f.flush.Unlock()
	f.waitIdle()
	err := f.eng.look(func(*change) error {
		f.update(func() {
			for _, at := range f.dirtyIn(off, end) {
				f.clean(at).free()
			}
			f.data.cut(off, end)
		})
		return nil
	})
	if err != nil {
		return err
	}
	return f.free(span{off, end}, func(Extent) bool { return true })
}

// Forget drops what is in memory of a file; there must be no dirty pages. What is on disk is read
// when the file is opened again.
func (e *Engine) Forget(ino format.Ino) {
	f := e.Lookup(ino)
	if f == nil {
		return
	}
	f.mu.Lock()
	f.seq++
	f.data, f.cow, f.owed = newExtents(), newExtents(), 0
	f.settleRoom()
	for at := range f.pages {
		f.clean(at)
	}
	f.mu.Unlock()
	e.mu.Lock()
	delete(e.files, ino)
	e.mu.Unlock()
}

// free gives up extents of the CoW fork, a limited number in one transaction.
func (f *File) free(s span, which func(x Extent) bool) error {
	for more := true; more; {
		err := f.eng.change(func(c *change) error {
			var list []Extent
			more = false
			for _, x := range f.cow.in(s.off, s.end) {
				if !which(x) {
					continue
				}
				if more = len(list) == maxRemap; more {
					break
				}
				list = append(list, x)
			}
			if len(list) == 0 {
				return nil
			}
			if err := f.freeExtents(c, list); err != nil {
				return err
			}
			c.then = append(c.then, func() {
				f.update(func() {
					for _, x := range list {
						f.cow.cut(x.Off, x.End)
					}
				})
			})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *File) freeExtents(c *change, list []Extent) error {
	var ed *inode.Editor
	for _, x := range list {
		if x.State == Reserved {
			continue
		}
		if x.Kept {
			var err error
			if ed == nil {
				if ed, err = c.edit(f); err != nil {
					return err
				}
			}
			if err := f.unkeep(c, ed, span{x.Off, x.End}); err != nil {
				return err
			}
		}
		f.eng.counters.cancels.Add(1)
		if err := f.eng.counts.FreeStaging(c.Tx, x.blocks(), true); err != nil {
			return err
		}
	}
	return nil
}

// Abandon frees what is allocated for a file in memory only, as a part of the transaction that takes
// the file's last name away. Forget goes with it.
func (e *Engine) Abandon(tx *txn.Tx, ino format.Ino) error {
	f := e.Lookup(ino)
	if f == nil {
		return nil
	}
	for _, x := range f.cow.in(0, format.MaxFileOff) {
		if x.Kept || x.State == Reserved {
			continue
		}
		if err := e.counts.FreeStaging(tx, x.blocks(), true); err != nil {
			return err
		}
	}
	return nil
}

// FreeFork gives up the CoW fork that a file has on disk, up to most extents of it; more says that
// there is something left for another transaction.
func (s *Forks) FreeFork(tx *txn.Tx, e *inode.Editor, most int) (more bool, err error) {
	if !s.geo.HasCowForks() || e.Mode()&format.ModeType != format.ModeReg {
		return false, nil
	}
	fork, err := s.Open(tx, e)
	if err != nil {
		return false, err
	}
	for range most {
		m, ok, err := fork.From(0)
		if err != nil || !ok {
			return false, err
		}
		if err := fork.Unmap(m, m.Off, m.End()); err != nil {
			return false, err
		}
		if err := s.counts.FreeStaging(tx, space.Extent{Start: m.Start, Count: m.Count}, true); err != nil {
			return false, err
		}
	}
	return !fork.Empty(), nil
}

// Changed says that the file's forks on disk were changed by somebody else.
func (f *File) Changed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
}
