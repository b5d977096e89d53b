package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// walkStore has contents in the files below a directory. Node.at of a regular file is its stamp.
type walkStore struct{ root string }

func (s walkStore) newReader(t *Tree) Reader { return &walkReader{t: t, root: s.root} }

func (s walkStore) Close() error { return nil }

// walkReader keeps the last file open.
type walkReader struct {
	t    *Tree
	root string
	id   ID
	f    *os.File // nil: none
}

func (r *walkReader) ReadAt(id ID, p []byte, off int64) error {
	if err := r.open(id); err != nil {
		return err
	}
	n, err := r.f.ReadAt(p, off)
	// As on Linux: only now is it sure that what was read is what was scanned.
	if cerr := r.check(id); cerr != nil {
		return cerr
	}
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return &ChangedError{Path: r.path(id), Detail: fmt.Sprintf("it ends at byte %d of %d", off+int64(n), r.t.Node(id).Size)}
	}
	return err
}

func (r *walkReader) open(id ID) error {
	if r.f != nil && r.id == id {
		return nil
	}
	if err := r.Close(); err != nil {
		return err
	}
	if r.t.Node(id).Mode&modeType != modeReg {
		return fmt.Errorf("%s: not a regular file", r.path(id))
	}
	// Does not wait for the other end of a FIFO that has taken the file's place.
	f, err := os.OpenFile(r.path(id), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return goneError(r.path(id), err)
	}
	r.id, r.f = id, f
	return nil
}

// check compares the open file with what was scanned.
func (r *walkReader) check(id ID) error {
	info, err := r.f.Stat()
	if err != nil {
		return err
	}
	n := r.t.Node(id)
	switch {
	case !info.Mode().IsRegular():
		return &ChangedError{Path: r.path(id), Detail: "it is something else now"}
	case info.Size() != n.Size:
		return &ChangedError{Path: r.path(id), Detail: fmt.Sprintf("its size is %d, was %d", info.Size(), n.Size)}
	case fileStamp(info) != n.at:
		return &ChangedError{Path: r.path(id), Detail: "it was written or replaced"}
	}
	return nil
}

// path is the host's path of a file.
func (r *walkReader) path(id ID) string {
	return filepath.Join(r.root, filepath.FromSlash(r.t.relPath(id)))
}

// Host has nothing to give: only Linux clones ranges of files.
func (r *walkReader) Host(ID) (fd int, base int64, ok bool) { return -1, 0, false }

func (r *walkReader) Close() error {
	if r.f == nil {
		return nil
	}
	f := r.f
	r.f = nil
	return f.Close()
}
