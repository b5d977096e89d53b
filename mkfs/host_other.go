//go:build !linux

package mkfs

import (
	"errors"
	"os"

	"github.com/cowfs/cowfs/device"
)

func sectorSizes(*os.File) (logical, physical int, err error) {
	return 0, 0, errors.New("block devices are supported on Linux only")
}

func discard(*device.File) error { return nil }
