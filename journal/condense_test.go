package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
)

// A crash in the middle of a recovery, at any of its writes, one that tears blocks too, leaves an
// image from which another recovery of ours gives what the first one would have given, and so does
// the kernel's.
func TestCrashInRecovery(t *testing.T) {
	for _, c := range dirty.Cases() {
		if !c.Clean() || !oracle.Soaking() && c.Name != "default" && c.Name != "1k" && c.Name != "64k" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			crashInRecovery(t, c)
		})
	}
}

func crashInRecovery(t *testing.T, c dirty.Case) {
	image := dirty.Image(t, c, 3)
	d, g := openImage(t, image, device.ReadOnly)
	memory := device.NewMemory(d.Size())
	eachData(t, func(off int64, b []byte) {
		_, err := d.ReadAt(b, off)
		check(t, err)
		_, err = memory.WriteAt(b, off)
		check(t, err)
	}, d)
	check(t, d.Close())
	tree := treeByKernel(t, image)

	crash := device.NewCrash(memory)
	l := mustOpen(t, crash, g)
	r, err := Recover(l)
	check(t, err)
	if !r.Condensed || l.Tail != l.Head {
		t.Fatalf("condensed: %v; the log's tail is at %s and the head at %s", r.Condensed, Place(l.Tail), Place(l.Head))
	}
	writes := crash.Writes()
	want := crash.After(writes, 0, device.LostNone)
	steps, kernels := oracle.Soak(8, 400), oracle.Soak(2, 40)
	count := 0
	for n := 0; n <= writes; n += max(1, writes/steps) {
		for _, lost := range []device.Lost{device.LostAll, device.LostNone, device.LostSectors} {
			where := fmt.Sprintf("crash after %d of %d writes, lost %v", n, writes, lost)
			after := crash.After(n, uint64(n), lost)
			if count++; count%max(1, 3*steps/kernels) == 2 {
				path := filepath.Join(t.TempDir(), "crashed")
				f, err := device.Create(path, after.Size())
				check(t, err)
				eachData(t, func(off int64, b []byte) {
					_, err := after.ReadAt(b, off)
					check(t, err)
					_, err = f.WriteAt(b, off)
					check(t, err)
				}, after)
				check(t, f.Close())
				t.Log("the kernel: ", where)
				oracle.Equal(t, tree, treeByKernel(t, path), oracle.CompareOptions{})
				oracle.RepairClean(t, oracle.Gen7, path)
				check(t, os.Remove(path))
			}
			if _, err := Recover(mustOpen(t, after, g)); err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			sameBlocks(t, where, after, want, g)
		}
	}
	t.Logf("%d writes", writes)
}

// treeByKernel has the kernel recover an image, and tells what it shows then.
func treeByKernel(t *testing.T, image string) *oracle.Tree {
	t.Helper()
	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	defer m.Unmount()
	return oracle.Snapshot(t, m.Dir)
}

// eachData calls fn for all pieces of 64 KiB that some device has data in.
func eachData(t *testing.T, fn func(off int64, b []byte), devices ...device.Device) {
	t.Helper()
	const unit = 64 << 10
	b := make([]byte, unit)
	for off := nextData(t, 0, devices...); off < devices[0].Size(); off = nextData(t, off+unit, devices...) {
		off -= off % unit
		fn(off, b[:min(unit, devices[0].Size()-off)])
	}
}

// sameBlocks compares two images but for their logs, superblocks, and the LSNs of blocks.
func sameBlocks(t *testing.T, where string, a, b device.Device, g *format.Geometry) {
	t.Helper()
	log, err := newArea(a, a.Size(), g)
	check(t, err)
	other := make([]byte, 64<<10)
	eachData(t, func(off int64, p []byte) {
		q := other[:len(p)]
		_, err := a.ReadAt(p, off)
		check(t, err)
		_, err = b.ReadAt(q, off)
		check(t, err)
		if bytes.Equal(p, q) {
			return
		}
		for at := 0; at < len(p); at += format.BasicBlock {
			if x, y := p[at:], q[at:]; !bytes.Equal(x[:format.BasicBlock], y[:format.BasicBlock]) {
				if off+int64(at) < int64(g.SectSize) || log.overlaps(off+int64(at), format.BasicBlock) {
					continue
				}
				if k := format.Detect(g, x); k != nil && k.LSN != format.NoField {
					k.LSN.Put(x, k.LSN.Get(y))
					k.CRC.Put(x, k.CRC.Get(y))
				}
				if !bytes.Equal(x[:format.BasicBlock], y[:format.BasicBlock]) {
					t.Fatalf("%s: sector %d differs", where, off/format.BasicBlock+int64(at/format.BasicBlock))
				}
			}
		}
	}, a, b)
}
