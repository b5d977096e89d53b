package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// maxLinks is the number of symbolic links that one path may lead through, as on Linux.
const maxLinks = 40

// ErrTooManyLinks says that a path leads through more symbolic links than are allowed.
var ErrTooManyLinks = errors.New("too many levels of symbolic links")

// ErrNameTooLong says that a part of a path is longer than any name.
var ErrNameTooLong = errors.New("file name too long")

// Inode reads an inode by its number.
func (v *Volume) Inode(ino format.Ino) (*inode.Inode, error) {
	i, err := v.src.Read(ino)
	if err == nil && v.cow != nil {
		i = v.sized(i)
	}
	return i, err
}

// Root reads the root directory.
func (v *Volume) Root() (*inode.Inode, error) {
	root, err := v.used(v.Geo.RootIno, "superblock", "rootino", format.NullIno)
	if err == nil && !root.IsDir() {
		err = format.Corrupt("root directory", "mode", fmt.Sprintf("%#o", root.Mode()), "a directory").At(format.InInode(root.Ino))
	}
	return root, err
}

// Lookup finds an inode by path, from the root on; a leading slash may be there or not, and the
// empty path is the root. Symbolic links are followed, an absolute one from the volume's root.
// Errors are an *fs.PathError.
func (v *Volume) Lookup(path string) (*inode.Inode, error) { return v.lookup("lookup", path, true) }

// LookupLink is Lookup that does not follow a link in the last place.
func (v *Volume) LookupLink(path string) (*inode.Inode, error) {
	return v.lookup("lookup", path, false)
}

func (v *Volume) lookup(op, path string, follow bool) (*inode.Inode, error) {
	w := walk{v: v, follow: follow, links: maxLinks}
	i, err := w.path(path)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	return i, nil
}

// walk goes along one path.
type walk struct {
	v      *Volume
	follow bool // a link in the last place too
	links  int  // how many more may be followed
}

func (w *walk) path(path string) (*inode.Inode, error) {
	at, err := w.v.Root()
	for err == nil && path != "" {
		name, rest, slash := strings.Cut(path, "/")
		if name == "" || name == "." {
			path = rest
			continue
		}
		var next *inode.Inode
		if next, err = w.v.child(at, name); err != nil {
			break
		}
		switch {
		case next.IsLink() && (slash || w.follow):
			at, path, err = w.link(at, next, rest)
		case slash && !next.IsDir():
			err = dir.ErrNotDir
		default:
			at, path = next, rest
		}
	}
	return at, err
}

// link follows a link that lies in directory at; rest is the path behind it. It returns where to
// go on and with what path.
func (w *walk) link(at, link *inode.Inode, rest string) (*inode.Inode, string, error) {
	if w.links--; w.links < 0 {
		return nil, "", ErrTooManyLinks
	}
	target, err := link.Target()
	if err != nil {
		return nil, "", err
	}
	if strings.HasPrefix(target, "/") {
		if at, err = w.v.Root(); err != nil {
			return nil, "", err
		}
	}
	if rest != "" {
		target += "/" + rest
	}
	return at, target, nil
}

// child reads the inode of a name in a directory.
func (v *Volume) child(parent *inode.Inode, name string) (*inode.Inode, error) {
	if len(name) > format.MaxNameLen {
		return nil, ErrNameTooLong
	}
	d, err := dir.Open(parent)
	if err != nil {
		return nil, err
	}
	if name == ".." {
		up, err := d.Parent()
		if err != nil {
			return nil, err
		}
		return v.Inode(up)
	}
	e, err := d.Lookup(name)
	if err != nil {
		return nil, err
	}
	return v.entryInode(parent.Ino, e)
}

// entryInode reads the inode that an entry of a directory names.
func (v *Volume) entryInode(parent format.Ino, e dir.Entry) (*inode.Inode, error) {
	return v.used(e.Ino, "directory entry", strconv.Quote(e.Name), parent)
}

// used reads an inode that must be in use, as a structure of inode in says so.
func (v *Volume) used(ino format.Ino, structure, field string, in format.Ino) (*inode.Inode, error) {
	i, err := v.Inode(ino)
	if errors.Is(err, inode.ErrFree) {
		err = format.Corrupt(structure, field, fmt.Sprintf("inode %d, which is free", ino), "one in use").At(format.InInode(in))
	}
	return i, err
}
