package source

import (
	"errors"

	"golang.org/x/sys/unix"
)

// lookForHoles is the size in bytes from which on a file is asked for its holes although it has
// blocks for all its bytes: some may be allocated and unwritten.
const lookForHoles = 1 << 16

// scanExtents finds the ranges of a regular file that have data.
func (w *scanWorker) scanExtents(l *listing, name []byte, n *Node) error {
	if n.Size == 0 || n.Size < lookForHoles && int64(w.stat.Blocks)*512 >= n.Size {
		return nil
	}
	fd, err := w.open.at(l.fd, name, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	data, err := dataRanges(fd, n.Size)
	if err != nil || data == nil {
		return err
	}
	all := mergeUnwritten(data, unwrittenRanges(fd, n.Size, w.buf))
	w.s.mu.Lock()
	w.s.t.extents = append(w.s.t.extents, all)
	n.extents = uint32(len(w.s.t.extents))
	w.s.mu.Unlock()
	return nil
}

// dataRanges asks where an open file has data; nil when everywhere, or when the host does not
// know.
func dataRanges(fd int, size int64) ([]Range, error) {
	data := []Range{}
	for at := int64(0); at < size; {
		from, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		end, err := unix.Seek(fd, from, unix.SEEK_HOLE)
		if errors.Is(err, unix.ENXIO) { // cut off meanwhile; reading it will tell
			end = size
		} else if err != nil {
			return nil, err
		}
		if from = min(from, size); from < size {
			end = min(max(end, from+1), size)
			data = append(data, Range{Off: from, Len: end - from})
		}
		at = max(end, from)
	}
	if len(data) == 1 && data[0].Len == size {
		return nil, nil
	}
	return data, nil
}

// unwrittenRanges asks for the ranges that are allocated and unwritten, ascending; none when the
// host does not tell. Such a range may have data in the page cache: what dataRanges says counts.
func unwrittenRanges(fd int, size int64, buf []byte) []Range {
	var unwritten []Range
	for at, more := int64(0), true; more; {
		var err error
		at, more, err = fiemap(fd, at, size, buf, func(off, n int64, u bool) {
			if off < 0 || n <= 0 || off >= size || !u {
				return
			}
			unwritten = append(unwritten, Range{Off: off, Len: min(n, size-off), Unwritten: true})
		})
		if err != nil {
			return nil
		}
	}
	return unwritten
}

// mergeUnwritten adds to data what of the unwritten ranges lies outside of it. Both are ascending.
func mergeUnwritten(data, unwritten []Range) []Range {
	if len(unwritten) == 0 {
		return data
	}
	all := []Range{}
	d, at := 0, int64(0) // at: what lies before is dealt with
	add := func(from, end int64) {
		if from = max(from, at); from >= end {
			return
		}
		if k := len(all) - 1; k >= 0 && all[k].Unwritten && all[k].End() == from {
			all[k].Len += end - from
		} else {
			all = append(all, Range{Off: from, Len: end - from, Unwritten: true})
		}
		at = end
	}
	for _, u := range unwritten {
		for ; d < len(data) && data[d].Off < u.End(); d++ {
			add(u.Off, data[d].Off)
			all = append(all, data[d])
			at = max(at, data[d].End())
		}
		add(u.Off, u.End())
	}
	return append(all, data[d:]...)
}
