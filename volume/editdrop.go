package volume

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// perChange is how many extents one transaction frees, so that it stays small.
const perChange = 128

// drop gives back an inode without names, and all that it holds. If that is too much for one
// transaction the inode goes on the list of such inodes and is returned, for finish.
func (o *op) drop(e *inode.Editor) (orphan format.Ino, err error) {
	more, err := o.freeData(e, 0, perChange)
	if err != nil {
		return 0, err
	}
	if more {
		if ok, err := o.inodes.Orphan(o.tx, e.Ino); ok || err != nil {
			return e.Ino, err
		}
		// The list has an inode that somebody else left there; this one can't wait.
		for more {
			if more, err = o.freeData(e, 0, perChange); err != nil {
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
			if more, err = o.freeData(e, 0, perChange); err != nil || more {
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

// release gives up the blocks of a mapping that was taken out of a data fork: those that no
// other file shares are free then.
func (o *op) release(e *inode.Editor, m format.Mapping) error {
	regular := e.Mode()&format.ModeType == format.ModeReg
	if !regular || !e.Reflink() {
		return e.Release(m, regular)
	}
	for m.Count > 0 {
		done, gone, err := o.counts.Decrease(o.tx, space.Extent{Start: m.Start, Count: m.Count})
		if err != nil {
			return err
		}
		at := m.Start
		end := m.Start + format.FSBlock(done)
		unmap := func(to format.FSBlock) error {
			if at == to {
				return nil
			}
			part := part(m, at, to)
			return o.groups.Unmap(o.tx, space.Extent{Start: at, Count: part.Count}, space.ForkOwner(e.Ino, false, part.Off, part.Unwritten))
		}
		for _, x := range gone {
			if err := unmap(x.Start); err != nil {
				return err
			}
			if err := e.Release(part(m, x.Start, x.End()), true); err != nil {
				return err
			}
			at = x.End()
		}
		if err := unmap(end); err != nil {
			return err
		}
		m = part(m, end, m.Start+format.FSBlock(m.Count))
	}
	return nil
}

// part is the part of a mapping that lies in blocks from to end.
func part(m format.Mapping, from, end format.FSBlock) format.Mapping {
	return format.Mapping{Off: m.Off + format.FileOff(from-m.Start), Start: from, Count: uint32(end - from), Unwritten: m.Unwritten}
}
