package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
)

// runCounting runs a program, and returns how many bytes it and those that it started have read,
// from the host's memory or the disk; 0 where the host does not tell.
func runCounting(cmd *exec.Cmd) (read int64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	for { // what it has done is known until somebody has waited for it
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", cmd.Process.Pid)); err == nil {
		_, _ = fmt.Sscanf(strings.TrimSpace(string(b)), "rchar: %d", &read) // it stays 0
	}
	return read, cmd.Wait()
}

// limit is how long it takes to read n bytes of an image one after the other, holes left out, in
// seconds. It is the best of three.
func (b *bench) limit(path string, n int64) (seconds float64, err error) {
	for range 3 {
		if b.cold {
			if err := forget(path); err != nil {
				return 0, err
			}
		}
		start := time.Now()
		if err := readSome(path, n); err != nil {
			return 0, err
		}
		if s := time.Since(start).Seconds(); seconds == 0 || s < seconds {
			seconds = s
		}
	}
	return seconds, nil
}

func readSome(path string, n int64) error {
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		return err
	}
	defer dev.Close()
	buf := make([]byte, 1<<20)
	for off := int64(0); n > 0; {
		start, err := device.SeekData(dev, off)
		if errors.Is(err, io.EOF) || err == nil && start >= dev.Size() {
			return nil
		}
		if err != nil {
			return err
		}
		end, err := device.SeekHole(dev, start)
		if err != nil {
			return err
		}
		for off = start; off < end && n > 0; {
			k := min(int64(len(buf)), end-off, n)
			if _, err := dev.ReadAt(buf[:k], off); err != nil {
				return err
			}
			off, n = off+k, n-k
		}
	}
	return nil
}
