package repair

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/foreign"
)

// changeSuper changes the superblock of a group.
func changeSuper(t *testing.T, dev device.Device, off int64, change func(sb []byte)) {
	t.Helper()
	b := make([]byte, format.MinSectorSize)
	if _, err := dev.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	change(b)
	format.SetChecksum(b, format.SBCRC)
	if _, err := dev.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// TestVote repairs superblocks that differ from their copies: most of them are right, but for how large
// the volume is, which they don't know yet while it grows.
func TestVote(t *testing.T) {
	sound := memoryOf(t, damage.Rich(t, "-b", "size=1k"))
	img, err := damage.Open(sound)
	if err != nil {
		t.Fatal(err)
	}
	g := img.Geo
	for name, harm := range map[string]func(dev device.Device){
		"smaller groups": func(dev device.Device) {
			changeSuper(t, dev, 0, func(sb []byte) { format.SBAGBlocks.Put(sb, g.AGBlocks-1) })
		},
		"a feature": func(dev device.Device) {
			changeSuper(t, dev, 0, func(sb []byte) { format.SBIncompat.Put(sb, g.Incompat|format.InMetaDir) })
		},
		"growth": func(dev device.Device) {
			for ag := range format.AGNumber(g.AGCount - 1) {
				changeSuper(t, dev, g.AGOffset(ag+1, 0), func(sb []byte) {
					format.SBAGCount.Put(sb, g.AGCount-1)
					format.SBDBlocks.Put(sb, uint64(g.AGCount-1)*uint64(g.AGBlocks))
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dev := device.NewOverlay(stayOpen{sound})
			harm(dev)
			j := &job{dev: dev, r: &Result{}, Options: Options{Check: check.Options{Threads: 1}}}
			if err := j.mend(t.Context()); err != nil || !mended(j.r.After) {
				t.Fatalf("left %v, %v", left(j.r.After), err)
			}
			if len(j.r.Losses) > 0 || j.geo.AGCount != g.AGCount || j.geo.DBlocks != g.DBlocks {
				t.Errorf("lost %v; %d groups, %d blocks", j.r.Losses, j.geo.AGCount, j.geo.DBlocks)
			}
			if name == "growth" {
				return // copies that are made anew have no counters
			}
			got, want := make([]byte, dev.Size()), make([]byte, dev.Size())
			for d, b := range map[device.Device][]byte{dev: got, sound: want} {
				if _, err := d.ReadAt(b, 0); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, want) {
				t.Error("the image is not as it was before the superblock was damaged")
			}
		})
	}
}

// TestOtherFilesystem leaves alone what lies where a volume was before.
func TestOtherFilesystem(t *testing.T) {
	dev := device.NewOverlay(memoryOf(t, damage.Rich(t, "-b", "size=1k")))
	b := make([]byte, 2048)
	copy(b[1080:], "\x53\xef")
	if _, err := dev.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), dev, Options{Undo: t.TempDir() + "/undo"})
	if !errors.Is(err, foreign.ErrForeign) || r.Pages > 0 {
		t.Errorf("%v, %d pages changed", err, r.Pages)
	}
}
