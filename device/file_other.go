//go:build !linux

package device

import (
	"errors"
	"fmt"
	"os"
)

// On other hosts images are plain files: without locks, holes and shared blocks.

func lock(*os.File, bool) error { return nil }

func unlock(*os.File) {}

func alone(*os.File) bool { return true }

func attached(os.FileInfo) string { return "" }

func isBusy(error) bool { return false }

func punch(*os.File, int64, int64) error { return errors.ErrUnsupported }

func seekData(*os.File, int64) (int64, error) { return 0, errors.ErrUnsupported }

func seekHole(*os.File, int64) (int64, error) { return 0, errors.ErrUnsupported }

func cloneRange(f *os.File, _ int64, _ int, _, _ int64) error {
	return fmt.Errorf("clone to %s: %w", f.Name(), ErrCannotClone)
}

func anonymous(string) *os.File { return nil }

func link(*os.File, string) error { return errors.ErrUnsupported }

func chownLike(*os.File, os.FileInfo) {}
