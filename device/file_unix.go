//go:build linux || darwin

package device

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// movesOpen says that a file that is open can be replaced by another one.
const movesOpen = true

func openFile(path string, flags int, perm os.FileMode) (*os.File, error) {
	return os.OpenFile(path, flags, perm)
}

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

func isBusy(err error) bool { return errors.Is(err, unix.EBUSY) }

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
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTTY), errors.Is(err, unix.ENOTSUP):
		return 0, errors.ErrUnsupported
	}
	return at, named("seek", f, err)
}

// makeSparse has nothing to do: all files may have holes.
func makeSparse(*os.File) error { return nil }

// chownLike gives f the owner of another file if the process may.
func chownLike(f *os.File, info os.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // without the right to, it stays the caller's
	}
}

// SyncDir waits until the names in a directory of the host are on stable storage.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

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
