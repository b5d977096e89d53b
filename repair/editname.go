package repair

import (
	"errors"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// change changes one inode in a transaction.
func (e *editor) change(ino format.Ino, f func(tx *txn.Tx, ed *inode.Editor) error) error {
	return e.do(func(tx *txn.Tx) error {
		ed, err := inode.Edit(tx, e.groups, ino)
		if err != nil {
			return err
		}
		return f(tx, ed)
	})
}

// dirOf is the entries of a directory, attrsOf the attributes of an inode.
func (e *editor) dirOf(ed *inode.Editor) *dir.Editor {
	return &dir.Editor{Geo: e.geo, Ino: ed.Ino, Fork: ed.DirFork()}
}

func (e *editor) attrsOf(ed *inode.Editor) *attr.Editor {
	return &attr.Editor{Geo: e.geo, Ino: ed.Ino, Fork: ed.AttrFork()}
}

// setAttr stores an attribute. An inode that its data fork fills gives room first.
func (e *editor) setAttr(ed *inode.Editor, a attr.Attr) error {
	err := e.attrsOf(ed).Set(a, false, false)
	if !errors.Is(err, inode.ErrForkFull) {
		return err
	}
	switch ed.Mode() & format.ModeType {
	case format.ModeDir:
		err = e.dirOf(ed).ToBlocks()
	case format.ModeLink:
		err = ed.TargetToBlocks()
	}
	if err != nil {
		return err
	}
	return e.attrsOf(ed).Set(a, false, false)
}

// addEntry, removeEntry and setEntry change a directory.
func (e *editor) addEntry(d format.Ino, name string, ino format.Ino, t format.FType) error {
	return e.change(d, func(_ *txn.Tx, ed *inode.Editor) error { return e.dirOf(ed).Add(name, ino, t) })
}

func (e *editor) removeEntry(d format.Ino, name string) error {
	return e.change(d, func(_ *txn.Tx, ed *inode.Editor) error { return e.dirOf(ed).Remove(name) })
}

func (e *editor) setEntry(d format.Ino, name string, ino format.Ino, t format.FType) error {
	return e.change(d, func(_ *txn.Tx, ed *inode.Editor) error { return e.dirOf(ed).Replace(name, ino, t) })
}

// setLinks makes the number of names what it should be.
func (e *editor) setLinks(ino format.Ino, n uint32) error {
	return e.change(ino, func(_ *txn.Tx, ed *inode.Editor) error {
		format.DiNLink.Put(ed.Modify(), n)
		return nil
	})
}

// emptyFork frees all blocks of a fork, a few mappings at a time.
func (e *editor) emptyFork(ino format.Ino, which inode.Which) error {
	for more := true; more; {
		err := e.change(ino, func(_ *txn.Tx, ed *inode.Editor) error {
			f := ed.Fork(which)
			for range mapsPerChange {
				m, ok, err := f.From(0)
				if more = ok; err != nil || !ok {
					return err
				}
				if err := f.Shrink(m, m.Off, m.End(), false); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
