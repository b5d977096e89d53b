package mkfs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
)

// sectorSizes asks a block device for the sizes in bytes that it addresses and that it writes in.
func sectorSizes(f *os.File) (logical, physical int, err error) {
	ask := func(request uint, v *int) func(fd int) error {
		return func(fd int) (err error) {
			*v, err = unix.IoctlGetInt(fd, request)
			return err
		}
	}
	if err := control(f, ask(unix.BLKSSZGET, &logical)); err != nil {
		return 0, 0, fmt.Errorf("sector size: %w", err)
	}
	if err := control(f, ask(unix.BLKPBSZGET, &physical)); err != nil {
		return 0, 0, fmt.Errorf("physical sector size: %w", err)
	}
	return logical, max(logical, physical), nil
}

// discard gives up all blocks of a block device. One that cannot do that is left as it is.
func discard(d *device.File) error {
	err := control(d.File(), func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, d.Size())
	})
	for _, cannot := range []error{unix.EOPNOTSUPP, unix.ENOSYS, unix.ENODEV, unix.EINVAL} {
		if errors.Is(err, cannot) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("discard the blocks of %s: %w", d.File().Name(), err)
	}
	return nil
}

// control runs op with the file's descriptor, which stays in the runtime's hands.
func control(f *os.File, op func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if closed := conn.Control(func(fd uintptr) { err = op(int(fd)) }); closed != nil {
		return closed
	}
	return err
}
