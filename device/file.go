package device

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
)

// Mode says what an image is opened for.
type Mode int

// The modes.
const (
	ReadOnly Mode = iota
	ReadWrite
)

// File is an image in a regular file or on a block device of the host.
type File struct {
	f     *os.File
	mode  Mode
	block bool // a block device
	size  atomic.Int64
	temp  *pending // not nil until Commit in a file of CreateTemp
}

var (
	_ Device  = (*File)(nil)
	_ Puncher = (*File)(nil)
	_ Seeker  = (*File)(nil)
	_ Cloner  = (*File)(nil)
	_ Resizer = (*File)(nil)
	_ Hoster  = (*File)(nil)
)

// Open opens an image that exists. Writers have it for themselves, readers share it among
// themselves; others get ErrBusy at once. The lock is an advisory one of the host, and ends
// with Close or the process. A block device that is mounted or otherwise claimed cannot be
// opened for writing. What can be no image, such as a directory, gives ErrNotImage.
func Open(path string, mode Mode) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	// Judged before opening: that alone may block, on a pipe, or have effects, on a tape.
	block, err := imageType(path, info)
	if err != nil {
		return nil, err
	}
	flags := os.O_RDONLY
	if mode == ReadWrite {
		flags = os.O_RDWR
		if block {
			flags |= os.O_EXCL // without O_CREATE: claim the device
		}
	}
	f, err := openFile(path, flags, 0)
	if err != nil {
		if isBusy(err) {
			return nil, claimed(path)
		}
		return nil, err
	}
	d, err := newFile(f, mode)
	if err == nil && mode == ReadWrite && !block {
		err = d.unattached()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

// unattached makes sure that the host does not show a file as a loop device.
func (d *File) unattached() error {
	if alone(d.f) {
		return nil
	}
	info, err := d.f.Stat()
	if err != nil {
		return err
	}
	if list := loops(info); len(list) > 0 {
		return fmt.Errorf("%s: %w: the host has it as %s", d.f.Name(), ErrBusy, list[0])
	}
	return nil
}

// Unmounted makes sure that the host has not mounted an image, itself or as a loop device: then its
// content is partly in the host's memory, and changes while it is looked at. Open does not ask that
// of readers, who may know what they do; for writers it has seen to it.
func (d *File) Unmounted() error {
	switch {
	case d.mode == ReadWrite:
		return nil
	case d.block:
		if mounted(d.f.Name()) {
			return claimed(d.f.Name())
		}
		return nil
	case alone(d.f):
		return nil
	}
	info, err := d.f.Stat()
	if err != nil {
		return err
	}
	for _, loop := range loops(info) {
		if mounted(loop) {
			return fmt.Errorf("%s: %w: the host has mounted it as %s", d.f.Name(), ErrBusy, loop)
		}
	}
	return nil
}

func claimed(path string) error {
	return fmt.Errorf("%s: %w: mounted or claimed by the host", path, ErrBusy)
}

// newFile takes over an open file: it locks it and looks at its size.
func newFile(f *os.File, mode Mode) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d := &File{f: f, mode: mode}
	if d.block, err = imageType(f.Name(), info); err != nil {
		return nil, err
	}
	if err := lock(f, mode == ReadWrite); err != nil {
		return nil, err
	}
	// The end, not info.Size: a block device has its size there only.
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	d.size.Store(size)
	return d, nil
}

// imageType reports whether a file is a block device, and errs if it can be no image.
func imageType(path string, info fs.FileInfo) (block bool, err error) {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return false, nil
	case mode.IsDir():
		return false, fmt.Errorf("%s: %w: it is a directory", path, ErrNotImage)
	case mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0:
		return true, nil
	default:
		return false, fmt.Errorf("%s: %w: its mode is %v", path, ErrNotImage, mode)
	}
}

// Create makes a new image of size bytes in a sparse file, open for writing. The path must not
// exist.
func Create(path string, size int64) (*File, error) {
	f, err := openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	d, err := newSized(f, size)
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return d, nil
}

