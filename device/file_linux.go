package device

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

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

// loops returns the loop devices that show a file. It is busy then for writers: what the host has
// mounted, it writes at any time.
func loops(info os.FileInfo) []string {
	var out []string
	list, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // none without sysfs
	for _, path := range list {
		name, err := os.ReadFile(path)
		if err != nil {
			continue // detached meanwhile
		}
		if other, err := os.Stat(strings.TrimSuffix(string(name), "\n")); err == nil && os.SameFile(info, other) {
			out = append(out, "/dev/"+filepath.Base(filepath.Dir(filepath.Dir(path))))
		}
	}
	return out
}

// mounted reports whether a block device, or a partition of it, is mounted or otherwise claimed by
// the host: only then can nobody else claim it. Who may not even open it, or has no node of it in a
// container, asks which mounts are known.
func mounted(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_EXCL, 0) // without O_CREATE: claim the device
	if err == nil {
		f.Close()
		return false
	}
	return isBusy(err) || amongMounts(filepath.Base(path))
}

// amongMounts reports whether a disk of a name in sysfs, or a partition of it, is mounted where the
// process can see it.
func amongMounts(name string) bool {
	mounts, _ := os.ReadFile("/proc/self/mountinfo") // none without procfs
	dir := "/sys/block/" + name + "/"
	parts, _ := filepath.Glob(dir + name + "*/dev")
	for _, path := range append(parts, dir+"dev") {
		number, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(mounts), " "+strings.TrimSpace(string(number))+" ") {
			return true
		}
	}
	return false
}

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
