package volume_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/volume"
)

func copyFile(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	oracle.MustRun(t, "cp", "--sparse=always", from, to)
	return to
}

// What a crashed kernel leaves in a log and on the disk comes back as the kernel itself brings it
// back: replay, unfinished changes, inodes without names, staged blocks.
func TestRecoversTheKernelsLog(t *testing.T) {
	for _, c := range dirty.Cases() {
		for seed := range oracle.Soak(1, 5) {
			t.Run(fmt.Sprintf("%s/%d", c.Name, seed), func(t *testing.T) {
				t.Parallel()
				recovered(t, c, uint64(seed))
			})
		}
	}
}

// orphans lists the inodes of an image that have no names when its log is replayed, and no more is
// done.
func orphans(t *testing.T, image string) (out []format.Ino) {
	t.Helper()
	file, err := device.Open(image, device.ReadOnly)
	check(t, err)
	defer file.Close()
	dev := device.NewOverlay(file)
	v, err := volume.Open(dev, volume.Options{})
	check(t, err)
	l, err := journal.Open(dev, v.Geo)
	check(t, err)
	_, err = journal.Replay(l, dev)
	check(t, err)
	for ag := range format.AGNumber(v.Geo.AGCount) {
		agi, err := v.AGI(ag)
		check(t, err)
		for i := range format.AGIBuckets {
			for at := format.AGIUnlinked.At(i).Get(agi); at != format.NullAGIno; {
				ino := v.Geo.Ino(ag, at)
				out = append(out, ino)
				b := make([]byte, v.Geo.InodeSize)
				_, err := dev.ReadAt(b, v.Geo.InoOffset(ino))
				check(t, err)
				at = format.DiNextUnlinked.Get(b)
			}
		}
	}
	return out
}

func recovered(t *testing.T, c dirty.Case, seed uint64) {
	image := dirty.Image(t, c, seed)
	theirs := copyFile(t, image)
	m := oracle.Mount(t, theirs, oracle.MountOptions{Data: c.Data, Loud: true})
	want := oracle.Snapshot(t, m.Dir)
	m.Unmount()
	check(t, os.Remove(theirs))

	before := oracle.FileHash(t, image)
	dev, err := device.Open(image, device.ReadOnly)
	check(t, err)
	v, err := volume.Open(dev, volume.Options{Replay: true})
	if err != nil {
		t.Fatalf("%s: %v", image, err)
	}
	seen, err := pictureOf(v, "")
	check(t, err)
	if want := orphans(t, image); !slices.Equal(v.Leftovers.Unlinked, want) {
		t.Errorf("inodes %d were freed, want %d", v.Leftovers.Unlinked, want)
	}
	if c.Cow != (v.Leftovers.Staged > 0) && !c.Race {
		t.Errorf("%d staged blocks were freed", v.Leftovers.Staged)
	}
	check(t, v.Close())
	if oracle.FileHash(t, image) != before {
		t.Error("reading has changed the image")
	}

	dev, err = device.Open(image, device.ReadWrite)
	check(t, err)
	w, err := volume.OpenWriter(dev, volume.Options{Replay: true})
	check(t, err)
	got, err := pictureOf(w.Volume, "")
	check(t, err)
	if d := cmp.Diff(v.Leftovers, w.Leftovers); d != "" {
		t.Errorf("leftovers in memory and on the disk differ: %s", d)
	}
	if d := got.differences(seen); len(d) > 0 {
		t.Errorf("what is seen in memory is not what a recovery gives: %d differences, %q", len(d), d[:min(5, len(d))])
	}
	check(t, w.Close())
	oracle.RepairClean(t, oracle.Gen7, image)
	m = oracle.Mount(t, image, oracle.MountOptions{Data: c.Data})
	oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
}
