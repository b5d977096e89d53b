package volume

import (
	"errors"
	"fmt"
	"time"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// on runs a change of what a path leads to; follow says whether a link in the last place is
// followed.
func (w *Writer) on(name, path string, follow bool, f func(o *op, e *inode.Editor) error) error {
	w.one.Lock()
	defer w.one.Unlock()
	err := w.change(func(o *op) error {
		e, err := o.find(name, path, follow)
		if err == nil {
			err = f(o, e)
		}
		if err == nil {
			o.touch(e, inode.Changed)
		}
		return err
	})
	return pathError(name, path, err)
}

// Chmod sets permissions, setuid, setgid and sticky.
func (w *Writer) Chmod(path string, mode uint16) error {
	return w.on("chmod", path, true, func(_ *op, e *inode.Editor) error {
		b := e.Modify()
		format.DiMode.Put(b, e.Mode()&format.ModeType|mode&^format.ModeType)
		return nil
	})
}

// Chown sets the owner, of a link itself.
func (w *Writer) Chown(path string, uid, gid uint32) error {
	return w.on("chown", path, false, func(_ *op, e *inode.Editor) error {
		b := e.Modify()
		format.DiUID.Put(b, uid)
		format.DiGID.Put(b, gid)
		return nil
	})
}

// Chtimes sets the times of access and modification, of a link itself.
func (w *Writer) Chtimes(path string, access, modified time.Time) error {
	return w.on("chtimes", path, false, func(_ *op, e *inode.Editor) error {
		e.Touch(inode.Access, access.Unix(), uint32(access.Nanosecond()))
		e.Touch(inode.Modified, modified.Unix(), uint32(modified.Nanosecond()))
		return nil
	})
}

// SetXattr sets an extended attribute, named as on Linux: "user.x", "system.posix_acl_access".
// create and replace say what it must not, and what it must be: there before.
func (w *Writer) SetXattr(path, name string, value []byte, create, replace bool) error {
	return w.on("setxattr", path, false, func(o *op, e *inode.Editor) error {
		a, err := storedAttr(name, value)
		if err != nil {
			return err
		}
		return o.setAttr(e, a, create, replace)
	})
}

// RemoveXattr takes an extended attribute away.
func (w *Writer) RemoveXattr(path, name string) error {
	return w.on("removexattr", path, false, func(o *op, e *inode.Editor) error {
		flags, n, err := attr.SplitHostName(name)
		if err != nil {
			return err
		}
		if err := o.attrsOf(e).Remove(attr.Attr{Flags: flags, Name: n}); errors.Is(err, attr.ErrNotFound) {
			return fmt.Errorf("%s: %w", name, attr.ErrNotFound)
		} else if err != nil {
			return err
		}
		return nil
	})
}

func storedAttr(name string, value []byte) (attr.Attr, error) {
	flags, n, v, err := attr.FromHost(name, value)
	return attr.Attr{Flags: flags, Name: string(n), Value: v}, err
}
