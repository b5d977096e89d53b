package source

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const errNoXattr = unix.ENODATA

// The system calls below take names as bytes that end in NUL, as directories are read, and so
// need no copy of each name; and there is one for each file of a tree.

// statAt is statx for a name in a directory; symbolic links are not followed.
func statAt(dir int, name []byte, st *unix.Statx_t) error {
	_, _, e := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&name[0])),
		unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT|unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS,
		uintptr(unsafe.Pointer(st)), 0)
	return errnoErr(e)
}

// openAt opens a name in a directory for reading; never a symbolic link. It doesn't wait for the
// other end of a FIFO that has taken a file's place.
func openAt(dir int, name []byte, flags int) (int, error) {
	flags |= unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_LARGEFILE
	for {
		fd, _, e := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&name[0])), uintptr(flags), 0, 0, 0)
		if e != unix.EINTR {
			return int(fd), errnoErr(e)
		}
	}
}

// readlinkAt reads a symbolic link's target into buf.
func readlinkAt(dir int, name, buf []byte) (int, error) {
	n, _, e := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&name[0])),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return int(n), errnoErr(e)
}

// listXattrAt lists the extended attributes of a name in a directory. Linux has it since 6.13.
func listXattrAt(dir int, name, buf []byte) (int, error) {
	n, _, e := unix.Syscall6(unix.SYS_LISTXATTRAT, uintptr(dir), uintptr(unsafe.Pointer(&name[0])),
		unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH, uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0)
	return int(n), errnoErr(e)
}

// xattrArgs is struct xattr_args of the kernel.
type xattrArgs struct {
	value uint64
	size  uint32
	flags uint32
}

// getXattrAt reads one extended attribute, whose name ends in NUL, into buf.
func getXattrAt(dir int, name, attr, buf []byte) (int, error) {
	args := xattrArgs{value: uint64(uintptr(unsafe.Pointer(&buf[0]))), size: uint32(len(buf))}
	n, _, e := unix.Syscall6(unix.SYS_GETXATTRAT, uintptr(dir), uintptr(unsafe.Pointer(&name[0])),
		unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH, uintptr(unsafe.Pointer(&attr[0])),
		uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args))
	return int(n), errnoErr(e)
}

func errnoErr(e unix.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// readAt is pread until p is full; n is less than len(p) only with an error or at the end.
func readAt(fd int, p []byte, off int64) (n int, err error) {
	for n < len(p) {
		k, err := unix.Pread(fd, p[n:], off+int64(n))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return n, err
		case k == 0:
			return n, nil
		default:
			n += k
		}
	}
	return n, nil
}

// The request FS_IOC_FIEMAP, and what of its answer matters here.
const (
	iocFiemap             = 0xC020660B
	fiemapHeader          = 32  // bytes
	fiemapExtent          = 56  // bytes
	fiemapSync            = 0x1 // write back first
	fiemapExtentLast      = 0x1
	fiemapExtentUnwritten = 0x800
)

// fiemap asks for the extents of an open file from byte off on, into buf, and calls f for each.
// It returns where to go on, and whether there is more.
func fiemap(fd int, off, size int64, flags uint32, buf []byte, f func(off, n int64, unwritten bool)) (next int64, more bool, err error) {
	clear(buf[:fiemapHeader])
	ne := binary.NativeEndian
	ne.PutUint64(buf, uint64(off))
	ne.PutUint64(buf[8:], uint64(size-off))
	ne.PutUint32(buf[16:], flags)
	ne.PutUint32(buf[24:], uint32((len(buf)-fiemapHeader)/fiemapExtent))
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), iocFiemap, uintptr(unsafe.Pointer(&buf[0]))); e != 0 {
		return 0, false, os.NewSyscallError("fiemap", e)
	}
	n := int(ne.Uint32(buf[20:]))
	next = off
	for i := range n {
		x := buf[fiemapHeader+i*fiemapExtent:]
		at, length, state := int64(ne.Uint64(x)), int64(ne.Uint64(x[16:])), ne.Uint32(x[40:])
		f(at, length, state&fiemapExtentUnwritten != 0)
		if at+length <= next || state&fiemapExtentLast != 0 {
			return next, false, nil
		}
		next = at + length
	}
	return next, n > 0 && next < size, nil
}

// state is the size in bytes of the file, and its stamp.
func (f *contentFile) state() (size int64, at uint64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, 0, err
	}
	return st.Size, stampOf(&st), nil
}

// pread reads until p is full; n is less than len(p) only with an error or at the end.
func (f *contentFile) pread(p []byte, off int64) (int, error) { return readAt(f.fd, p, off) }

// spoolFile makes a file that is gone when it is closed.
func spoolFile(dir string) (*os.File, error) {
	// Not every filesystem has files without a name.
	if fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600); err == nil {
		return os.NewFile(uintptr(fd), "spool in "+dir), nil
	}
	return unlinkedFile(dir)
}
