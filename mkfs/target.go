package mkfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/source"
)

// target is where the image goes.
type target struct {
	path  string
	info  os.FileInfo  // nil: the path does not exist
	dev   *device.File // nil likewise
	block bool
}

// openTarget opens what exists at a path.
func openTarget(path string, dryRun bool) (*target, error) {
	t := &target{path: path}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(filepath.Dir(path)) // better told now than when all is done
		return t, err
	}
	if err != nil {
		return nil, err
	}
	t.info = info
	t.block = info.Mode()&os.ModeDevice != 0 && info.Mode()&os.ModeCharDevice == 0
	mode := device.ReadOnly
	if t.block && !dryRun {
		mode = device.ReadWrite // has it for us alone from now on
	}
	if t.dev, err = device.Open(path, mode); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *target) close() error {
	if t.dev == nil {
		return nil
	}
	err := t.dev.Close()
	t.dev = nil
	return err
}

// probe refuses a target that holds something, unless forced.
func (t *target) probe(force bool) error {
	if t.dev == nil || force {
		return nil
	}
	found, err := Probe(t.dev)
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	if found != "" {
		return &OccupiedError{t.path, found}
	}
	return nil
}

// defaults takes over what the target says of sizes.
func (t *target) defaults(c *Config, minimize bool) error {
	if t.dev == nil {
		return nil
	}
	if c.Size == 0 && !minimize {
		c.Size = uint64(t.dev.Size())
	}
	if !t.block {
		return nil
	}
	logical, physical, err := sectorSizes(t.dev.File())
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	switch {
	case c.SectSize == 0:
		c.SectSize = physical
		if physical > c.blockSize() {
			c.SectSize = logical
		}
	case c.SectSize < logical:
		return conflictf("sector size %d is smaller than the %d of %s; give -s size=%d", c.SectSize, logical, t.path, logical)
	}
	return nil
}

// id names the target's file, nil if there is none.
func (t *target) id() *source.FileID { return source.IDOf(t.path) }
