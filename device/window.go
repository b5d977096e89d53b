package device

import (
	"errors"
	"fmt"
	"io"
)

// Window is a range of another device, such as a partition within a disk image. Offsets count
// from the range's beginning. Closing it closes the device under it.
type Window struct {
	dev       Device
	off, size int64
}

var (
	_ Device  = (*Window)(nil)
	_ Puncher = (*Window)(nil)
	_ Seeker  = (*Window)(nil)
	_ Cloner  = (*Window)(nil)
)

// NewWindow opens a window of size bytes from off, which must lie within dev. A negative size
// means all the rest.
func NewWindow(dev Device, off, size int64) (*Window, error) {
	if size < 0 {
		if size = dev.Size() - off; size < 0 {
			return nil, fmt.Errorf("byte %d is behind the end, at byte %d", off, dev.Size())
		}
	}
	if err := rangeError("window", off, size, dev.Size()); err != nil {
		return nil, err
	}
	return &Window{dev: dev, off: off, size: size}, nil
}

// Size is the size in bytes.
func (w *Window) Size() int64 { return w.size }

// ReadAt reads len(p) bytes at off.
func (w *Window) ReadAt(p []byte, off int64) (int, error) {
	want, short := readable(off, len(p), w.size)
	if want == 0 {
		return 0, short
	}
	if n, err := w.dev.ReadAt(p[:want], w.off+off); err != nil {
		return n, w.inner(err, off, len(p))
	}
	return want, short
}

// WriteAt writes p at off.
func (w *Window) WriteAt(p []byte, off int64) (int, error) {
	if err := writable(off, len(p), w.size); err != nil {
		return 0, err
	}
	n, err := w.dev.WriteAt(p, w.off+off)
	return n, w.inner(err, off, len(p))
}

// inner turns a short transfer of the device under w into one of w.
func (w *Window) inner(err error, off int64, want int) error {
	var short *ShortError
	if !errors.As(err, &short) {
		return err
	}
	e := *short
	e.Off, e.Want, e.Size = off, want, w.size
	return &e
}

// Sync syncs the whole device under w.
func (w *Window) Sync() error { return w.dev.Sync() }

// Close closes the device under w.
func (w *Window) Close() error { return w.dev.Close() }

// Punch gives up n bytes from off.
func (w *Window) Punch(off, n int64) error {
	if err := rangeError("punch", off, n, w.size); err != nil {
		return err
	}
	return Punch(w.dev, w.off+off, n)
}

// SeekData finds data; see Seeker.
func (w *Window) SeekData(off int64) (int64, error) {
	at, err := w.seek(SeekData, off)
	if err == nil && at >= w.size {
		return 0, io.EOF
	}
	return at, err
}

// SeekHole finds a hole; see Seeker.
func (w *Window) SeekHole(off int64) (int64, error) {
	at, err := w.seek(SeekHole, off)
	return min(at, w.size), err
}

func (w *Window) seek(seek func(Device, int64) (int64, error), off int64) (int64, error) {
	if _, err := allData(off, w.size); err != nil {
		return 0, err
	}
	at, err := seek(w.dev, w.off+off)
	if err != nil {
		return 0, err
	}
	return at - w.off, nil
}

// CloneRange shares a range of a host file, if the device under w can; see Cloner.
func (w *Window) CloneRange(dst int64, src int, srcOff, n int64) error {
	if err := rangeError("clone", dst, n, w.size); err != nil {
		return err
	}
	c, ok := w.dev.(Cloner)
	if !ok {
		return fmt.Errorf("clone: %w", ErrCannotClone)
	}
	return c.CloneRange(w.off+dst, src, srcOff, n)
}
