//go:build linux || darwin

package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// statHost says what the host knows of the file at a path that info is about.
func statHost(path string, info fs.FileInfo) (hostStat, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return hostStat{}, fmt.Errorf("%s: the host does not say whose it is", path)
	}
	rdev := uint64(st.Rdev)
	return hostStat{
		mode: unixMode(info.Mode()), uid: st.Uid, gid: st.Gid, dev: uint64(st.Dev), ino: st.Ino, nlink: uint64(st.Nlink),
		blocks: st.Blocks * 512, major: uint64(unix.Major(rdev)), minor: uint64(unix.Minor(rdev)),
	}, nil
}

// fileStamp is the stamp of a regular file.
func fileStamp(info fs.FileInfo) uint64 {
	at := info.ModTime()
	st, _ := statHost("", info) // with zeroes it is one of the time alone
	return stamp(st.dev, st.ino, at.Unix(), uint32(at.Nanosecond()))
}

// fileRanges asks where an open file has data; nil when everywhere.
func fileRanges(f *os.File, size int64) ([]Range, error) { return dataRanges(int(f.Fd()), size) }

// hostXattrs reads all extended attributes of a file; a symbolic link has its own.
func hostXattrs(path string) ([]Xattr, error) {
	list, err := growing(func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) })
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing extended attributes: %w", err)
	}
	var set []Xattr
	for _, name := range bytes.Split(list, []byte{0}) {
		if len(name) == 0 {
			continue
		}
		value, err := growing(func(buf []byte) (int, error) { return unix.Lgetxattr(path, string(name), buf) })
		switch {
		case errors.Is(err, errNoXattr): // removed since it was listed
		case err != nil:
			return nil, fmt.Errorf("extended attribute %q: %w", name, err)
		default:
			set = append(set, Xattr{string(name), value})
		}
	}
	return set, nil
}

// growing calls get with a buffer that is large enough.
func growing(get func([]byte) (int, error)) ([]byte, error) {
	n, err := get(nil)
	if err != nil || n == 0 {
		return nil, err
	}
	buf := make([]byte, min(n+256, MaxXattrSize))
	if n, err = get(buf); err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// dupFile is a file of our own for the place that f reads from.
func dupFile(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// unlinkedFile makes a file in a directory and takes its name away.
func unlinkedFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "cowfs-spool-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
