//go:build !linux

package device

import (
	"errors"
	"fmt"
	"os"
)

// On other hosts images are plain files: nothing can show them as devices or share their blocks.

func alone(*os.File) bool { return true }

func loops(os.FileInfo) []string { return nil }

func mounted(string) bool { return false }

func cloneRange(f *os.File, _ int64, _ int, _, _ int64) error {
	return fmt.Errorf("clone to %s: %w", f.Name(), ErrCannotClone)
}

func anonymous(string) *os.File { return nil }

func link(*os.File, string) error { return errors.ErrUnsupported }
