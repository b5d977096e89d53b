package source

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// dirStore has contents in the files of a directory. Node.at of a regular file is its stamp.
type dirStore struct {
	fd   int // of the root
	root string
}

func (s *dirStore) newReader(t *Tree) Reader {
	return &dirReader{t: t, s: s, dirFD: -1, fileFD: -1}
}

func (s *dirStore) Close() error { return unix.Close(s.fd) }

// dirReader keeps the last file open, and its directory: the next file is mostly there, too.
type dirReader struct {
	t      *Tree
	s      *dirStore
	open   opener
	dir    ID
	dirFD  int // -1: none
	file   ID
	fileFD int // -1: none
	name   []byte
}

func (r *dirReader) ReadAt(id ID, p []byte, off int64) error {
	if err := r.openFile(id); err != nil {
		return err
	}
	n, err := readAt(r.fileFD, p, off)
	// Only now is it sure that all that was read is the state that was scanned; or that an error
	// is not one of something else that is there now.
	if cerr := r.check(id); cerr != nil {
		return cerr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.path(id), err)
	}
	if n < len(p) {
		return &ChangedError{Path: r.path(id), Detail: fmt.Sprintf("it ends at byte %d of %d", off+int64(n), r.t.Node(id).Size)}
	}
	return nil
}

func (r *dirReader) Host(id ID) (fd int, base int64, ok bool) {
	if r.openFile(id) != nil || r.check(id) != nil {
		return -1, 0, false
	}
	return r.fileFD, 0, true
}

func (r *dirReader) Close() error {
	r.closeFile()
	r.closeDir()
	return nil
}

func (r *dirReader) closeFile() {
	if r.fileFD >= 0 {
		unix.Close(r.fileFD)
		r.fileFD = -1
	}
}

func (r *dirReader) closeDir() {
	if r.dirFD >= 0 {
		unix.Close(r.dirFD)
		r.dirFD = -1
	}
}

func (r *dirReader) openFile(id ID) error {
	if r.fileFD >= 0 && r.file == id {
		return nil
	}
	r.closeFile()
	n := r.t.Node(id)
	if n.Mode&modeType != modeReg {
		return fmt.Errorf("%s: not a regular file", r.path(id))
	}
	if r.dirFD < 0 || r.dir != n.parent {
		r.closeDir()
		fd, err := r.open.path(r.s.fd, r.t.relPath(n.parent), unix.O_DIRECTORY|unix.O_PATH)
		if err != nil {
			return r.opening(id, err)
		}
		r.dir, r.dirFD = n.parent, fd
	}
	r.name = append(append(r.name[:0], r.t.names.name(n.name)...), 0)
	fd, err := r.open.at(r.dirFD, r.name, 0)
	if err != nil {
		return r.opening(id, err)
	}
	r.file, r.fileFD = id, fd
	return nil
}

// opening names the file in an error of opening it, or its directory.
func (r *dirReader) opening(id ID, err error) error {
	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESTALE):
		return &ChangedError{Path: r.path(id), Detail: "it is gone"}
	case errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO):
		return &ChangedError{Path: r.path(id), Detail: "it is something else now"}
	}
	return fmt.Errorf("%s: %w", r.path(id), err)
}

// path is the host's path of a file, for messages.
func (r *dirReader) path(id ID) string { return filepath.Join(r.s.root, r.t.relPath(id)) }

// check compares the open file with what was scanned.
func (r *dirReader) check(id ID) error {
	var st unix.Stat_t
	if err := unix.Fstat(r.fileFD, &st); err != nil {
		return fmt.Errorf("%s: %w", r.path(id), err)
	}
	n := r.t.Node(id)
	if st.Size != n.Size {
		return &ChangedError{Path: r.path(id), Detail: fmt.Sprintf("its size is %d, was %d", st.Size, n.Size)}
	}
	if stampOf(&st) != n.at {
		return &ChangedError{Path: r.path(id), Detail: "it was written or replaced"}
	}
	return nil
}
