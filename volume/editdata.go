package volume

import (
	"errors"
	"io"
	"io/fs"
	"math"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// ErrShared says that blocks are shared with another file, so that they can't be written in
// place.
var ErrShared = errors.New("blocks are shared with another file")

// ErrNotRegular says that only a regular file will do.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge says that a file would become larger than files can be.
var ErrTooLarge = errors.New("file too large")

// maxPerWrite is how many bytes of file data one transaction writes.
const maxPerWrite = 16 << 20

// onFile runs changes of a regular file, one after the other until f says that it is done.
// Each is a transaction, which f may be called for again; see change.
func (w *Writer) onFile(name, path string, f func(o *op, e *inode.Editor) (done bool, err error)) error {
	w.one.Lock()
	defer w.one.Unlock()
	for done := false; !done; {
		err := w.change(func(o *op) error {
			e, err := o.find(name, path, true)
			switch {
			case err != nil:
				return err
			case e.Mode()&format.ModeType != format.ModeReg:
				return ErrNotRegular
			}
			done, err = f(o, e)
			return err
		})
		if err != nil {
			return pathError(name, path, err)
		}
	}
	return nil
}

// WriteAt writes data to a file at byte off, which may lie behind its end.
func (w *Writer) WriteAt(path string, p []byte, off int64) error {
	if off < 0 || int64(len(p)) > math.MaxInt64-off {
		return &fs.PathError{Op: "write", Path: path, Err: ErrTooLarge}
	}
	if len(p) == 0 {
		return nil
	}
	return w.onFile("write", path, func(o *op, e *inode.Editor) (bool, error) {
		n, err := o.write(e, p[:min(len(p), maxPerWrite)], off)
		if err != nil {
			return false, err
		}
		p, off = p[n:], off+int64(n)
		return len(p) == 0, nil
	})
}

// ReadFrom writes what r has to a file from byte off on, and returns the number of bytes.
func (w *Writer) ReadFrom(path string, r io.Reader, off int64) (n int64, err error) {
	buf := make([]byte, 4<<20)
	for {
		k, err := io.ReadFull(r, buf)
		if k > 0 {
			if err := w.WriteAt(path, buf[:k], off+n); err != nil {
				return n, err
			}
			n += int64(k)
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return n, nil
		default:
			return n, err
		}
	}
}

// write writes data within one transaction, and returns how much of it. All is mapped before any
// of it is written, so that a write that fails has changed nothing.
func (o *op) write(e *inode.Editor, p []byte, off int64) (n int, err error) {
	if err := o.zeroTail(e, off); err != nil {
		return 0, err
	}
	f := e.Fork(inode.Data)
	bs := int64(o.Geo.BlockSize)
	for i := 0; n < len(p) && i < perChange; i++ {
		at := off + int64(n)
		block := format.FileOff(at / bs)
		end := format.FileOff((off + int64(len(p)) + bs - 1) / bs)
		m, fresh, err := o.writable(e, f, block, end)
		if err != nil {
			return 0, err
		}
		to := min(int64(m.End())*bs, off+int64(len(p)))
		piece := p[n : n+int(to-at)]
		o.data = append(o.data, func() error { return o.put(m, piece, at, fresh) })
		n += len(piece)
	}
	if size := uint64(off) + uint64(n); size > e.Size() {
		e.SetSize(size)
	}
	o.touch(e, inode.Modified|inode.Changed)
	return n, nil
}

// writable returns a mapping of written blocks that covers block and ends at end at the latest.
// fresh says that what the blocks hold is of no meaning.
func (o *op) writable(e *inode.Editor, f *inode.ForkEditor, block, end format.FileOff) (m format.Mapping, fresh bool, err error) {
	m, ok, err := f.From(block)
	switch {
	case err != nil:
		return m, false, err
	case !ok || m.Off > block:
		if ok {
			end = min(end, m.Off)
		}
		m, err = f.Grow(block, 1, uint32(min(uint64(end-block), format.MaxExtentLen)), false, true)
		return m, true, err
	}
	to := min(end, m.End())
	m = part(m, m.Start+format.FSBlock(block-m.Off), m.Start+format.FSBlock(to-m.Off))
	if err := o.notShared(e, m); err != nil {
		return m, false, err
	}
	if !m.Unwritten {
		return m, false, nil
	}
	whole, _, err := f.From(block)
	if err == nil {
		err = f.Convert(whole, m.Off, m.End(), false)
	}
	m.Unwritten = false
	return m, true, err
}

// notShared checks that the blocks of a mapping belong to one file only.
func (o *op) notShared(e *inode.Editor, m format.Mapping) error {
	if format.DiFlags2.Get(e.Raw())&format.Flag2Reflink == 0 {
		return nil
	}
	shared, err := o.counts.FindShared(o.tx, space.Extent{Start: m.Start, Count: m.Count})
	if err == nil && shared.Count > 0 {
		err = ErrShared
	}
	return err
}

// put writes p to the blocks of a mapping, at byte off of the file; the rest of the first and
// the last block is zero if they are fresh.
func (o *op) put(m format.Mapping, p []byte, off int64, fresh bool) error {
	bs := int64(o.Geo.BlockSize)
	disk := o.Geo.Offset(m.Start)
	at := off - int64(m.Off)*bs
	if !fresh {
		return o.tx.WriteData(p, disk+at)
	}
	end := int64(m.Count) * bs
	first, last := at/bs*bs, (at+int64(len(p))+bs-1)/bs*bs
	if first != at || last != at+int64(len(p)) {
		b := make([]byte, last-first)
		copy(b[at-first:], p)
		p, at = b, first
	}
	if err := o.tx.WriteData(p, disk+at); err != nil {
		return err
	}
	return o.zero(disk, at+int64(len(p)), end)
}

// zero writes zeroes from byte from to byte end of what lies at disk.
func (o *op) zero(disk, from, end int64) error {
	for from < end {
		b := make([]byte, min(end-from, 1<<20))
		if err := o.tx.WriteData(b, disk+from); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return nil
}

// zeroTail makes what a file has behind its end zero, before it grows to off: the rest of the
// block that it ends in, and blocks that a crash has left there.
func (o *op) zeroTail(e *inode.Editor, off int64) error {
	bs := int64(o.Geo.BlockSize)
	f := e.Fork(inode.Data)
	for at := int64(e.Size()); at < off; {
		m, ok, err := f.From(format.FileOff(at / bs))
		if err != nil || !ok {
			return err
		}
		from, end := max(at, int64(m.Off)*bs), min(off, int64(m.End())*bs)
		if end < off || off%bs != 0 {
			end = min((end+bs-1)/bs*bs, int64(m.End())*bs)
		}
		if from < end && !m.Unwritten {
			if err := o.zeroIn(e, m, from, end); err != nil {
				return err
			}
		}
		at = int64(m.End()) * bs
	}
	return nil
}

// zeroIn zeroes bytes of a file that lie in a mapping.
func (o *op) zeroIn(e *inode.Editor, m format.Mapping, from, end int64) error {
	bs := int64(o.Geo.BlockSize)
	first, last := from/bs, (end+bs-1)/bs
	blocks := part(m, m.Start+format.FSBlock(first-int64(m.Off)), m.Start+format.FSBlock(last-int64(m.Off)))
	if err := o.notShared(e, blocks); err != nil {
		return err
	}
	at := o.Geo.Offset(blocks.Start)
	o.data = append(o.data, func() error { return o.zero(at, from-first*bs, end-first*bs) })
	return nil
}

// zeroBytes zeroes bytes of one block of a file; a hole or an unwritten block is zero already.
func (o *op) zeroBytes(e *inode.Editor, from, end int64) error {
	block := format.FileOff(from / int64(o.Geo.BlockSize))
	m, ok, err := e.Fork(inode.Data).From(block)
	if err != nil || !ok || m.Off > block || m.Unwritten {
		return err
	}
	return o.zeroIn(e, m, from, end)
}

// cutTail sees to it that nothing of what a file had shows behind its new end, in the block that
// it ends in. The kernel shows that block to programs that map the file, and whoever makes the
// file longer zeroes it anyway; so it can wait until a crash won't bring the old size back. Blocks
// of other files stay as they are.
func (o *op) cutTail(e *inode.Editor, size int64) error {
	bs := int64(o.Geo.BlockSize)
	block := format.FileOff(size / bs)
	m, ok, err := e.Fork(inode.Data).From(block)
	if err != nil || !ok || m.Off > block || m.Unwritten || size%bs == 0 {
		return err
	}
	at := m.Start + format.FSBlock(block-m.Off)
	switch err := o.notShared(e, part(m, at, at+1)); {
	case errors.Is(err, ErrShared):
		return nil
	case err != nil:
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
	first := true
	return w.onFile("truncate", path, func(o *op, e *inode.Editor) (bool, error) {
		bs := int64(o.Geo.BlockSize)
		if first {
			var err error
			switch old := int64(e.Size()); {
			case size > old:
				err = o.zeroTail(e, size)
			case size < old:
				err = o.cutTail(e, size)
			}
			if err != nil {
				return false, err
			}
			e.SetSize(uint64(size))
			o.touch(e, inode.Modified|inode.Changed)
		}
		more, err := o.freeData(e, format.FileOff((size+bs-1)/bs), perChange)
		if err == nil {
			first = false
		}
		return !more, err
	})
}

// Fallocate gives a range of a file blocks where it has none; they read as zeroes. keepSize
// lets it reach beyond the end of the file without making the file longer.
func (w *Writer) Fallocate(path string, off, n int64, keepSize bool) error {
	if off < 0 || n <= 0 || n > math.MaxInt64-off {
		return &fs.PathError{Op: "fallocate", Path: path, Err: fs.ErrInvalid}
	}
	return w.onFile("fallocate", path, func(o *op, e *inode.Editor) (bool, error) {
		return o.allocate(e, off, off+n, keepSize)
	})
}

// allocate gives blocks to a range of bytes as far as one transaction may, and in the end the
// size that the file has then.
func (o *op) allocate(e *inode.Editor, off, end int64, keepSize bool) (done bool, err error) {
	bs := int64(o.Geo.BlockSize)
	if grow := !keepSize && uint64(end) > e.Size(); grow {
		// New blocks are zero; what is behind the end already need not be.
		if err := o.zeroTail(e, end); err != nil {
			return false, err
		}
	}
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
	edges := true
	return w.onFile("punch", path, func(o *op, e *inode.Editor) (bool, error) {
		bs := int64(o.Geo.BlockSize)
		first, last := (off+bs-1)/bs*bs, (off+n)/bs*bs
		if edges {
			if err := o.punchEdges(e, off, off+n, first, last); err != nil {
				return false, err
			}
		}
		f := e.Fork(inode.Data)
		at, end := format.FileOff(first/bs), format.FileOff(max(last, first)/bs)
		for range perChange {
			m, ok, err := f.From(at)
			if err != nil {
				return false, err
			}
			if !ok || m.Off >= end || at >= end {
				edges = false
				o.touch(e, inode.Modified|inode.Changed)
				return true, nil
			}
			from, to := max(m.Off, at), min(m.End(), end)
			if err := e.Punch(m, from, to, func(m format.Mapping) error { return o.release(e, m) }); err != nil {
				return false, err
			}
			at = to
		}
		edges = false
		return false, nil
	})
}

// punchEdges zeroes what a punched range has of blocks that it doesn't cover.
func (o *op) punchEdges(e *inode.Editor, off, end, first, last int64) error {
	size := int64(e.Size())
	if first > last { // all in one block
		if off < size {
			return o.zeroBytes(e, off, min(end, size))
		}
		return nil
	}
	if off < first && off < size {
		if err := o.zeroBytes(e, off, min(first, size)); err != nil {
			return err
		}
	}
	if last < end && last < size {
		return o.zeroBytes(e, last, min(end, size))
	}
	return nil
}

// ZeroRange makes a range of a file read as zeroes, and gives it blocks where it has none.
// keepSize is as in Fallocate.
func (w *Writer) ZeroRange(path string, off, n int64, keepSize bool) error {
	if off < 0 || n <= 0 || n > math.MaxInt64-off {
		return &fs.PathError{Op: "zero", Path: path, Err: fs.ErrInvalid}
	}
	end := off + n
	return w.onFile("zero", path, func(o *op, e *inode.Editor) (bool, error) {
		bs := int64(o.Geo.BlockSize)
		first, last := (off+bs-1)/bs*bs, end/bs*bs
		if err := o.punchEdges(e, off, end, first, last); err != nil {
			return false, err
		}
		if done, err := o.unwrite(e, format.FileOff(first/bs), format.FileOff(last/bs)); !done || err != nil {
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
		switch err = o.notShared(e, blocks); {
		case errors.Is(err, ErrShared):
			err = e.Punch(m, from, to, func(m format.Mapping) error { return o.release(e, m) })
		case err == nil:
			err = f.Convert(m, from, to, true)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
