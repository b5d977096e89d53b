package source

import (
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/format"
	"golang.org/x/sys/unix"
)

// scanWorker does jobs of a scanner; all buffers are its own.
type scanWorker struct {
	s     *scanner
	names arenaWriter
	jobs  []job // found by the present job
	stat  unix.Statx_t
	open  opener
	xattr xattrReader
	buf   []byte // directory records, targets, extents
	own   listing
}

func (s *scanner) newWorker() *scanWorker {
	w := &scanWorker{s: s, names: arenaWriter{a: &s.t.names}, buf: make([]byte, 1<<16)}
	w.xattr.scan = s
	return w
}

func (w *scanWorker) work() error {
	for {
		j, ok := w.s.next()
		if !ok {
			return nil
		}
		w.jobs = w.jobs[:0]
		err := w.do(j)
		w.s.add(w.jobs)
		w.s.done()
		if err != nil {
			return err
		}
	}
}

func (w *scanWorker) do(j job) error {
	if j.dir != nil {
		return w.scanNames(j.dir, j.from, j.to)
	}
	return w.readDir(j)
}

// scanRoot fills the root's node.
func (w *scanWorker) scanRoot() error {
	l := listing{fd: w.s.fd, names: []byte{0}, ents: []dirent{{}}, nodes: w.s.t.nodes}
	if err := w.scanNode(&l, 0); err != nil {
		return w.s.at("", err)
	}
	w.jobs = w.jobs[:0]
	w.s.report(1)
	return nil
}

// readDir lists a directory, gives its names nodes, and looks at them, or leaves that to further
// jobs when they are many.
func (w *scanWorker) readDir(j job) error {
	fd, err := w.open.path(w.s.fd, j.path, unix.O_DIRECTORY)
	if err != nil {
		return w.s.at(j.path, err)
	}
	l := &w.own
	l.path, l.fd, l.names, l.ents = j.path, fd, l.names[:0], l.ents[:0]
	l.pending.Store(1)
	if err := w.list(l, j.id); err != nil {
		unix.Close(fd)
		return w.s.at(j.path, err)
	}
	n := len(l.ents)
	if n <= 2*batch {
		return w.scanNames(l, 0, n)
	}
	shared := &listing{path: l.path, fd: l.fd, names: l.names, ents: l.ents, nodes: l.nodes, first: l.first}
	w.own = listing{}
	for from := 0; from < n; from += batch {
		shared.pending.Add(1)
		w.jobs = append(w.jobs, job{dir: shared, from: from, to: min(from+batch, n)})
	}
	return nil
}

// list reads the names of directory dir, sorts them, and makes their entries and their nodes.
func (w *scanWorker) list(l *listing, dir ID) error {
	if err := l.read(w.buf, w.s.rules); err != nil {
		return err
	}
	l.sort()
	nodes, id, entries, first, err := w.s.reserve(len(l.ents))
	if err != nil {
		return err
	}
	l.nodes, l.first = nodes, id
	for i := range l.ents {
		name := l.name(i)
		ref, err := w.names.addName(name[:len(name)-1])
		if err != nil {
			return err
		}
		*entries.at(first + i) = entry{ref, id + ID(i)}
	}
	nodes.at(int(dir)).at = uint64(first)<<32 | uint64(len(l.ents))
	return nil
}

// scanNames fills the nodes of the names from to to-1.
func (w *scanWorker) scanNames(l *listing, from, to int) error {
	defer l.release()
	for i := from; i < to; i++ {
		if err := w.scanNode(l, i); err != nil {
			return w.s.at(l.pathOf(i), err)
		}
	}
	w.s.report(to - from)
	return nil
}

func (w *scanWorker) scanNode(l *listing, i int) error {
	name, st, id := l.name(i), &w.stat, l.first+ID(i)
	if err := statAt(l.fd, name, st); err != nil {
		return err
	}
	n := l.nodes.at(int(id))
	n.Mode = st.Mode
	if err := w.s.rules.apply(n, st.Uid, st.Gid, st.Mtime.Sec, st.Mtime.Nsec); err != nil {
		return err
	}
	if st.Nlink > 1 && !n.isDir() {
		w.s.mu.Lock()
		w.s.links = append(w.s.links, hostLink{devOf(st), st.Ino})
		n.NLink = uint32(len(w.s.links))
		w.s.mu.Unlock()
	}
	switch n.Mode & modeType {
	case modeReg:
		n.Size = int64(st.Size)
		n.at = stamp(devOf(st), st.Ino, st.Mtime.Sec, st.Mtime.Nsec)
		if err := w.scanExtents(l, name, n); err != nil {
			return err
		}
	case modeDir:
		w.jobs = append(w.jobs, job{id: id, path: l.pathOf(i)})
	case modeLink:
		if err := w.readTarget(l, name, n); err != nil {
			return err
		}
	case format.ModeChar, format.ModeBlk:
		var err error
		if n.Rdev, err = encodeDev(uint64(st.Rdev_major), uint64(st.Rdev_minor)); err != nil {
			return err
		}
	case format.ModeFIFO, format.ModeSock:
	default:
		return fmt.Errorf("unknown file type in mode %#o", st.Mode)
	}
	if w.s.rules.NoXattrs {
		return nil
	}
	return w.xattr.read(l, i, n, devOf(st))
}

func (w *scanWorker) readTarget(l *listing, name []byte, n *Node) error {
	k, err := readlinkAt(l.fd, name, w.buf)
	if err != nil {
		return err
	}
	if k == 0 || k > maxTarget {
		return fmt.Errorf("symbolic link to %d bytes", k)
	}
	ref, err := w.names.addBytes(w.buf[:k])
	n.at, n.Size = uint64(ref), int64(k)
	return err
}

// stampOf is the stamp of a file that is open.
func stampOf(st *unix.Stat_t) uint64 {
	return stamp(uint64(st.Dev), st.Ino, int64(st.Mtim.Sec), uint32(st.Mtim.Nsec))
}

// opener opens files for reading, without touching access times where that is allowed: only a
// file's owner may ask for it.
type opener struct {
	refused bool
	name    []byte
}

// at opens a name, which ends in NUL, in a directory.
func (o *opener) at(dir int, name []byte, flags int) (int, error) {
	if o.refused {
		return openAt(dir, name, flags)
	}
	fd, err := openAt(dir, name, flags|unix.O_NOATIME)
	if err == unix.EPERM {
		if fd, err = openAt(dir, name, flags); err == nil {
			o.refused = true
		}
	}
	return fd, err
}

// path opens a path below the root that dir is open at; "" is the root itself. It may be longer
// than the host takes at a time.
func (o *opener) path(dir int, path string, flags int) (int, error) {
	if path == "" {
		path = "."
	}
	from := dir
	for {
		part := path
		if len(part) >= unix.PathMax {
			part = path[:strings.LastIndexByte(path[:unix.PathMax], '/')]
		}
		o.name = append(append(o.name[:0], part...), 0)
		path = strings.TrimPrefix(path[len(part):], "/")
		f := flags
		if path != "" {
			f = unix.O_DIRECTORY | unix.O_PATH
		}
		fd, err := o.at(from, o.name, f)
		if from != dir {
			unix.Close(from)
		}
		if err != nil || path == "" {
			return fd, err
		}
		from = fd
	}
}
