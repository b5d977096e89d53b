package mkfs

import (
	"context"
	"errors"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// capacity is a stand-in for planning: content of so many bytes, which may take what the log and
// the groups' heads leave.
func capacity(bytes uint64, tries *int) fitFunc {
	return func(g *format.Geometry) error {
		*tries++
		free := g.DBlocks - uint64(g.LogBlocks) - 20*uint64(g.AGCount)
		if free<<g.BlockLog < bytes {
			return ErrNoSpace
		}
		return nil
	}
}

func TestSmallest(t *testing.T) {
	for _, bytes := range []uint64{0, 1, 5 * mib, 20 * mib, 100 * mib, 270 * mib, 290 * mib, 295 * mib, 400 * mib, 10 * gib, 900 * gib, 7 * tib} {
		for _, hint := range []uint64{0, bytes, bytes + bytes/16, 3 * bytes} {
			var tries int
			c := Config{}
			if err := smallest(context.Background(), &c, hint, capacity(bytes, &tries)); err != nil {
				t.Fatal(err)
			}
			if tries > 64 {
				t.Errorf("%d bytes, hint %d: %d tries", bytes, hint, tries)
			}
			g, err := c.Geometry()
			if err != nil {
				t.Fatal(err)
			}
			if err := capacity(bytes, &tries)(g); err != nil {
				t.Errorf("%d bytes: %d is too small", bytes, c.Size)
			}
			// A stride less must be too little, whatever the log was up to there.
			less := Config{Size: c.Size - stride(c.Size)}
			if less.Size < 16*mib || less.Size < realImage && c.Size >= realImage {
				continue
			}
			if g, err = less.Geometry(); err == nil && capacity(bytes, &tries)(g) == nil {
				t.Errorf("%d bytes, hint %d: %d would do, got %d", bytes, hint, less.Size, c.Size)
			}
		}
	}
}

// TestSmallestBelowLargeLog has content that fits into a little less than 300 MiB, where the log
// is small, and no more into 300 MiB.
func TestSmallestBelowLargeLog(t *testing.T) {
	var tries int
	c := Config{}
	if err := smallest(context.Background(), &c, 350*mib, capacity(260*mib, &tries)); err != nil {
		t.Fatal(err)
	}
	if c.Size >= realImage || c.Size < 260*mib {
		t.Errorf("got %d MiB", c.Size/mib)
	}
}

func TestSmallestErrors(t *testing.T) {
	broken := errors.New("broken")
	c := Config{}
	if err := smallest(context.Background(), &c, 0, func(*format.Geometry) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error of the content: got %v", err)
	}
	if err := smallest(context.Background(), &c, 0, func(*format.Geometry) error { return ErrNoSpace }); !errors.Is(err, ErrNoSpace) {
		t.Errorf("endless content: got %v", err)
	}
	c = Config{InodeSize: 2048, BlockSize: 1024}
	if err := smallest(context.Background(), &c, 0, func(*format.Geometry) error { return nil }); !errors.Is(err, ErrOptions) || errors.Is(err, ErrNoSpace) {
		t.Errorf("impossible options: got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := smallest(ctx, &Config{}, 0, func(*format.Geometry) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	// A log of 64 KiB blocks does not fit into small images.
	c = Config{BlockSize: 65536}
	if err := smallest(context.Background(), &c, 0, func(*format.Geometry) error { return nil }); err != nil || c.Size < 280*mib || c.Size > 300*mib {
		t.Errorf("64 KiB blocks: %d MiB, %v", c.Size/mib, err)
	}
}
