package populate

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// Write makes the image on a device of at least the geometry's size. What the device holds
// elsewhere is left alone. The primary superblock is written last, after all else has been
// handed to the device and synced when it is one with old content.
func (p *Plan) Write(ctx context.Context, dev device.Device) error {
	if need := int64(p.g.DBlocks) << p.g.BlockLog; dev.Size() < need {
		return &NoSpaceError{What: fmt.Sprintf("%d bytes on a device of %d", need, dev.Size())}
	}
	if p.o.Zero {
		if err := p.wipe(dev); err != nil {
			return err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	if err := p.copyData(gctx, g, dev); err != nil {
		return err
	}
	g.Go(func() error { return p.writeNodes(gctx, dev) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := p.writeLog(dev); err != nil {
		return err
	}
	for _, a := range p.groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.writeGroup(dev, a); err != nil {
			return fmt.Errorf("allocation group %d: %w", a.no, err)
		}
	}
	if p.o.Zero {
		if err := dev.Sync(); err != nil {
			return err
		}
	}
	_, err := dev.WriteAt(p.superblock(0), 0)
	return err
}

// wipeBytes is how much of both ends of a device is zeroed, so that nobody takes the image for
// what was there before.
const wipeBytes = 1 << 20

// wipe zeroes what must not keep its old content: both ends of the device, and the log.
func (p *Plan) wipe(dev device.Device) error {
	n := min(wipeBytes, dev.Size())
	if err := device.Punch(dev, 0, n); err != nil {
		return err
	}
	if err := device.Punch(dev, dev.Size()-n, n); err != nil {
		return err
	}
	if p.g.LogStart == 0 {
		return nil
	}
	return device.Punch(dev, p.g.Offset(p.g.LogStart), int64(p.g.LogBlocks)<<p.g.BlockLog)
}

func (p *Plan) writeLog(dev device.Device) error {
	if p.g.LogStart == 0 {
		return nil
	}
	_, err := dev.WriteAt(format.CleanLog(p.g), p.g.Offset(p.g.LogStart))
	return err
}
