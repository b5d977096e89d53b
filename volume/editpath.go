package volume

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// at is a name in a directory, where something is or will be.
type at struct {
	path string
	dir  format.Ino
	name string
}

// where opens the directory of a path, and tells the name in it.
func (o *op) where(op, path string) (at, *inode.Editor, error) {
	clean := strings.TrimRight(path, "/")
	i := strings.LastIndexByte(clean, '/')
	a := at{path: path, name: clean[i+1:]}
	fail := func(err error) (at, *inode.Editor, error) {
		return at{}, nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	switch {
	case clean == "":
		return fail(ErrRoot)
	case a.name == "." || a.name == ".." || strings.IndexByte(a.name, 0) >= 0:
		return fail(fs.ErrInvalid)
	case len(a.name) > format.MaxNameLen:
		return fail(ErrNameTooLong)
	}
	d, err := o.find(op, clean[:i+1], true)
	switch {
	case err != nil:
		return at{}, nil, err
	case !d.IsDir():
		return fail(dir.ErrNotDir)
	}
	a.dir = d.Ino
	return a, d, nil
}

// find opens what a path leads to; follow says whether a link in the last place is followed.
// Errors are an *fs.PathError.
func (o *op) find(op, path string, follow bool) (*inode.Editor, error) {
	e, err := o.walk(path, follow)
	if e != nil || err != nil {
		return e, pathError(op, path, err)
	}
	v := *o.Volume
	v.dev = o.tx.View()
	v.src.Dev = v.dev
	i, err := v.lookup(op, path, follow)
	if err != nil {
		return nil, err
	}
	e, err = o.edit(i.Ino)
	return e, pathError(op, path, err)
}

// walk is find for the usual path, of directories that are in memory already. It gives nothing
// where that won't do: for links, ".." and errors.
func (o *op) walk(path string, follow bool) (*inode.Editor, error) {
	e, err := o.edit(o.Geo.RootIno)
	for err == nil && path != "" {
		name, rest, slash := strings.Cut(path, "/")
		path = rest
		if name == "" {
			continue
		}
		if !e.IsDir() || name == "." || name == ".." || len(name) > format.MaxNameLen {
			return nil, nil
		}
		n, err := o.dirOf(e).Lookup(name)
		if err != nil || n.Type == format.FTLink && (slash || follow) {
			return nil, nil
		}
		if e, err = o.edit(n.Ino); err != nil || slash && !e.IsDir() {
			return nil, nil
		}
	}
	return e, err
}

// pathError is an error about a path, unless it says so already.
func pathError(op, path string, err error) error {
	if err == nil || errors.As(err, new(*fs.PathError)) {
		return err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// named runs a change of the name that path ends in.
func (w *Writer) named(name, path string, f func(o *op, a at, d *inode.Editor) error) error {
	w.one.Lock()
	defer w.one.Unlock()
	err := w.change(func(o *op) error {
		a, d, err := o.where(name, path)
		if err != nil {
			return err
		}
		return f(o, a, d)
	})
	return pathError(name, path, err)
}
