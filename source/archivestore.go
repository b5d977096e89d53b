package source

import (
	"errors"
	"fmt"
	"os"
)

// archiveStore has contents at offsets of plain archives and of the spool. Node.at of a regular
// file is the index of the file << offsetBits | the offset in bytes. Of a sparse one the ranges
// lie there back to back.
type archiveStore struct{ files []contentFile }

const (
	offsetBits = 48
	offsetMask = 1<<offsetBits - 1
	maxFiles   = 1 << (64 - offsetBits)
)

var (
	errTooFar  = errors.New("archive is larger than 256 TiB")
	errTooMany = fmt.Errorf("more than %d archives", maxFiles)
)

// contentFile is an open file that contents lie in.
type contentFile struct {
	f     *os.File
	fd    int    // of f
	name  string // for messages
	spool bool   // ours: nobody else changes it
	size  int64  // bytes
	stamp uint64
}

// add makes a file one of the store's, which closes it in the end.
func (s *archiveStore) add(f *os.File, name string) (int, error) {
	if len(s.files) == maxFiles {
		return 0, errTooMany
	}
	c := contentFile{f: f, fd: int(f.Fd()), name: name}
	var err error
	if c.size, c.stamp, err = c.state(); err != nil {
		return 0, err
	}
	s.files = append(s.files, c)
	return len(s.files) - 1, nil
}

func (s *archiveStore) newReader(t *Tree) Reader { return &archiveReader{t: t, s: s} }

func (s *archiveStore) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.f.Close())
	}
	s.files = nil
	return errors.Join(errs...)
}

// check reports whether an archive is still what was scanned.
func (f *contentFile) check() error {
	if f.spool {
		return nil
	}
	size, at, err := f.state()
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if size != f.size || at != f.stamp {
		return &ChangedError{Path: f.name, Detail: "the archive was written"}
	}
	return nil
}

// archiveReader reads from files that all readers share.
type archiveReader struct {
	t *Tree
	s *archiveStore
	// sparse remembers the range last read of a sparse file, and where in the archive it lies
	// relative to the first one, so that reading on does not start at the first.
	sparse struct {
		id  ID
		i   int
		off int64
	}
}

func (r *archiveReader) ReadAt(id ID, p []byte, off int64) error {
	n := r.t.Node(id)
	if n.Mode&modeType != modeReg {
		return fmt.Errorf("%s: not a regular file", r.t.Path(id))
	}
	f, base := &r.s.files[n.at>>offsetBits], int64(n.at&offsetMask)
	var err error
	if ranges := r.t.Extents(id); ranges == nil {
		err = f.read(p, base+off)
	} else {
		err = r.readSparse(f, id, ranges, p, base, off)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.t.Path(id), err)
	}
	return nil
}

// readSparse fills p from the ranges of a file that overlap it.
func (r *archiveReader) readSparse(f *contentFile, id ID, ranges []Range, p []byte, base, off int64) error {
	at := &r.sparse
	if at.id != id || at.i >= len(ranges) || ranges[at.i].Off > off {
		at.id, at.i, at.off = id, 0, 0
	}
	clear(p)
	end := off + int64(len(p))
	for ; at.i < len(ranges); at.i++ {
		x := ranges[at.i]
		if from, to := max(x.Off, off), min(x.End(), end); from < to {
			if err := f.read(p[from-off:to-off], base+at.off+from-x.Off); err != nil {
				return err
			}
		}
		if x.End() >= end {
			break
		}
		at.off += x.Len
	}
	return f.check()
}

// read fills p from offset off of the file.
func (f *contentFile) read(p []byte, off int64) error {
	n, err := f.pread(p, off)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if n < len(p) {
		return &ChangedError{Path: f.name, Detail: fmt.Sprintf("the archive ends at byte %d", off+int64(n))}
	}
	return f.check()
}

func (r *archiveReader) Host(id ID) (fd int, base int64, ok bool) {
	n := r.t.Node(id)
	if n.Mode&modeType != modeReg || n.extents != 0 {
		return -1, 0, false
	}
	f := &r.s.files[n.at>>offsetBits]
	if f.check() != nil {
		return -1, 0, false
	}
	return f.fd, int64(n.at & offsetMask), true
}

func (r *archiveReader) Close() error { return nil }

// spool is one unlinked file that takes archives which come as streams, back to back.
type spool struct {
	dir  string
	f    *os.File // nil before the first byte
	size int64
}

func (s *spool) open() error {
	if s.f != nil {
		return nil
	}
	dir := s.dir
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := spoolFile(dir)
	if err != nil {
		return fmt.Errorf("file for unpacked contents: %w", err)
	}
	s.f = f
	return nil
}

func (s *spool) write(p []byte) error {
	n, err := s.f.WriteAt(p, s.size)
	s.size += int64(n)
	if err != nil {
		return fmt.Errorf("file for unpacked contents: %w", err)
	}
	return nil
}
