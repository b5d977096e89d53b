package device

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the host's advisory lock on the whole file, without waiting.
func lock(f *os.File, exclusive bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s: %w by another process", f.Name(), ErrBusy)
	}
	return named("lock", f, err)
}

func unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }

func isBusy(err error) bool { return errors.Is(err, unix.EBUSY) }

func seekData(f *os.File, off int64) (int64, error) { return seek(f, off, unix.SEEK_DATA) }
func seekHole(f *os.File, off int64) (int64, error) { return seek(f, off, unix.SEEK_HOLE) }

func seek(f *os.File, off int64, whence int) (int64, error) {
	at, err := unix.Seek(int(f.Fd()), off, whence)
	switch {
	case errors.Is(err, unix.ENXIO):
		return 0, io.EOF
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTTY), errors.Is(err, unix.ENOTSUP):
		return 0, errors.ErrUnsupported
	}
	return at, named("seek", f, err)
}

// punch leaves it to the caller to write zeroes: the host punches whole blocks of its own only.
func punch(*os.File, int64, int64) error { return errors.ErrUnsupported }
