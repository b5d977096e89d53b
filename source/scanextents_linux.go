package source

import "golang.org/x/sys/unix"

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
	unwritten := unwrittenRanges(fd, n.Size, w.buf)
	data, err := dataRanges(fd, n.Size)
	if err != nil || data == nil && unwritten == nil {
		return err
	}
	if data == nil {
		data = []Range{{Off: 0, Len: n.Size}}
	}
	all := carve(data, unwritten)
	w.s.mu.Lock()
	w.s.t.extents = append(w.s.t.extents, all)
	n.extents = uint32(len(w.s.t.extents))
	w.s.mu.Unlock()
	return nil
}

// unwrittenRanges asks for the ranges that are allocated and unwritten, ascending; nil when there
// are none, or the host does not tell. Ranges with data that only waits to be written back count
// as unwritten, too, until the host has done so: that is asked for, but only where it matters.
// (Asking for data and holes is no way to find out: to that, a range is data as soon as somebody
// has read it.)
func unwrittenRanges(fd int, size int64, buf []byte) []Range {
	var found []Range
	for _, flags := range [...]uint32{0, fiemapSync} {
		found = nil
		for at, more := int64(0), true; more; {
			var err error
			at, more, err = fiemap(fd, at, size, flags, buf, func(off, n int64, unwritten bool) {
				if !unwritten || off < 0 || n <= 0 || off >= size {
					return
				}
				x := Range{Off: off, Len: min(n, size-off), Unwritten: true}
				if k := len(found) - 1; k >= 0 && found[k].End() >= x.Off {
					found[k].Len = max(found[k].End(), x.End()) - found[k].Off
				} else {
					found = append(found, x)
				}
			})
			if err != nil {
				return nil
			}
		}
		if found == nil {
			return nil
		}
	}
	return found
}

// carve joins ranges of data and unwritten ranges, both ascending. Where they overlap, it is
// unwritten. It uses data up.
func carve(data, unwritten []Range) []Range {
	all := []Range{}
	cut := func(r Range, from, end int64) Range { return Range{Off: from, Len: end - from, Unwritten: r.Unwritten} }
	for _, u := range unwritten {
		for len(data) > 0 && data[0].Off < u.Off {
			d := data[0]
			if d.End() <= u.Off {
				all = append(all, d)
				data = data[1:]
				continue
			}
			all = append(all, cut(d, d.Off, u.Off))
			data[0] = cut(d, u.Off, d.End())
		}
		for len(data) > 0 && data[0].Off < u.End() {
			if d := data[0]; d.End() > u.End() {
				data[0] = cut(d, u.End(), d.End())
				break
			}
			data = data[1:]
		}
		all = append(all, u)
	}
	return append(all, data...)
}
