//go:build !linux

package source

import (
	"context"
	"errors"
	"io"
)

// ScanDir reads a directory of the host, which root names or is a symbolic link to. Contents
// stay where they are; the tree needs root as it is until it is closed. Anything that cannot be
// read is an error that names its path.
func ScanDir(ctx context.Context, root string, o Options) (*Tree, error) {
	return walkDir(ctx, root, o)
}

// state is the size in bytes of the file, and its stamp.
func (f *contentFile) state() (size int64, at uint64, err error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return info.Size(), fileStamp(info), nil
}

// pread reads until p is full; n is less than len(p) only with an error or at the end.
func (f *contentFile) pread(p []byte, off int64) (n int, err error) {
	if n, err = f.f.ReadAt(p, off); errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
