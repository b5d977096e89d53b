package source

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// listing is a directory of the host that is open, its names, and the nodes that they get.
type listing struct {
	path  string // below the root
	fd    int
	names []byte // each ends in NUL
	ents  []dirent
	nodes slabs[Node]
	first ID // node of the first name
	// pending counts the jobs that look at the names; the last one closes fd.
	pending atomic.Int32
}

// dirent is a name in a listing.
type dirent struct {
	key uint64 // 8 bytes of the name behind what all names begin with; decides most comparisons
	off uint32 // of the name in names
	len uint16
}

// name is a name with its NUL.
func (l *listing) name(i int) []byte {
	e := l.ents[i]
	return l.names[e.off : e.off+uint32(e.len)+1]
}

// pathOf is the path below the root of a name.
func (l *listing) pathOf(i int) string {
	e := l.ents[i]
	return join(l.path, string(l.names[e.off:e.off+uint32(e.len)]))
}

// release ends a job's use of l, which may be nil.
func (l *listing) release() {
	if l != nil && l.pending.Add(-1) == 0 {
		unix.Close(l.fd)
	}
}

// read adds the names in the directory, all but those that the rules leave out.
func (l *listing) read(buf []byte, r *rules) error {
	for {
		n, err := unix.ReadDirent(l.fd, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n <= 0:
			return nil
		}
		if err := l.parse(buf[:n], r); err != nil {
			return err
		}
	}
}

// parse takes names from what getdents64 returned: inode u64, offset u64, record length u16,
// type u8, name.
func (l *listing) parse(b []byte, r *rules) error {
	const nameOff = 19
	for len(b) > nameOff {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size <= nameOff || size > len(b) {
			return fmt.Errorf("the host lists the directory in a malformed way")
		}
		ino, name := binary.NativeEndian.Uint64(b), b[nameOff:size]
		b = b[size:]
		end := bytes.IndexByte(name, 0)
		if end < 0 {
			return fmt.Errorf("the host lists the directory in a malformed way")
		}
		name = name[:end+1]
		if ino == 0 || string(name) == ".\x00" || string(name) == "..\x00" {
			continue
		}
		if err := checkName(name[:end]); err != nil {
			return fmt.Errorf("%q: %w", name[:end], err)
		}
		if len(r.Exclude) > 0 && r.excluded(join(l.path, string(name[:end]))) {
			continue
		}
		if r.SkipFile != nil && ino == r.SkipFile.Ino && l.isFile(name, r.SkipFile) {
			continue
		}
		if len(l.names)+len(name) > math.MaxUint32 {
			return errTooManyNames
		}
		l.ents = append(l.ents, dirent{off: uint32(len(l.names)), len: uint16(end)})
		l.names = append(l.names, name...)
	}
	return nil
}

// isFile reports whether a name is the file f.
func (l *listing) isFile(name []byte, f *FileID) bool {
	var st unix.Statx_t
	return statAt(l.fd, name, &st) == nil && st.Ino == f.Ino && devOf(&st) == f.Dev
}

func devOf(st *unix.Statx_t) uint64 { return unix.Mkdev(st.Dev_major, st.Dev_minor) }

// sort puts the names in byte order. A name that the host lists twice, because it was moved
// meanwhile, is kept once.
func (l *listing) sort() {
	if len(l.ents) < 2 {
		return
	}
	skip := l.commonPrefix()
	for i := range l.ents {
		var key [8]byte
		copy(key[:], l.rest(l.ents[i], skip))
		l.ents[i].key = binary.BigEndian.Uint64(key[:])
	}
	compare := func(a, b dirent) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return bytes.Compare(l.rest(a, skip+8), l.rest(b, skip+8))
	}
	slices.SortFunc(l.ents, compare)
	l.ents = slices.CompactFunc(l.ents, func(a, b dirent) bool { return compare(a, b) == 0 })
}

// rest is a name without its first skip bytes.
func (l *listing) rest(e dirent, skip int) []byte {
	return l.names[int(e.off)+min(skip, int(e.len)) : int(e.off)+int(e.len)]
}

func (l *listing) commonPrefix() int {
	first := l.rest(l.ents[0], 0)
	for _, e := range l.ents[1:] {
		name := l.rest(e, 0)
		n := min(len(first), len(name))
		i := 0
		for i < n && first[i] == name[i] {
			i++
		}
		first = first[:i]
	}
	return len(first)
}
