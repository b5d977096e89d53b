package volume

import (
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// File is an open regular file. ReadAt, WriteTo and CopyTo are safe for concurrent use; Read
// and Seek share the position. A device, FIFO or socket has no contents: it reads as empty.
type File struct {
	v    *Volume
	name string
	ino  *inode.Inode
	fork *inode.Fork // nil: not a regular file
	size int64       // of the contents
	live *cow.File   // what is in memory of the file and not in place

	closed atomic.Bool
	mu     sync.Mutex // guards pos
	pos    int64
}

var (
	_ fs.File     = (*File)(nil)
	_ io.ReaderAt = (*File)(nil)
	_ io.Seeker   = (*File)(nil)
	_ io.WriterTo = (*File)(nil)
)

func (v *Volume) openFile(name string, i *inode.Inode) (*File, error) {
	f := &File{v: v, name: name, ino: i}
	if i.IsDir() {
		return nil, f.error("open", errIsDir)
	}
	if i.IsRegular() {
		f.size = i.Size()
		var err error
		if f.fork, err = i.Fork(inode.Data); err != nil {
			return nil, f.error("open", err)
		}
		if v.cow != nil {
			if f.live = v.cow.Lookup(i.Ino); f.live != nil {
				f.size = int64(f.live.Size())
			}
		}
	}
	return f, nil
}

// FileOf opens the file of an inode; name is what errors call it.
func (v *Volume) FileOf(name string, i *inode.Inode) (*File, error) { return v.openFile(name, i) }

// Stat describes the file; links were followed.
func (f *File) Stat() (fs.FileInfo, error) { return fileInfo{baseName(f.name), f.ino}, nil }

// Inode is the file's inode.
func (f *File) Inode() *inode.Inode { return f.ino }

// Fork is the data fork; nil if the file is not a regular one.
func (f *File) Fork() *inode.Fork { return f.fork }

// Close ends the use of the file; a second call is an error.
func (f *File) Close() error {
	if f.closed.Swap(true) {
		return f.error("close", fs.ErrClosed)
	}
	return nil
}

// Read reads at the position and moves it.
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.readAt(p, f.pos)
	f.pos += int64(n)
	if err == io.EOF && n > 0 || len(p) == 0 && err == io.EOF {
		err = nil
	}
	return n, f.error("read", err)
}

// Seek sets the position; one behind the end is allowed.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return 0, f.error("seek", fs.ErrClosed)
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += f.size
	default:
		return 0, f.error("seek", fs.ErrInvalid)
	}
	if offset < 0 {
		return 0, f.error("seek", fs.ErrInvalid)
	}
	f.pos = offset
	return offset, nil
}

// ReadAt reads at an offset: each extent with one read from the device; holes and unwritten
// extents are zeroes.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.readAt(p, off)
	return n, f.error("read", err)
}

func (f *File) readAt(p []byte, off int64) (int, error) {
	switch {
	case f.closed.Load():
		return 0, fs.ErrClosed
	case off < 0:
		return 0, fs.ErrInvalid
	case off >= f.size:
		return 0, io.EOF
	}
	if f.live != nil {
		return f.live.ReadAt(p, off, false)
	}
	var eof error
	if left := f.size - off; int64(len(p)) > left {
		p, eof = p[:left], io.EOF
	}
	done := 0
	for s, err := range f.segments(off, off+int64(len(p))) {
		if err != nil {
			return done, err
		}
		clear(p[done : s.off-off])
		done = int(s.off - off)
		if _, err := f.v.dev.ReadAt(p[done:done+int(s.n)], s.at); err != nil {
			return done, fmt.Errorf("inode %d: data at byte %d: %w", f.ino.Ino, s.off, err)
		}
		done += int(s.n)
	}
	clear(p[done:])
	return len(p), eof
}

// segment is a range of the file that has data on the device. In bytes.
type segment struct{ off, n, at int64 }

// segments gives the data between two offsets that are not behind the end, in order; what lies
// between segments is zero.
func (f *File) segments(from, to int64) iter.Seq2[segment, error] {
	g := f.v.Geo
	return func(yield func(segment, error) bool) {
		for m, err := range f.fork.From(format.FileOff(from >> g.BlockLog)) {
			if err != nil {
				yield(segment{}, err)
				return
			}
			if from >= to || m.Off > format.FileOff((to-1)>>g.BlockLog) {
				return
			}
			start := int64(m.Off) << g.BlockLog
			end := int64(min(uint64(m.End())<<g.BlockLog, uint64(to))) // as uint64, as it may be 2^63
			s := segment{off: max(start, from)}
			s.n, s.at = end-s.off, g.Offset(m.Start)+s.off-start
			if !m.Unwritten && !yield(s, nil) || end == to {
				return
			}
		}
	}
}

func (f *File) error(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}
