package dir

import (
	"slices"

	"github.com/cowfs/cowfs/format"
)

// short lists the entries of a directory in shortform, whose inode was verified.
func (e *Editor) short() (list []Entry) {
	eachShort(e.Fork.Local(), func(r rawEntry) bool {
		list = append(list, Entry{string(r.name), r.ino, r.ftype})
		return true
	})
	return list
}

// parent is the directory above one in shortform.
func (e *Editor) parent() format.Ino {
	b := e.Fork.Local()
	return shortIno(b[format.DirSF.Size:], format.DirSFInoSize(b))
}

func (e *Editor) addShort(n Entry) error {
	return e.rebuild(append(e.short(), n), e.parent())
}

func (e *Editor) replaceShort(name string, ino format.Ino, t format.FType) error {
	list := e.short()
	if name == ".." {
		return e.rebuild(list, ino)
	}
	p, err := e.find(Short, name)
	if err != nil {
		return err
	}
	list[p.at].Ino, list[p.at].Type = ino, t
	return e.rebuild(list, e.parent())
}

func (e *Editor) removeShort(p *place) error {
	list := e.short()
	return e.rebuild(slices.Delete(list, p.at, p.at+1), e.parent())
}

// ShortBytes encodes a directory in shortform.
func ShortBytes(list []Entry, parent format.Ino) []byte {
	wide := parent>>32 != 0
	size := format.DirSFSize(8)
	for i := range list {
		wide = wide || list[i].Ino>>32 != 0
		size += format.DirSFEntrySize(len(list[i].Name), 8)
	}
	b := make([]byte, size)
	w := NewShort(b, parent, wide)
	for i := range list {
		w.Add(list[i].Name, list[i].Ino, list[i].Type)
	}
	return b[:w.Finish()]
}
