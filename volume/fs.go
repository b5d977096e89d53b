package volume

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/inode"
)

var (
	_ fs.FS         = (*Volume)(nil)
	_ fs.ReadDirFS  = (*Volume)(nil)
	_ fs.StatFS     = (*Volume)(nil)
	_ fs.ReadFileFS = (*Volume)(nil)
	_ readLinkFS    = (*Volume)(nil)
)

// readLinkFS is fs.ReadLinkFS, which came with Go 1.25.
type readLinkFS interface {
	fs.FS
	ReadLink(name string) (string, error)
	Lstat(name string) (fs.FileInfo, error)
}

// validName is fs.ValidPath for names of any bytes, UTF-8 or not.
func validName(name string) bool {
	if name == "." {
		return true
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// byName is lookup for the methods of io/fs.
func (v *Volume) byName(op, name string, follow bool) (*inode.Inode, error) {
	if !validName(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return v.lookup(op, name, follow)
}

// Open opens a file or directory for reading; links are followed. A file is a *File, a
// directory an fs.ReadDirFile.
func (v *Volume) Open(name string) (fs.File, error) {
	i, err := v.byName("open", name, true)
	if err != nil {
		return nil, err
	}
	if i.IsDir() {
		return v.openDir(name, i), nil
	}
	return v.openFile(name, i)
}

// OpenFile is Open for any path, as Lookup takes it, to a file.
func (v *Volume) OpenFile(path string) (*File, error) {
	i, err := v.lookup("open", path, true)
	if err != nil {
		return nil, err
	}
	return v.openFile(path, i)
}

// Stat describes what is behind a name; links are followed.
func (v *Volume) Stat(name string) (fs.FileInfo, error) { return v.stat("stat", name, true) }

// Lstat is Stat that does not follow a link in the last place.
func (v *Volume) Lstat(name string) (fs.FileInfo, error) { return v.stat("lstat", name, false) }

func (v *Volume) stat(op, name string, follow bool) (fs.FileInfo, error) {
	i, err := v.byName(op, name, follow)
	if err != nil {
		return nil, err
	}
	return fileInfo{baseName(name), i}, nil
}

// ReadLink returns where a link points.
func (v *Volume) ReadLink(name string) (string, error) {
	i, err := v.byName("readlink", name, false)
	if err != nil {
		return "", err
	}
	if !i.IsLink() {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := i.Target()
	if err != nil {
		err = &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, err
}

// ReadFile returns the contents of a file.
func (v *Volume) ReadFile(name string) ([]byte, error) {
	if !validName(name) {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: fs.ErrInvalid}
	}
	f, err := v.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.readAll()
}

// ReadDir lists a directory, sorted by name.
func (v *Volume) ReadDir(name string) ([]fs.DirEntry, error) {
	i, err := v.byName("readdir", name, true)
	if err != nil {
		return nil, err
	}
	list, err := v.openDir(name, i).ReadDir(-1)
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return list, err
}

// Dir opens a directory by path, as Lookup takes it, for its entries as they are stored.
func (v *Volume) Dir(path string) (*dir.Dir, error) {
	i, err := v.lookup("open", path, true)
	if err != nil {
		return nil, err
	}
	d, err := dir.Open(i)
	if err != nil {
		err = &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return d, err
}

func baseName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

var errIsDir = errors.New("is a directory")
