package oracle

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// kernelLog reads what the kernel logs from the moment it is opened.
type kernelLog struct {
	fd     int
	device string // only lines about this device, e.g. "loop3", and lines about no device
	stop   chan struct{}

	mu    sync.Mutex // guards the rest
	buf   []byte
	lines []string // complaints that nobody has asked for yet
	err   error
}

// drainEvery is how often a log is read unasked: the kernel keeps only a few hundred lines, and
// other mounts write, too.
const drainEvery = 100 * time.Millisecond

func openKernelLog(device string) (*kernelLog, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/kmsg", Err: err}
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "seek", Path: "/dev/kmsg", Err: err}
	}
	k := &kernelLog{fd: fd, device: device, stop: make(chan struct{}), buf: make([]byte, 16<<10)}
	go k.watch()
	return k, nil
}

func (k *kernelLog) watch() {
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			unix.Close(k.fd)
			return
		case <-tick.C:
			k.mu.Lock()
			k.drain()
			k.mu.Unlock()
		}
	}
}

func (k *kernelLog) close() { close(k.stop) }

// complaints returns the lines logged since the last call that are not part of a normal
// mount, work and unmount.
func (k *kernelLog) complaints() ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drain()
	lines, err := k.lines, k.err
	k.lines, k.err = nil, nil
	return lines, err
}

// drain reads what has been logged. The caller holds the lock.
func (k *kernelLog) drain() {
	for {
		n, err := unix.Read(k.fd, k.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EPIPE): // the next read goes on behind the gap
			k.err = errors.New("the kernel log lost lines before they were read")
			continue
		case err != nil:
			k.err = fmt.Errorf("read the kernel log: %w", err)
			return
		}
		// A record is "priority,sequence,time,flags;text\n" and lines of properties.
		_, text, _ := strings.Cut(string(k.buf[:n]), ";")
		text, _, _ = strings.Cut(text, "\n")
		if k.complaint(text) {
			k.lines = append(k.lines, text)
		}
	}
}

var (
	deviceName = regexp.MustCompile(`\bloop\d+\b`)
	normalLine = regexp.MustCompile(`^XFS \(loop\d+\): (` + strings.Join([]string{
		`Mounting V5 Filesystem [0-9a-f-]+`,
		`Ending clean mount`,
		`Unmounting Filesystem [0-9a-f-]+`,
		`resetting quota flags`, // they are meant for a mount with quotas
		`EXPERIMENTAL .* feature enabled.*`,
		`EXPERIMENTAL .* Use at your own risk!`,
		`.*deprecated.*`,
	}, "|") + `)$|^loop\d+: detected capacity change from \d+ to \d+$`)
	lostData = regexp.MustCompile(`^loop\d+: writeback error on inode \d+, offset \d+, sector \d+$`)
	alarming = regexp.MustCompile(`^(XFS: |WARNING: |BUG: |Oops|kernel BUG|INFO: task .* blocked|Buffer I/O error)`)
)

// noRoom tells whether a line says that data of a file could not be written back. It is all that
// Linux says where the volume is full; an error of the device has a line of its own.
func noRoom(line string) bool { return lostData.MatchString(line) }

// complaint tells whether a line is about this log's device and not normal, or is an alarm
// that names no device.
func (k *kernelLog) complaint(line string) bool {
	if name := deviceName.FindString(line); name != "" {
		return name == k.device && !normalLine.MatchString(line)
	}
	// That lines were left out says nothing of whose: some of that device are there too.
	return alarming.MatchString(line) && !strings.HasSuffix(line, " callbacks suppressed")
}
