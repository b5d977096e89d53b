package cow

import (
	"fmt"
	"io"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// ReadAt reads from byte off on what was written to the file: what is in dirty pages, else what the
// data fork has. With staged, what the CoW fork has in its blocks comes before the data fork. At
// the end of the file the error is io.EOF.
func (f *File) ReadAt(p []byte, off int64, staged bool) (n int, err error) {
	size := int64(f.Size())
	if off >= size {
		return 0, io.EOF
	}
	var eof error
	if int64(len(p)) > size-off {
		p, eof = p[:size-off], io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	err = f.eng.look(func(c *change) error {
		if err := f.readForks(c, p, off, staged); err != nil {
			return err
		}
		// Nobody can write pages back meanwhile.
		f.readPages(p, off)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("inode %d: read %d bytes at byte %d: %w", f.Ino, len(p), off, err)
	}
	return len(p), eof
}

func (f *File) readForks(c *change, p []byte, off int64, staged bool) error {
	ed, err := c.edit(f)
	if err != nil {
		return err
	}
	bs := int64(f.eng.geo.BlockSize)
	s := f.blocksOf(off, int64(len(p)))
	for at := s.off; at < s.end; {
		m, err := f.readable(ed, at, s.end, staged)
		if err != nil {
			return err
		}
		lo, hi := max(off, int64(m.Off)*bs), min(off+int64(len(p)), int64(m.End)*bs)
		b := p[lo-off : hi-off]
		if m.Source != Mapped {
			clear(b)
		} else if _, err := f.eng.dev.ReadAt(b, f.eng.geo.Offset(m.SourceStart)+lo-int64(m.Off)*bs); err != nil {
			return err
		}
		at = m.End
	}
	return nil
}

// readable is where a range is read from.
func (f *File) readable(ed *inode.Editor, off, end format.FileOff, staged bool) (Iomap, error) {
	m := Iomap{Off: off, End: end}
	if err := m.lookup(ed.Fork(inode.Data)); err != nil || !staged {
		return m, err
	}
	x, ok := f.cow.from(off)
	switch {
	case ok && x.Off > off:
		m.End = min(m.End, x.Off)
	case ok:
		m.staged(x)
	}
	return m, nil
}

func (f *File) readPages(p []byte, off int64) {
	bs := int64(f.eng.geo.BlockSize)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pages)+len(f.flight) == 0 {
		return
	}
	for done := 0; done < len(p); {
		at := off + int64(done)
		n := min(len(p)-done, int(bs-at%bs))
		if page := f.cached(format.FileOff(at / bs)); page != nil {
			copy(p[done:done+n], page.data[at%bs:])
		}
		done += n
	}
}
