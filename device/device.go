package device

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Device is an image. Offsets and sizes are in bytes.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Size is the size in bytes.
	Size() int64
	// Sync returns when all earlier writes will outlast a power failure.
	Sync() error
	// Close gives the device back to the host. It does not imply Sync.
	Close() error
}

// Puncher can give up the storage of a range, which reads as zero afterwards.
type Puncher interface {
	Punch(off, n int64) error
}

// Seeker knows where data is. SeekData returns the first offset from off on that may hold
// anything but zeroes, SeekHole the first from off on that holds none, which at the latest is
// the end of the device. At or behind the end, and in SeekData where there is only a hole up to
// it, the error is io.EOF.
type Seeker interface {
	SeekData(off int64) (int64, error)
	SeekHole(off int64) (int64, error)
}

// Cloner can take over a range of a host file without copying, by sharing its blocks. src is
// the file's descriptor. Where the host cannot, for its filesystem's sake or that of offsets
// which are no multiple of its block size, the error is ErrCannotClone and nothing has changed.
type Cloner interface {
	CloneRange(dst int64, src int, srcOff, n int64) error
}

// Resizer can change its size. Bytes gained read as zero.
type Resizer interface {
	Truncate(size int64) error
}

// Hoster lies in a file of the host, at the same offsets. File is nil if it does not.
type Hoster interface {
	File() *os.File
}

// Errors that callers decide upon.
var (
	// ErrBusy says that another process uses the image, or that it is mounted.
	ErrBusy = errors.New("image is in use")
	// ErrReadOnly says that the image was opened for reading.
	ErrReadOnly = errors.New("image is open for reading only")
	// ErrNotImage says that a path is not of a sort that can be an image.
	ErrNotImage = errors.New("neither a regular file nor a block device")
	// ErrCannotClone says that the host cannot share the blocks of a range; copy it.
	ErrCannotClone = errors.New("host cannot share blocks")
	// ErrCannotResize says that a device has the size it has.
	ErrCannotResize = errors.New("size is fixed")
	// ErrClosed says that the device was closed before.
	ErrClosed = os.ErrClosed
)

// ShortError tells of a transfer that could not be done in full. It is an io.ErrUnexpectedEOF
// for reads and an io.ErrShortWrite for writes.
type ShortError struct {
	Write     bool
	Off       int64 // where it began
	Want, Got int   // bytes
	Size      int64 // of the device
}

func (e *ShortError) Error() string {
	op := "read"
	if e.Write {
		op = "write"
	}
	s := fmt.Sprintf("%s of %d bytes at byte %d: only %d done", op, e.Want, e.Off, e.Got)
	if e.Off < 0 || e.Off > e.Size-int64(e.Want) {
		s += fmt.Sprintf(", device ends at byte %d", e.Size)
	}
	return s
}

// Unwrap tells reads from writes.
func (e *ShortError) Unwrap() error {
	if e.Write {
		return io.ErrShortWrite
	}
	return io.ErrUnexpectedEOF
}

// inside reports whether n bytes from off lie within size bytes.
func inside(off, n, size int64) bool { return off >= 0 && n >= 0 && off <= size && n <= size-off }

// readable returns how many of the n bytes from off a device of size bytes has, and the error
// for the rest.
func readable(off int64, n int, size int64) (int, error) {
	if inside(off, int64(n), size) {
		return n, nil
	}
	got := 0
	if off >= 0 && off < size {
		got = int(size - off)
	}
	return got, &ShortError{Off: off, Want: n, Got: got, Size: size}
}

// writable is the error for writing n bytes at off to a device of size bytes.
func writable(off int64, n int, size int64) error {
	if inside(off, int64(n), size) {
		return nil
	}
	return &ShortError{Write: true, Off: off, Want: n, Size: size}
}

// rangeError is the error for an operation named op on n bytes from off, nil if they are there.
func rangeError(op string, off, n, size int64) error {
	if inside(off, n, size) {
		return nil
	}
	return fmt.Errorf("%s of %d bytes at byte %d: device ends at byte %d", op, n, off, size)
}

// Punch makes n bytes from off read as zero, without storage if the device can do that.
func Punch(d Device, off, n int64) error {
	if p, ok := d.(Puncher); ok {
		return p.Punch(off, n)
	}
	if err := rangeError("punch", off, n, d.Size()); err != nil {
		return err
	}
	return writeZeroes(d, off, n)
}

// writeZeroes writes zeroes piece by piece.
func writeZeroes(w io.WriterAt, off, n int64) error {
	zero := make([]byte, min(n, 1<<20))
	for end := off + n; off < end; {
		piece := zero[:min(end-off, int64(len(zero)))]
		if _, err := w.WriteAt(piece, off); err != nil {
			return err
		}
		off += int64(len(piece))
	}
	return nil
}

// SeekData is Seeker.SeekData for any device: one without that power is all data.
func SeekData(d Device, off int64) (int64, error) {
	if s, ok := d.(Seeker); ok {
		return s.SeekData(off)
	}
	return allData(off, d.Size())
}

// SeekHole is Seeker.SeekHole for any device.
func SeekHole(d Device, off int64) (int64, error) {
	if s, ok := d.(Seeker); ok {
		return s.SeekHole(off)
	}
	if _, err := allData(off, d.Size()); err != nil {
		return 0, err
	}
	return d.Size(), nil
}

// allData is SeekData where there are no holes.
func allData(off, size int64) (int64, error) {
	if off < 0 {
		return 0, rangeError("seek", off, 0, size)
	}
	if off >= size {
		return 0, io.EOF
	}
	return off, nil
}
