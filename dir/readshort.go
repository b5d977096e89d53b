package dir

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// shortHeader is the checked header of a directory in shortform.
type shortHeader struct {
	count   int
	inoSize int // 4 or 8
	parent  format.Ino
}

func (d *Dir) short() (h shortHeader, err error) {
	b := d.fork.Local
	h.inoSize = 4
	if len(b) >= format.DirSF.Size && format.DirSFI8Count.Get(b) > 0 {
		h.inoSize = 8
	}
	if len(b) < format.DirSFSize(h.inoSize) {
		return h, d.corrupt("shortform directory", "size", len(b), fmt.Sprintf("at least %d", format.DirSFSize(h.inoSize)))
	}
	h.count = int(format.DirSFCount.Get(b))
	h.parent = h.ino(b[format.DirSF.Size:])
	if !d.geo.ValidIno(h.parent) {
		return h, d.corrupt("shortform directory", "parent", h.parent, "an inode of the volume")
	}
	return h, nil
}

// ino reads an inode number in the directory's width.
func (h shortHeader) ino(b []byte) format.Ino {
	if h.inoSize == 8 {
		return format.U64[format.Ino](0).Get(b)
	}
	return format.Ino(format.U32[uint32](0).Get(b))
}

// eachShort gives the entries; visit returns false to stop.
func (d *Dir) eachShort(visit func(rawEntry) bool) error {
	h, err := d.short()
	if err != nil {
		return err
	}
	b := d.fork.Local[format.DirSFSize(h.inoSize):]
	for i := range h.count {
		if len(b) == 0 || b[0] == 0 || format.DirSFEntrySize(int(b[0]), h.inoSize) > len(b) {
			return d.corrupt("shortform directory", fmt.Sprintf("entry %d", i), fmt.Sprintf("%d bytes left", len(b)), "a name that fits")
		}
		n := int(b[0])
		// After the length come two bytes of offset, the name, the type and the inode number.
		e := rawEntry{name: b[3 : 3+n], ftype: format.FType(b[3+n]), ino: h.ino(b[3+n+1:])}
		if err := d.checkEntry(e); err != nil {
			return err
		}
		if !visit(e) {
			return nil
		}
		b = b[format.DirSFEntrySize(n, h.inoSize):]
	}
	if len(b) != 0 {
		return d.corrupt("shortform directory", "size", fmt.Sprintf("%d bytes behind the last entry", len(b)), "none")
	}
	return nil
}

func (d *Dir) findShort(m *matcher) error {
	h, err := d.short()
	if err != nil {
		return err
	}
	if !m.try(rawEntry{[]byte("."), d.ino.Ino, format.FTDir}) || !m.try(rawEntry{[]byte(".."), h.parent, format.FTDir}) {
		return nil
	}
	return d.eachShort(m.try)
}
