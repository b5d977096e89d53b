package device

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lock takes the host's advisory lock on the whole file, without waiting.
func lock(f *os.File, exclusive bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err := control(f, func(fd int) error { return unix.Flock(fd, how|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s: %w by another process", f.Name(), ErrBusy)
	}
	return named("lock", f, err)
}

// unlock gives the lock back. Closing the file would do as well, but for a process that is being
// started just now: until it runs its program it has all our files open too.
func unlock(f *os.File) {
	_ = control(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_UN) })
}

// alone reports that nobody else has a file open, a loop device neither: only then does the host
// grant a lease. False means nothing. It spares nearly everybody the search for loop devices,
// which takes longer than making an empty image.
func alone(f *os.File) bool {
	return control(f, func(fd int) error {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
			return err
		}
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
		return err
	}) == nil
}

// attached returns the loop device that shows a file, "" if none does. It is busy then: what the
// host has mounted, it writes at any time.
func attached(info os.FileInfo) string {
	list, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // none without sysfs
	for _, path := range list {
		name, err := os.ReadFile(path)
		if err != nil {
			continue // detached meanwhile
		}
		if other, err := os.Stat(strings.TrimSuffix(string(name), "\n")); err == nil && os.SameFile(info, other) {
			return "/dev/" + filepath.Base(filepath.Dir(filepath.Dir(path)))
		}
	}
	return ""
}

func isBusy(err error) bool { return errors.Is(err, unix.EBUSY) }

// punch gives up storage. It is ErrUnsupported where the host's filesystem or device cannot.
func punch(f *os.File, off, n int64) error {
	err := control(f, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	})
	if errors.Is(err, unix.EINVAL) { // a block device and a part of a sector
		return errors.ErrUnsupported
	}
	return named("punch", f, err)
}

func seekData(f *os.File, off int64) (int64, error) { return seek(f, off, unix.SEEK_DATA) }
func seekHole(f *os.File, off int64) (int64, error) { return seek(f, off, unix.SEEK_HOLE) }

func seek(f *os.File, off int64, whence int) (at int64, err error) {
	err = control(f, func(fd int) (err error) {
		at, err = unix.Seek(fd, off, whence)
		return err
	})
	switch {
	case errors.Is(err, unix.ENXIO):
		return 0, io.EOF
	case errors.Is(err, unix.EINVAL):
		return 0, errors.ErrUnsupported
	}
	return at, named("seek", f, err)
}

// cloneRange maps the many ways in which a host says that it cannot to ErrCannotClone.
func cloneRange(f *os.File, dst int64, src int, srcOff, n int64) error {
	err := control(f, func(fd int) error {
		return unix.IoctlFileCloneRange(fd, &unix.FileCloneRange{
			Src_fd: int64(src), Src_offset: uint64(srcOff), Src_length: uint64(n), Dest_offset: uint64(dst),
		})
	})
	for _, cannot := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS, unix.EXDEV, unix.EINVAL} {
		if errors.Is(err, cannot) {
			return fmt.Errorf("clone to %s: %w: %w", f.Name(), ErrCannotClone, err)
		}
	}
	return named("clone", f, err)
}

// anonymous makes a file without a name that link can put at path. It is nil where the host
// does not know such files.
func anonymous(path string) *os.File {
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), path)
	if _, err := os.Stat(descriptor(fd)); err != nil {
		f.Close()
		return nil
	}
	return f
}

// link gives a file of anonymous a name.
func link(f *os.File, name string) error {
	err := control(f, func(fd int) error {
		return unix.Linkat(unix.AT_FDCWD, descriptor(fd), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	})
	if err != nil {
		return &os.LinkError{Op: "link", Old: f.Name(), New: name, Err: err}
	}
	return nil
}

func descriptor(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// control runs op with the file's descriptor, again if a signal interrupts it, without taking
// the file out of the runtime's hands.
func control(f *os.File, op func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	closed := conn.Control(func(fd uintptr) {
		for {
			if err = op(int(fd)); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	if closed != nil { // the only reason not to run it
		return ErrClosed
	}
	return err
}

func named(op string, f *os.File, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: f.Name(), Err: err}
}