// newSized takes over a new, empty file and gives it its size.
func newSized(f *os.File, size int64) (*File, error) {
	if err := makeSparse(f); err != nil {
		return nil, err
	}
	d, err := newFile(f, ReadWrite)
	if err != nil {
		return nil, err
	}
	return d, d.Truncate(size)
}

// File is the host's file.
func (d *File) File() *os.File { return d.f }

// IsBlockDevice reports whether the image is a block device of the host.
func (d *File) IsBlockDevice() bool { return d.block }

// Size is the size in bytes.
func (d *File) Size() int64 { return d.size.Load() }

// ReadAt reads len(p) bytes at off.
func (d *File) ReadAt(p []byte, off int64) (int, error) {
	want, short := readable(off, len(p), d.Size())
	n, err := 0, error(nil)
	if want > 0 {
		n, err = d.f.ReadAt(p[:want], off)
	}
	switch {
	case errors.Is(err, io.EOF): // somebody made the file shorter
		return n, &ShortError{Off: off, Want: len(p), Got: n, Size: d.Size()}
	case err != nil:
		return n, err
	}
	return n, short
}

// WriteAt writes p at off.
func (d *File) WriteAt(p []byte, off int64) (int, error) {
	if err := d.mayChange(); err != nil {
		return 0, err
	}
	if err := writable(off, len(p), d.Size()); err != nil {
		return 0, err
	}
	return d.f.WriteAt(p, off)
}

// Sync has the host write everything to stable storage.
func (d *File) Sync() error { return d.f.Sync() }

// Truncate changes the size of a regular file, leaving a hole where it grows.
func (d *File) Truncate(size int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	if d.block {
		return fmt.Errorf("%s: %w", d.f.Name(), ErrCannotResize)
	}
	if err := d.f.Truncate(size); err != nil {
		return err
	}
	d.size.Store(size)
	return nil
}

// Punch gives up the storage of n bytes from off. Where the host cannot do that, it writes
// zeroes.
func (d *File) Punch(off, n int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	if err := rangeError("punch", off, n, d.Size()); err != nil || n == 0 {
		return err
	}
	err := punch(d.f, off, n)
	if errors.Is(err, errors.ErrUnsupported) {
		return writeZeroes(d.f, off, n)
	}
	return err
}

// SeekData finds data; see Seeker. Where the host does not know, all is data.
func (d *File) SeekData(off int64) (int64, error) {
	if _, err := allData(off, d.Size()); err != nil {
		return 0, err
	}
	at, err := seekData(d.f, off)
	if errors.Is(err, errors.ErrUnsupported) {
		return off, nil
	}
	return at, err
}

// SeekHole finds a hole; see Seeker.
func (d *File) SeekHole(off int64) (int64, error) {
	if _, err := allData(off, d.Size()); err != nil {
		return 0, err
	}
	at, err := seekHole(d.f, off)
	if errors.Is(err, errors.ErrUnsupported) {
		return d.Size(), nil
	}
	return at, err
}

// CloneRange shares n bytes of src from srcOff, to lie at dst here; see Cloner. An n that
// reaches the end of src need not be a multiple of the host's block size.
func (d *File) CloneRange(dst int64, src int, srcOff, n int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	if err := rangeError("clone", dst, n, d.Size()); err != nil || n == 0 { // 0 would mean: all
		return err
	}
	return cloneRange(d.f, dst, src, srcOff, n)
}

// Close closes the image. One from CreateTemp that was not committed is gone then.
func (d *File) Close() error {
	unlock(d.f)
	err := d.f.Close()
	if d.temp != nil {
		err = errors.Join(err, d.temp.discard())
		d.temp = nil
	}
	return err
}

func (d *File) mayChange() error {
	if d.mode != ReadWrite {
		return fmt.Errorf("%s: %w", d.f.Name(), ErrReadOnly)
	}
	return nil
}

// named makes an error of the host one about an operation on a file.
func named(op string, f *os.File, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: f.Name(), Err: err}
}
