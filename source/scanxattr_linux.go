package source

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/cowfs/cowfs/attr"
	"golang.org/x/sys/unix"
)

// xattrReader reads extended attributes of the host's files.
type xattrReader struct {
	scan  *scanner
	list  []byte
	value []byte
	set   []Xattr
	// none is the number of a filesystem that has no extended attributes.
	none    uint64
	hasNone bool
}

// read fills in the attributes of name i of a directory, which n is the node of.
func (r *xattrReader) read(l *listing, i int, n *Node, dev uint64) error {
	if r.hasNone && dev == r.none {
		return nil
	}
	if r.list == nil {
		r.list = make([]byte, MaxXattrSize)
	}
	size, err := r.listAt(l, i)
	if errors.Is(err, unix.EOPNOTSUPP) {
		if n.isDir() || n.Mode&modeType == modeReg {
			r.none, r.hasNone = dev, true
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing extended attributes: %w", err)
	}
	if size == 0 {
		return nil
	}
	r.set = r.set[:0]
	for list := r.list[:size]; len(list) > 0; {
		end := bytes.IndexByte(list, 0)
		if end < 0 {
			break
		}
		name := list[:end+1]
		list = list[end+1:]
		if !attr.IsHostName(string(name[:end])) {
			continue
		}
		if err := r.get(l, i, name); err != nil {
			return fmt.Errorf("extended attribute %q: %w", name[:end], err)
		}
	}
	set, err := r.scan.rules.finishXattrs(n, r.set)
	if err != nil || len(set) == 0 {
		return err
	}
	n.xattrs = r.scan.xattrs.add(set)
	return nil
}

// get adds one attribute, whose name ends in NUL, to the set.
func (r *xattrReader) get(l *listing, i int, name []byte) error {
	if r.value == nil {
		r.value = make([]byte, MaxXattrSize)
	}
	size, err := r.getAt(l, i, name)
	switch {
	case errors.Is(err, unix.ENODATA):
		return nil // removed since it was listed
	case errors.Is(err, unix.ERANGE) || errors.Is(err, unix.E2BIG):
		return fmt.Errorf("its value is longer than %d bytes", MaxXattrSize)
	case err != nil:
		return err
	}
	r.set = append(r.set, Xattr{string(name[:len(name)-1]), bytes.Clone(r.value[:size])})
	return nil
}

func (r *xattrReader) listAt(l *listing, i int) (int, error) {
	if r.scan.xattrAt {
		return listXattrAt(l.fd, l.name(i), r.list)
	}
	return unix.Llistxattr(r.hostPath(l, i), r.list)
}

func (r *xattrReader) getAt(l *listing, i int, name []byte) (int, error) {
	if r.scan.xattrAt {
		n, err := getXattrAt(l.fd, l.name(i), name, r.value)
		runtime.KeepAlive(r.value)
		return n, err
	}
	return unix.Lgetxattr(r.hostPath(l, i), string(name[:len(name)-1]), r.value)
}

// hostPath is a path of name i for kernels that take no directory: the plain one, which is
// cheaper to follow, unless it is too long.
func (r *xattrReader) hostPath(l *listing, i int) string {
	rel := l.pathOf(i)
	if p := r.scan.root + "/" + rel; len(p) < unix.PathMax {
		return p
	}
	return "/proc/self/fd/" + strconv.Itoa(l.fd) + "/" + strings.TrimPrefix(rel[len(l.path):], "/")
}
