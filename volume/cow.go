package volume

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// newEngine makes the engine that writes to files; there must be nothing in an earlier one.
func (w *Writer) newEngine() {
	w.cow = cow.NewEngine(w.store, w.groups, w.counts)
	w.cow.Now = func() time.Time { return w.Now() }
}

// Stats counts what was written to files since the volume was opened.
func (w *Writer) Stats() cow.Stats { return w.cow.Stats() }

// sized is an inode with the size that the file has in memory.
func (v *Volume) sized(i *inode.Inode) *inode.Inode {
	f := v.cow.Lookup(i.Ino)
	if f == nil || f.Size() == uint64(i.Size()) {
		return i
	}
	now := *i
	now.Raw = slices.Clone(i.Raw)
	format.DiSize.Put(now.Raw, f.Size())
	return &now
}

// withFile runs f on what is in memory of a regular file, while nothing else changes.
func (w *Writer) withFile(name, path string, f func(c *cow.File) error) error {
	w.one.Lock()
	defer w.one.Unlock()
	c, err := w.file(name, path)
	if err == nil {
		err = f(c)
	}
	return pathError(name, path, err)
}

func (w *Writer) file(name, path string) (*cow.File, error) {
	if w.refuse {
		return nil, ErrCutShort
	}
	ino, err := w.inoOf(name, path, true)
	if err != nil {
		return nil, err
	}
	return w.cow.Open(ino)
}

// inoOf finds what a path leads to.
func (w *Writer) inoOf(name, path string, follow bool) (ino format.Ino, err error) {
	tx, err := w.store.Begin()
	if err != nil {
		return 0, err
	}
	defer tx.Cancel()
	o := &op{Writer: w, tx: tx}
	e, err := o.find(name, path, follow)
	if err != nil {
		return 0, err
	}
	return e.Ino, nil
}

// WriteAt writes data to a file at byte off, which may lie behind its end. The data are in memory
// until they are written back, by Writeback, Sync or Close, or because there are too many; space
// for them is reserved. Blocks that other files share are not written to: the file gets others.
func (w *Writer) WriteAt(path string, p []byte, off int64) error {
	return w.withFile("write", path, func(c *cow.File) error {
		_, err := c.Write(p, off)
		return err
	})
}

// ReadFrom writes what r has to a file from byte off on, as WriteAt does, and returns the number
// of bytes.
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

// WriteDirect is WriteAt past the memory: when it returns the data are on the device and part of
// the file, which a crash before the next Sync may undo. What is not aligned to blocks goes
// through memory.
func (w *Writer) WriteDirect(path string, p []byte, off int64) error {
	return w.withFile("write", path, func(c *cow.File) error {
		_, err := c.WriteDirect(context.Background(), p, off)
		return err
	})
}

// WriteDAX is WriteDirect for any number of bytes at any place: of blocks that other files share
// the rest is copied.
func (w *Writer) WriteDAX(path string, p []byte, off int64) error {
	return w.withFile("write", path, func(c *cow.File) error {
		_, err := c.WriteDAX(context.Background(), p, off)
		return err
	})
}

// Writeback writes back what was written to n bytes of a file from off on, and makes what is
// staged there part of the file.
func (w *Writer) Writeback(path string, off, n int64) error {
	return w.withFile("writeback", path, func(c *cow.File) error {
		return errors.Join(c.WritebackBytes(context.Background(), off, n), c.Remap(off, n))
	})
}

// WritebackAll writes back what was written to all files. What is staged stays so.
func (w *Writer) WritebackAll() error {
	w.one.Lock()
	defer w.one.Unlock()
	return w.cow.Writeback(context.Background())
}
