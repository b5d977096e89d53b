package metadump

import (
	"context"
	"io"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// Is reports whether a file begins as a dump does.
func Is(in io.ReaderAt) bool {
	b := make([]byte, 4)
	if _, err := in.ReadAt(b, 0); err != nil {
		return false
	}
	switch format.Metadump1MagicNo.Get(b) {
	case format.Metadump1Magic, format.Metadump2Magic:
		return true
	}
	return false
}

// Load makes an image of a dump in memory, which takes room for what the dump holds.
func Load(ctx context.Context, in device.Device) (*device.Memory, *Info, error) {
	var mem *device.Memory
	info, err := Restore(ctx, io.NewSectionReader(in, 0, in.Size()), func(size int64) (device.Device, error) {
		mem = device.NewMemory(size)
		return mem, nil
	})
	return mem, info, err
}
