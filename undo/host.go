package undo

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/device"
)

// host is where undo files lie. Tests put one in its place that knows what a power failure leaves.
type host interface {
	Create(path string) (handle, error) // where nothing may be
	Open(path string) (handle, error)
	Remove(path string) error
	SyncDir(path string) error // makes sure that the file's name lasts
}

// handle is an open file.
type handle interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

// osHost is the operating system.
type osHost struct{}

func (osHost) Create(path string) (handle, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}
func (osHost) Open(path string) (handle, error) { return os.OpenFile(path, os.O_RDWR, 0) }
func (osHost) Remove(path string) error         { return os.Remove(path) }

func (osHost) SyncDir(path string) error { return device.SyncDir(filepath.Dir(path)) }
