package volume

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Errors of changing names; fs.ErrExist and fs.ErrNotExist are others.
var (
	ErrNotEmpty = errors.New("directory is not empty")
	ErrIsDir    = errors.New("is a directory")
	ErrLoop     = errors.New("a directory cannot be moved into itself")
	ErrRoot     = errors.New("the root directory stays where it is")
)

// Attr says what a new inode is to be.
type Attr struct {
	Mode         uint16 // permissions, setuid, setgid and sticky; the type is the call's business
	UID, GID     uint32
	Major, Minor uint32 // of a device
}

// Create makes an empty regular file.
func (w *Writer) Create(path string, a Attr) error { return w.mknod("create", path, format.ModeReg, a) }

// Mknod makes a device, a FIFO or a socket: kind is one of format.ModeChar and its sisters.
func (w *Writer) Mknod(path string, kind uint16, a Attr) error {
	switch kind {
	case format.ModeChar, format.ModeBlk, format.ModeFIFO, format.ModeSock:
		return w.mknod("mknod", path, kind, a)
	}
	return &fs.PathError{Op: "mknod", Path: path, Err: fs.ErrInvalid}
}

func (w *Writer) mknod(name, path string, kind uint16, a Attr) error {
	return w.named(name, path, func(o *op, p at, d *inode.Editor) error {
		_, err := o.create(d, p.name, kind, a)
		return err
	})
}

// Mkdir makes a directory.
func (w *Writer) Mkdir(path string, a Attr) error {
	return w.named("mkdir", path, func(o *op, p at, d *inode.Editor) error {
		e, err := o.create(d, p.name, format.ModeDir, a)
		if err != nil {
			return err
		}
		if err := e.AddLinks(1); err != nil { // its "."
			return err
		}
		if err := d.AddLinks(1); err != nil { // its ".."
			return err
		}
		return o.dirOf(e).Init(d.Ino)
	})
}

// Symlink makes a symbolic link to target.
func (w *Writer) Symlink(target, path string, a Attr) error {
	if len(target) == 0 || len(target) >= format.MaxSymlinkLen {
		return &fs.PathError{Op: "symlink", Path: path, Err: ErrNameTooLong}
	}
	a.Mode = 0o777
	return w.named("symlink", path, func(o *op, p at, d *inode.Editor) error {
		e, err := o.create(d, p.name, format.ModeLink, a)
		if err != nil {
			return err
		}
		return e.SetTarget(target)
	})
}

// create makes an inode with one name.
func (o *op) create(d *inode.Editor, name string, kind uint16, a Attr) (*inode.Editor, error) {
	n := inode.Node{
		Mode: kind | a.Mode&^format.ModeType, UID: a.UID, GID: a.GID, Rdev: format.EncodeDev(a.Major, a.Minor),
		Sec: o.sec, Nsec: o.nsec, From: d,
	}
	if o.Geo.HasParent() {
		n.Attrs, _ = attr.ShortSize([]attr.Attr{attr.Parent(name, d.Ino, 0)})
	}
	e, err := o.inodes.Create(o.tx, d.Ino, n)
	if err != nil {
		return nil, err
	}
	return e, o.addName(d, name, e)
}

// addName gives an inode a name in a directory.
func (o *op) addName(d *inode.Editor, name string, e *inode.Editor) error {
	if err := o.dirOf(d).Add(name, e.Ino, format.FTypeOf(e.Mode())); err != nil {
		return err
	}
	if o.Geo.HasParent() {
		if err := o.setAttr(e, attr.Parent(name, d.Ino, d.Gen()), true, false); err != nil {
			return fmt.Errorf("parent pointer: %w", err)
		}
	}
	if err := e.AddLinks(1); err != nil {
		return err
	}
	o.touch(d, inode.Modified|inode.Changed)
	o.touch(e, inode.Changed)
	return nil
}

// removeName takes a name away from an inode.
func (o *op) removeName(d *inode.Editor, name string, e *inode.Editor) error {
	if err := o.dirOf(d).Remove(name); err != nil {
		return err
	}
	if o.Geo.HasParent() {
		if err := o.attrsOf(e).Remove(attr.Parent(name, d.Ino, d.Gen())); err != nil {
			return fmt.Errorf("parent pointer: %w", err)
		}
	}
	if err := e.AddLinks(-1); err != nil {
		return err
	}
	o.touch(d, inode.Modified|inode.Changed)
	o.touch(e, inode.Changed)
	return nil
}

