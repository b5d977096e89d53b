package check

import (
	"context"

	"github.com/cowfs/cowfs/device"
)

// image is the device of a run. It stays open when those who read from it are done with it, and
// nothing is read from it any more when the run is to end, whoever reads.
type image struct {
	device.Device
	ctx context.Context
}

var _ device.Seeker = image{}

// Close does nothing.
func (image) Close() error { return nil }

// ReadAt reads len(p) bytes at off, unless the run is to end.
func (m image) ReadAt(p []byte, off int64) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	return m.Device.ReadAt(p, off)
}

// SeekData and SeekHole find where data and holes begin, if the device knows.
func (m image) SeekData(off int64) (int64, error) { return device.SeekData(m.Device, off) }

func (m image) SeekHole(off int64) (int64, error) { return device.SeekHole(m.Device, off) }
