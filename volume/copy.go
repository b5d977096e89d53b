package volume

import (
	"context"
	"fmt"
	"io"
	"io/fs"
)

// copyPiece is the size of the buffer for copying, in bytes.
const copyPiece = 1 << 20

var zeroes [64 << 10]byte // never written to

// readAll returns the whole contents.
func (f *File) readAll() ([]byte, error) {
	if f.size > copyPiece {
		return io.ReadAll(f) // grows with what can be read, whatever the inode says of its size
	}
	b := make([]byte, f.size)
	n, err := f.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// WriteTo writes what is between the position and the end to w, zeroes for holes included.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := f.pos
	zero := func(to int64) error {
		for f.pos < to {
			n, err := w.Write(zeroes[:min(to-f.pos, int64(len(zeroes)))])
			if f.pos += int64(n); err != nil {
				return err
			}
		}
		return nil
	}
	err := f.eachPiece(from, func(off int64, p []byte) error {
		if err := zero(off); err != nil {
			return err
		}
		n, err := w.Write(p)
		f.pos += int64(n)
		return err
	})
	if err == nil {
		err = zero(f.size)
	}
	return f.pos - from, err
}

// SparseWriter is what CopyTo writes to, such as an *os.File. Bytes that Truncate adds must
// read as zero.
type SparseWriter interface {
	io.WriterAt
	Truncate(size int64) error
}

// CopyTo makes dst a copy of the file, whatever it held before. Holes and unwritten ranges are
// not written, so that they become holes there.
func (f *File) CopyTo(ctx context.Context, dst SparseWriter) error {
	if err := dst.Truncate(0); err != nil {
		return err
	}
	err := f.eachPiece(0, func(off int64, p []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := dst.WriteAt(p, off)
		return err
	})
	if err != nil {
		return err
	}
	return dst.Truncate(f.size)
}

// eachPiece gives the data from an offset on, in pieces of at most copyPiece bytes.
func (f *File) eachPiece(from int64, visit func(off int64, p []byte) error) error {
	if f.closed.Load() {
		return f.error("read", fs.ErrClosed)
	}
	if f.fork == nil {
		return nil
	}
	if f.live != nil {
		return f.eachLive(from, visit)
	}
	var buf []byte
	for s, err := range f.segments(from, f.size) {
		if err != nil {
			return f.error("read", err)
		}
		if size := int(min(s.n, copyPiece)); size > len(buf) {
			buf = make([]byte, size)
		}
		for s.n > 0 {
			p := buf[:min(s.n, int64(len(buf)))]
			if _, err := f.v.dev.ReadAt(p, s.at); err != nil {
				return f.error("read", fmt.Errorf("inode %d: data at byte %d: %w", f.ino.Ino, s.off, err))
			}
			if err := visit(s.off, p); err != nil {
				return err
			}
			k := int64(len(p))
			s.off, s.at, s.n = s.off+k, s.at+k, s.n-k
		}
	}
	return nil
}

// eachLive is eachPiece for a file that was written to and is not in place; holes are given too.
func (f *File) eachLive(from int64, visit func(off int64, p []byte) error) error {
	buf := make([]byte, copyPiece)
	for from < f.size {
		n, err := f.live.ReadAt(buf, from, false)
		if n == 0 {
			return f.error("read", err)
		}
		if err := visit(from, buf[:n]); err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
