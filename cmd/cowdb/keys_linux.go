package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// withoutSignalKeys has a terminal give Ctrl-C as a key, and make no signal of it. The line editor
// sees to that only after it has written its prompt, and a signal before would end the program.
func withoutSignalKeys(f *os.File) error {
	mode, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	mode.Lflag &^= unix.ISIG
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, mode)
}
