package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// ErrNotRegular says that only a regular file will do.
var ErrNotRegular = cow.ErrNotRegular

// ErrTooLarge says that a file would become larger than files can be.
var ErrTooLarge = cow.ErrTooLarge

// onFile runs changes of a regular file, one after the other until f says that it is done.
// Each is a transaction, which f may be called for again; see change. What was written to the
// file is written back before.
func (w *Writer) onFile(name, path string, f func(o *op, e *inode.Editor) (done bool, err error)) error {
	return w.onPrepared(name, path, func(*cow.File) error { return nil }, f)
}

// onPrepared is onFile, but that prepare first deals with what was written to the file and is not
// in place yet.
func (w *Writer) onPrepared(name, path string, prepare func(c *cow.File) error, f func(o *op, e *inode.Editor) (done bool, err error)) error {
	return w.withFile(name, path, func(c *cow.File) error { return w.changePrepared(c, prepare, f) })
}

func (w *Writer) changePrepared(c *cow.File, prepare func(c *cow.File) error, f func(o *op, e *inode.Editor) (done bool, err error)) error {
	if err := prepare(c); err != nil {
		return err
	}
	if err := c.Settle(context.Background()); err != nil {
		return err
	}
	defer w.cow.Forget(c.Ino)
	for done := false; !done; {
		err := w.change(func(o *op) error {
			e, err := o.edit(c.Ino)
			if err == nil {
				done, err = f(o, e)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// isShared reports whether blocks of a mapping belong to other files too.
func (o *op) isShared(e *inode.Editor, m format.Mapping) (bool, error) {
	if format.DiFlags2.Get(e.Raw())&format.Flag2Reflink == 0 {
		return false, nil
	}
	shared, err := o.counts.FindShared(o.tx, space.Extent{Start: m.Start, Count: m.Count})
	return shared.Count > 0, err
}

// cutTail sees to it that nothing of what a file had shows behind its new end, in the block that
// it ends in. The kernel shows that block to programs that map the file, and whoever makes the
// file longer zeroes it anyway; so it can wait until a crash won't bring the old size back. Blocks
// of other files are for cow.File.CutTail.
func (o *op) cutTail(e *inode.Editor, size int64) error {
	bs := int64(o.Geo.BlockSize)
	block := format.FileOff(size / bs)
	m, ok, err := e.Fork(inode.Data).From(block)
	if err != nil || !ok || m.Off > block || m.Unwritten || size%bs == 0 {
		return err
	}
	at := m.Start + format.FSBlock(block-m.Off)
	if shared, err := o.isShared(e, part(m, at, at+1)); shared || err != nil {
		return err
	}
	o.tx.ZeroLater(o.Geo.Offset(at)+size%bs, bs-size%bs)
	return nil
}

// Truncate makes a file size bytes long: what lies behind is gone, what is new reads as zeroes.
func (w *Writer) Truncate(path string, size int64) error {
	if size < 0 {
		return &fs.PathError{Op: "truncate", Path: path, Err: fs.ErrInvalid}
	}
	bs := int64(w.Geo.BlockSize)
	prepare := func(c *cow.File) error {
		if uint64(size) > c.Size() {
			return c.Extend(uint64(size))
		}
		return c.Shrink(uint64(size))
	}
	first, grows := true, false
	cut := func(o *op, e *inode.Editor) (bool, error) {
		if first {
			if grows = size > int64(e.Size()); !grows {
				if err := o.cutTail(e, size); err != nil {
					return false, err
				}
			}
			e.SetSize(uint64(size))
			o.touch(e, inode.Modified|inode.Changed)
		}
		more, err := o.freeData(e, format.FileOff((size+bs-1)/bs), perChange)
		if err == nil {
			first = false
		}
		return !more, err
	}
	return w.withFile("truncate", path, func(c *cow.File) error {
		if err := w.changePrepared(c, prepare, cut); err != nil || grows {
			return err
		}
		c, err := w.cow.Open(c.Ino)
		if err == nil {
			err = c.CutTail(context.Background())
		}
		return err
	})
}

// Fallocate gives a range of a file blocks where it has none; they read as zeroes. keepSize
// lets it reach beyond the end of the file without making the file longer.
func (w *Writer) Fallocate(path string, off, n int64, keepSize bool) error {
	if off < 0 || n <= 0 || n > math.MaxInt64-off {
		return &fs.PathError{Op: "fallocate", Path: path, Err: fs.ErrInvalid}
	}
	prepare := func(c *cow.File) error { return w.prepareAllocate(c, off, off+n, keepSize) }
	return w.onPrepared("fallocate", path, prepare, func(o *op, e *inode.Editor) (bool, error) {
		return o.allocate(e, off, off+n, keepSize)
	})
}

// prepareAllocate makes what a file has behind its end zero, as far as it is to grow, and sees that
// nobody's blocks are taken that were promised to a write. What can't succeed changes nothing.
func (w *Writer) prepareAllocate(c *cow.File, off, end int64, keepSize bool) error {
	if err := w.mayAllocate(c.Ino, off, end); err != nil {
		return err
	}
	if !keepSize && uint64(end) > c.Size() {
		if err := c.Extend(uint64(end)); err != nil {
			return err
		}
	}
	ok, err := w.cow.Room(uint64(end-off) >> w.Geo.BlockLog)
	if ok || err != nil {
		return err
	}
	return w.cow.Flush(context.Background())
}

// mayAllocate compares the holes in a range of bytes of a file with the room that there is.
func (w *Writer) mayAllocate(ino format.Ino, off, end int64) error {
	tx, err := w.store.Begin()
	if err != nil {
		return err
	}
	defer tx.Cancel()
	o := &op{Writer: w, tx: tx}
	room, err := w.groups.Room(tx)
	if err != nil {
		return err
	}
	e, err := o.edit(ino)
	if err != nil {
		return err
	}
	f := e.Fork(inode.Data)
	need := uint64(0)
	at, last := format.FileOff(uint64(off)>>w.Geo.BlockLog), format.FileOff(w.Geo.BlocksUp(uint64(end)))
	for at < last && need <= room {
		m, ok, err := f.From(at)
		if err != nil {
			return err
		}
		if !ok {
			m.Off = last
		}
		if m.Off > at {
			need += uint64(min(m.Off, last) - at)
		}
		at = max(at+1, m.End())
		if !ok {
			break
		}
	}
	if need > room {
		return fmt.Errorf("%w: of %d blocks wanted %d can be had", space.ErrNoSpace, need, room)
	}
	return nil
}

// allocate gives blocks to a range of bytes as far as one transaction may, and in the end the
// size that the file has then.
func (o *op) allocate(e *inode.Editor, off, end int64, keepSize bool) (done bool, err error) {
	bs := int64(o.Geo.BlockSize)
	at, last := format.FileOff(off/bs), format.FileOff((end+bs-1)/bs)
	f := e.Fork(inode.Data)
	for i := 0; at < last; {
		m, ok, err := f.From(at)
		if err != nil {
			return false, err
		}
		if ok && m.Off <= at {
			at = m.End()
			continue
		}
		hole := last
		if ok {
			hole = min(last, m.Off)
		}
		if i++; i > perChange {
			return false, nil
		}
		if m, err = f.Grow(at, 1, uint32(min(uint64(hole-at), format.MaxExtentLen)), true, true); err != nil {
			return false, err
		}
		at = m.End()
	}
	if !keepSize && uint64(end) > e.Size() {
		e.SetSize(uint64(end))
	}
	b := e.Modify()
	format.DiFlags.Put(b, format.DiFlags.Get(b)|format.FlagPrealloc)
	o.touch(e, inode.Modified|inode.Changed)
	return true, nil
}

// Punch makes a range of a file a hole, as far as its blocks lie in the range as a whole; the
// rest of it is zeroed. The size stays.
func (w *Writer) Punch(path string, off, n int64) error {
	if off < 0 || n <= 0 || n > math.MaxInt64-off {
		return &fs.PathError{Op: "punch", Path: path, Err: fs.ErrInvalid}
	}
	bs := int64(w.Geo.BlockSize)
	at, end := format.FileOff((off+bs-1)/bs), format.FileOff((off+n)/bs)
	prepare := func(c *cow.File) error { return w.clearRange(c, off, off+n) }
	return w.onPrepared("punch", path, prepare, func(o *op, e *inode.Editor) (bool, error) {
		f := e.Fork(inode.Data)
		from := at
		for range perChange {
			m, ok, err := f.From(from)
			if err != nil {
				return false, err
			}
			if !ok || m.Off >= end || from >= end {
				o.touch(e, inode.Modified|inode.Changed)
				return true, nil
			}
			lo, hi := max(m.Off, from), min(m.End(), end)
			if err := e.Punch(m, lo, hi, func(m format.Mapping) error { return o.release(e, m) }); err != nil {
				return false, err
			}
			from = hi
		}
		return false, nil
	})
}

// clearRange zeroes the parts of a range of bytes that are not whole blocks, and drops what was
// written to the others.
func (w *Writer) clearRange(c *cow.File, off, end int64) error {
	bs := int64(w.Geo.BlockSize)
	first, last := (off+bs-1)/bs*bs, end/bs*bs
	if first > last { // all in one block
		return c.Zero(off, end-off)
	}
	if err := c.Discard(format.FileOff(first/bs), format.FileOff(last/bs)); err != nil {
		return err
	}
	return errors.Join(c.Zero(off, first-off), c.Zero(last, end-last))
}

// ZeroRange makes a range of a file read as zeroes, and gives it blocks where it has none.
// keepSize is as in Fallocate.
func (w *Writer) ZeroRange(path string, off, n int64, keepSize bool) error {
	if off < 0 || n <= 0 || n > math.MaxInt64-off {
		return &fs.PathError{Op: "zero", Path: path, Err: fs.ErrInvalid}
	}
	end := off + n
	bs := int64(w.Geo.BlockSize)
	at, last := format.FileOff((off+bs-1)/bs), format.FileOff(end/bs)
	prepare := func(c *cow.File) error {
		if err := w.mayAllocate(c.Ino, off, end); err != nil {
			return err
		}
		if err := w.clearRange(c, off, end); err != nil {
			return err
		}
		return w.prepareAllocate(c, off, end, keepSize)
	}
	return w.onPrepared("zero", path, prepare, func(o *op, e *inode.Editor) (bool, error) {
		if done, err := o.unwrite(e, at, last); !done || err != nil {
			return false, err
		}
		return o.allocate(e, off, end, keepSize)
	})
}

// unwrite makes blocks of a file unwritten, so that they read as zeroes, as far as one
// transaction may. Those that other files have too become holes.
func (o *op) unwrite(e *inode.Editor, at, end format.FileOff) (done bool, err error) {
	f := e.Fork(inode.Data)
	for i := 0; at < end; {
		m, ok, err := f.From(at)
		if err != nil || !ok || m.Off >= end {
			return err == nil, err
		}
		from, to := max(m.Off, at), min(m.End(), end)
		at = to
		if m.Unwritten {
			continue
		}
		if i++; i > perChange {
			return false, nil
		}
		blocks := part(m, m.Start+format.FSBlock(from-m.Off), m.Start+format.FSBlock(to-m.Off))
		shared, err := o.isShared(e, blocks)
		switch {
		case err != nil:
		case shared:
			err = e.Punch(m, from, to, func(m format.Mapping) error { return o.release(e, m) })
		default:
			err = f.Convert(m, from, to, true)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
