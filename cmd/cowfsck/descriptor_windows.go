package main

import (
	"fmt"
	"os"

	"github.com/cowfs/cowfs/format"
)

func dupDescriptor(int) (*os.File, error) {
	return nil, fmt.Errorf("file descriptors of other programs on Windows: %w", format.ErrUnsupported)
}
