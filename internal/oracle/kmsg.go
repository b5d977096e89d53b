package oracle

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// kernelLog reads what the kernel logs from the moment it is opened.
type kernelLog struct {
	fd     int
	device string // only lines about this device, e.g. "loop3", and lines about no device
	buf    []byte
}

func openKernelLog(device string) (*kernelLog, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/kmsg", Err: err}
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "seek", Path: "/dev/kmsg", Err: err}
	}
	return &kernelLog{fd: fd, device: device, buf: make([]byte, 16<<10)}, nil
}

func (k *kernelLog) close() { unix.Close(k.fd) }

// complaints returns the lines logged since the last call that are not part of a normal
// mount, work and unmount.
func (k *kernelLog) complaints() ([]string, error) {
	var out []string
	for {
		n, err := unix.Read(k.fd, k.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return out, nil
		case errors.Is(err, unix.EPIPE):
			return out, errors.New("the kernel log lost lines before they were read")
		case err != nil:
			return out, fmt.Errorf("read the kernel log: %w", err)
		}
		// A record is "priority,sequence,time,flags;text\n" and lines of properties.
		_, text, _ := strings.Cut(string(k.buf[:n]), ";")
		text, _, _ = strings.Cut(text, "\n")
		if k.complaint(text) {
			out = append(out, text)
		}
	}
}

var (
	deviceName = regexp.MustCompile(`\bloop\d+\b`)
	normalLine = regexp.MustCompile(`^XFS \(loop\d+\): (` + strings.Join([]string{
		`Mounting V5 Filesystem [0-9a-f-]+`,
		`Ending clean mount`,
		`Unmounting Filesystem [0-9a-f-]+`,
		`EXPERIMENTAL .* feature enabled.*`,
		`EXPERIMENTAL .* Use at your own risk!`,
		`.*deprecated.*`,
	}, "|") + `)$|^loop\d+: detected capacity change from \d+ to \d+$`)
	alarming = regexp.MustCompile(`^(XFS: |WARNING: |BUG: |Oops|kernel BUG|INFO: task .* blocked|Buffer I/O error)`)
)

// complaint tells whether a line is about this log's device and not normal, or is an alarm
// that names no device.
func (k *kernelLog) complaint(line string) bool {
	if name := deviceName.FindString(line); name != "" {
		return name == k.device && !normalLine.MatchString(line)
	}
	return alarming.MatchString(line)
}
