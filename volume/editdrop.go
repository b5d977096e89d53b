package volume

import (
	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// perChange is how many extents one transaction frees, so that it stays small.
const perChange = 128

// drop gives back an inode without names, and all that it holds. If that is too much for one
// transaction the inode goes on the list of such inodes and is returned, for finish.
func (o *op) drop(e *inode.Editor) (orphan format.Ino, err error) {
	if err := o.cow.Abandon(o.tx, e.Ino); err != nil {
		return 0, err
	}
	o.gone = append(o.gone, e.Ino)
	more, err := o.freeAll(e)
	if err != nil {
		return 0, err
	}
	if more {
		if ok, err := o.inodes.Orphan(o.tx, e.Ino); ok || err != nil {
			return e.Ino, err
		}
		// The list has an inode that somebody else left there; this one can't wait.
		for more {
			if more, err = o.freeAll(e); err != nil {
				return 0, err
			}
		}
	}
	return 0, o.dropRest(e)
}

// dropRest gives back an inode whose data are gone.
func (o *op) dropRest(e *inode.Editor) error {
	f := e.Fork(inode.Attr)
	for {
		m, ok, err := f.From(0)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := f.Shrink(m, m.Off, m.End(), false); err != nil {
			return err
		}
	}
	return o.inodes.Free(o.tx, e)
}

// finish gives back what an inode on the list of those without names still holds.
func (w *Writer) finish(ino format.Ino) error {
	for more := true; more; {
		err := w.change(func(o *op) error {
			e, err := o.edit(ino)
			if err != nil {
				return err
			}
			if more, err = o.freeAll(e); err != nil || more {
				return err
			}
			if err := o.inodes.Adopt(o.tx, ino); err != nil {
				return err
			}
			return o.dropRest(e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// freeData frees up to most extents of a file from block off on, from the end.
func (o *op) freeData(e *inode.Editor, off format.FileOff, most int) (more bool, err error) {
	return e.FreeData(off, most, func(m format.Mapping) error { return o.release(e, m) })
}

// freeAll frees what a file holds that nobody will see again: staged blocks, and then data.
func (o *op) freeAll(e *inode.Editor) (more bool, err error) {
	if more, err := o.cow.Forks().FreeFork(o.tx, e, perChange); more || err != nil {
		return more, err
	}
	return o.freeData(e, 0, perChange)
}

// release gives up the blocks of a mapping that was taken out of a data fork: those that no
// other file shares are free then.
func (o *op) release(e *inode.Editor, m format.Mapping) error {
	return cow.Release(o.tx, o.groups, o.counts, e, m)
}

// part is the part of a mapping that lies in blocks from to end.
func part(m format.Mapping, from, end format.FSBlock) format.Mapping {
	return format.Mapping{Off: m.Off + format.FileOff(from-m.Start), Start: from, Count: uint32(end - from), Unwritten: m.Unwritten}
}
