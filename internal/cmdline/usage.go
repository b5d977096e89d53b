package cmdline

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrUsage is the class of errors about the command line itself.
var ErrUsage = errors.New("wrong usage")

type usageError struct{ error }

func (e usageError) Is(target error) bool { return target == ErrUsage }

func (e usageError) Unwrap() error { return e.error }

// Usage makes an error one about the command line.
func Usage(err error) error { return usageError{err} }

// Usagef makes an error about the command line.
func Usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Version is that of the module that the program was built from.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
