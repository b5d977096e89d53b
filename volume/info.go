package volume

import (
	"io"
	"io/fs"
	"iter"
	"sync"
	"time"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// fileInfo is an fs.FileInfo; Sys returns the *inode.Inode.
type fileInfo struct {
	name string
	ino  *inode.Inode
}

func (f fileInfo) Name() string       { return f.name }
func (f fileInfo) Size() int64        { return f.ino.Size() }
func (f fileInfo) Mode() fs.FileMode  { return fileMode(f.ino.Mode()) }
func (f fileInfo) ModTime() time.Time { return f.ino.MTime() }
func (f fileInfo) IsDir() bool        { return f.ino.IsDir() }
func (f fileInfo) Sys() any           { return f.ino }
func (f fileInfo) String() string     { return fs.FormatFileInfo(f) }

// FileMode is an inode's mode in the words of io/fs.
func FileMode(i *inode.Inode) fs.FileMode { return fileMode(i.Mode()) }

func fileMode(mode uint16) fs.FileMode {
	m := fs.FileMode(mode&0o777) | typeMode(format.FTypeOf(mode))
	if mode&0o4000 != 0 {
		m |= fs.ModeSetuid
	}
	if mode&0o2000 != 0 {
		m |= fs.ModeSetgid
	}
	if mode&0o1000 != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// typeMode is the type part of a mode in the words of io/fs.
func typeMode(t format.FType) fs.FileMode {
	switch t {
	case format.FTReg:
		return 0
	case format.FTDir:
		return fs.ModeDir
	case format.FTLink:
		return fs.ModeSymlink
	case format.FTFIFO:
		return fs.ModeNamedPipe
	case format.FTSock:
		return fs.ModeSocket
	case format.FTBlk:
		return fs.ModeDevice
	case format.FTChar, format.FTWhiteout:
		return fs.ModeDevice | fs.ModeCharDevice
	}
	return fs.ModeIrregular
}

// dirEntry is an fs.DirEntry.
type dirEntry struct {
	v      *Volume
	parent format.Ino
	e      dir.Entry
}

func (d dirEntry) Name() string      { return d.e.Name }
func (d dirEntry) IsDir() bool       { return d.e.Type == format.FTDir }
func (d dirEntry) Type() fs.FileMode { return typeMode(d.e.Type) }
func (d dirEntry) String() string    { return fs.FormatDirEntry(d) }
func (d dirEntry) Info() (fs.FileInfo, error) {
	i, err := d.v.entryInode(d.parent, d.e)
	if err != nil {
		return nil, err
	}
	return fileInfo{d.e.Name, i}, nil
}

// dirFile is an open directory.
type dirFile struct {
	v    *Volume
	name string
	ino  *inode.Inode

	mu     sync.Mutex // guards what follows
	next   func() (dir.Entry, error, bool)
	stop   func()
	closed bool
}

var _ fs.ReadDirFile = (*dirFile)(nil)

func (v *Volume) openDir(name string, i *inode.Inode) *dirFile {
	return &dirFile{v: v, name: name, ino: i}
}

func (d *dirFile) Stat() (fs.FileInfo, error) { return fileInfo{baseName(d.name), d.ino}, nil }

func (d *dirFile) Read([]byte) (int, error) { return 0, d.error("read", errIsDir) }

func (d *dirFile) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return d.error("close", fs.ErrClosed)
	}
	d.closed = true
	if d.stop != nil {
		d.stop()
	}
	return nil
}

// ReadDir returns the next n entries, or all that are left with n <= 0, as they are stored.
func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, d.error("readdir", fs.ErrClosed)
	}
	if d.next == nil {
		open, err := dir.Open(d.ino)
		if err != nil {
			return nil, d.error("readdir", err)
		}
		d.next, d.stop = iter.Pull2(open.Entries())
	}
	out := []fs.DirEntry{}
	for n <= 0 || len(out) < n {
		e, err, ok := d.next()
		if err != nil {
			return out, d.error("readdir", err)
		}
		if !ok {
			break
		}
		entry := dirEntry{d.v, d.ino.Ino, e}
		if e.Type == format.FTUnknown {
			i, err := d.v.entryInode(d.ino.Ino, e)
			if err != nil {
				return out, d.error("readdir", err)
			}
			entry.e.Type = format.FTypeOf(i.Mode())
		}
		out = append(out, entry)
	}
	if n > 0 && len(out) == 0 {
		return nil, io.EOF
	}
	return out, nil
}

func (d *dirFile) error(op string, err error) error {
	return &fs.PathError{Op: op, Path: d.name, Err: err}
}
