package oracle

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// MountOptions are the options of Mount; the zero value is a plain read-write mount.
type MountOptions struct {
	ReadOnly bool
	Data     string // filesystem options as after mount -o, e.g. "noquota"
	// Loud allows any lines in the kernel log. For images that are meant to be recovered.
	Loud bool
	// Full allows writeback to find no room: on a full volume Linux drops what it has promised
	// to keep, and says so. Errors of the device are complaints all the same.
	Full bool
}

// Mounted is a loop mount of an image by the kernel.
type Mounted struct {
	Dir string // the mount point

	t       testing.TB
	log     *kernelLog
	options MountOptions
}

// Mount mounts an image with the kernel's XFS on a directory of its own. The test fails if
// the kernel refuses or complains. The mount ends with Unmount, at the latest with the test.
func Mount(t testing.TB, image string, o MountOptions) *Mounted {
	t.Helper()
	m, err := TryMount(t, image, o)
	if err != nil {
		t.Fatalf("mount %s: %v", image, err)
	}
	m.CheckLog()
	return m
}

// TryMount is Mount for tests in which the kernel may refuse: it returns the kernel's error
// and leaves it to the caller to look at the log with CheckLog.
func TryMount(t testing.TB, image string, o MountOptions) (*Mounted, error) {
	t.Helper()
	NeedRoot(t)
	device, err := attachLoop(image, o.ReadOnly)
	if os.IsNotExist(err) {
		Missing(t, "no loop device: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close() // the mount keeps the binding

	log, err := openKernelLog(filepath.Base(device.Name()))
	if err != nil {
		Missing(t, "cannot read the kernel log: %v", err)
	}
	flags := uintptr(unix.MS_NOATIME)
	if o.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	m := &Mounted{Dir: t.TempDir(), t: t, log: log, options: o}
	data := "nouuid" // other tests may have mounted an image of the same identity
	if o.Data != "" {
		data += "," + o.Data
	}
	if err := unix.Mount(device.Name(), m.Dir, "xfs", flags, data); err != nil {
		log.close()
		return nil, &os.PathError{Op: "mount", Path: device.Name(), Err: err}
	}
	t.Cleanup(m.Unmount)
	return m, nil
}

// CheckLog fails the test if the kernel has complained since the last call.
func (m *Mounted) CheckLog() {
	m.t.Helper()
	lines, err := m.log.complaints()
	if err != nil {
		m.t.Error(err)
	}
	if m.options.Full {
		lines = slices.DeleteFunc(lines, noRoom)
	}
	if len(lines) > 0 && !m.options.Loud {
		m.t.Errorf("the kernel complains:\n%s", firstLines(lines))
	}
}

// Unmount unmounts the image; after it, everything that was written is in the image's file.
// It fails the test if the kernel complains. A second call does nothing.
func (m *Mounted) Unmount() {
	m.t.Helper()
	if m.log == nil {
		return
	}
	err := unix.Unmount(m.Dir, 0)
	// A child that another test is just starting holds copies of our descriptors until its
	// exec, so a busy mount is asked again for a while.
	for wait := time.Millisecond; errors.Is(err, unix.EBUSY) && wait < time.Second; wait *= 2 {
		time.Sleep(wait)
		err = unix.Unmount(m.Dir, 0)
	}
	if err != nil {
		m.t.Errorf("unmount %s: %v", m.Dir, err)
		// Detached, so that the temporary directory can go; the test has failed already.
		if err := unix.Unmount(m.Dir, unix.MNT_DETACH); err != nil {
			m.t.Errorf("detach %s: %v", m.Dir, err)
		}
	}
	m.CheckLog()
	m.log.close()
	m.log = nil
}
