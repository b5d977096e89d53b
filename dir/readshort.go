package dir

import "github.com/cowfs/cowfs/format"

// shortIno reads an inode number of a directory in shortform, in its width of 4 or 8 bytes.
func shortIno(b []byte, width int) format.Ino {
	if width == 8 {
		return format.U64[format.Ino](0).Get(b)
	}
	return format.Ino(format.U32[uint32](0).Get(b))
}

// shortParent is the parent of a directory in shortform.
func (d *Dir) shortParent() format.Ino {
	b := d.fork.Local
	return shortIno(b[format.DirSF.Size:], format.DirSFInoSize(b))
}

// eachShort gives the entries in shortform; visit returns false to stop. The inode was checked
// with all it holds.
func eachShort(b []byte, visit func(rawEntry) bool) {
	count, width := int(format.DirSFCount.Get(b)), format.DirSFInoSize(b)
	b = b[format.DirSFSize(width):]
	for range count {
		end := format.DirSFEntry.Size + int(format.DirSFEntryNameLen.Get(b))
		e := rawEntry{name: b[format.DirSFEntry.Size:end], ftype: format.FType(b[end]), ino: shortIno(b[end+1:], width)}
		if !visit(e) {
			return
		}
		b = b[format.DirSFEntrySize(len(e.name), width):]
	}
}

func (d *Dir) findShort(m *matcher) {
	if m.try(rawEntry{[]byte("."), d.ino.Ino, format.FTDir}) && m.try(rawEntry{[]byte(".."), d.shortParent(), format.FTDir}) {
		eachShort(d.fork.Local, m.try)
	}
}
