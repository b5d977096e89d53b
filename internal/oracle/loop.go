package oracle

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// attachLoop binds a file to a free loop device and returns the device, open. The binding
// ends by itself with the last user: after the returned file is closed, with the unmount.
func attachLoop(image string, readOnly bool) (*os.File, error) {
	mode := os.O_RDWR
	if readOnly {
		mode = os.O_RDONLY
	}
	backing, err := os.OpenFile(image, mode, 0)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()

	config := unix.LoopConfig{Fd: uint32(backing.Fd())}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	if readOnly {
		config.Info.Flags |= unix.LO_FLAGS_READ_ONLY
	}
	// Another process may take the free device first, so ask again.
	for range 1000 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("get a free loop device: %w", err)
		}
		device, err := openLoop(n, mode)
		if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENOENT) {
			continue // taken away again by its former user
		}
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("bind %s to %s: %w", image, device.Name(), err)
		}
	}
	return nil, errors.New("all loop devices are busy")
}

// openLoop opens loop device n, making its node where nothing else does (in a container).
func openLoop(n, mode int) (*os.File, error) {
	const loopMajor = 7
	name := fmt.Sprintf("/dev/loop%d", n)
	f, err := os.OpenFile(name, mode, 0)
	if errors.Is(err, os.ErrNotExist) {
		if err := unix.Mknod(name, unix.S_IFBLK|0o660, int(unix.Mkdev(loopMajor, uint32(n)))); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("make %s: %w", name, err)
		}
		f, err = os.OpenFile(name, mode, 0)
	}
	return f, err
}

// Loop binds a file to a loop device and returns the device's path. It is free again at the
// end of the test.
func Loop(t testing.TB, image string) string {
	t.Helper()
	NeedRoot(t)
	device, err := attachLoop(image, false)
	if os.IsNotExist(err) {
		Missing(t, "no loop device: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	return device.Name()
}