// Link gives a file another name.
func (w *Writer) Link(old, path string) error {
	return w.named("link", path, func(o *op, p at, d *inode.Editor) error {
		e, err := o.find("link", old, false)
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return pathError("link", old, ErrIsDir)
		}
		return o.addName(d, p.name, e)
	})
}

// child opens what a name in a directory leads to.
func (o *op) child(d *inode.Editor, name string) (*inode.Editor, error) {
	n, err := o.dirOf(d).Lookup(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	}
	return o.edit(n.Ino)
}

// Remove takes a name away: of a file, or of an empty directory. With the last one goes the
// inode and what it holds.
func (w *Writer) Remove(path string) error {
	var orphan format.Ino
	err := w.named("remove", path, func(o *op, p at, d *inode.Editor) error {
		e, err := o.child(d, p.name)
		if err != nil {
			return err
		}
		orphan, err = o.unlink(d, p.name, e)
		return err
	})
	if err == nil && orphan != 0 {
		err = w.finish(orphan)
	}
	return err
}

// unlink takes a name away from an inode, and gives the inode back if it was the last one. An
// inode that has too much for one transaction is returned, to be finished off later.
func (o *op) unlink(d *inode.Editor, name string, e *inode.Editor) (orphan format.Ino, err error) {
	if e.IsDir() {
		if err := o.emptyDir(e); err != nil {
			return 0, err
		}
	}
	if err := o.removeName(d, name, e); err != nil {
		return 0, err
	}
	if e.IsDir() {
		if err := d.AddLinks(-1); err != nil {
			return 0, err
		}
		if err := e.AddLinks(-1); err != nil { // its "."
			return 0, err
		}
	}
	if e.NLink() > 0 {
		return 0, nil
	}
	return o.drop(e)
}

// emptyDir checks that a directory has no entries.
func (o *op) emptyDir(e *inode.Editor) error {
	list, _, _, err := o.dirOf(e).Contents()
	if err == nil && len(list) > 0 {
		err = ErrNotEmpty
	}
	return err
}

// Rename moves a name, over one that is there: a file over anything but a directory, a
// directory over an empty one.
func (w *Writer) Rename(old, path string) error {
	var orphan format.Ino
	err := w.named("rename", path, func(o *op, to at, d *inode.Editor) error {
		from, src, err := o.where("rename", old)
		if err != nil {
			return err
		}
		e, err := o.child(src, from.name)
		if err != nil {
			return pathError("rename", old, err)
		}
		orphan, err = o.rename(src, from.name, e, d, to.name)
		return err
	})
	if err == nil && orphan != 0 {
		err = w.finish(orphan)
	}
	return err
}

// rename makes the name of e in one directory a name in another.
func (o *op) rename(src *inode.Editor, from string, e *inode.Editor, dst *inode.Editor, to string) (orphan format.Ino, err error) {
	if src.Ino == dst.Ino && from == to {
		return 0, nil
	}
	if e.IsDir() {
		if err := o.notBelow(e.Ino, dst.Ino); err != nil {
			return 0, err
		}
	}
	switch over, err := o.child(dst, to); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return 0, err
	case over.Ino == e.Ino:
		return 0, nil // two names of one file: both stay
	case over.IsDir() && !e.IsDir():
		return 0, ErrIsDir
	case !over.IsDir() && e.IsDir():
		return 0, dir.ErrNotDir
	default:
		if orphan, err = o.unlink(dst, to, over); err != nil {
			return 0, err
		}
	}
	if err := o.removeName(src, from, e); err != nil {
		return 0, err
	}
	if err := o.addName(dst, to, e); err != nil {
		return 0, err
	}
	if e.IsDir() && src.Ino != dst.Ino {
		if err := o.dirOf(e).Replace("..", dst.Ino, format.FTDir); err != nil {
			return 0, err
		}
		if err := src.AddLinks(-1); err != nil {
			return 0, err
		}
		if err := dst.AddLinks(1); err != nil {
			return 0, err
		}
	}
	return orphan, nil
}

// notBelow checks that a directory is not the one to move, nor anywhere below it.
func (o *op) notBelow(moved, at format.Ino) error {
	for range o.Geo.DBlocks { // more levels than there can be
		if at == moved {
			return ErrLoop
		}
		if at == o.Geo.RootIno {
			return nil
		}
		e, err := o.edit(at)
		if err != nil {
			return err
		}
		parent, err := o.dirOf(e).Parent()
		if err != nil {
			return err
		}
		at = parent
	}
	return ErrLoop
}
