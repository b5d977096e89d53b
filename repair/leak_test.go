package repair

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// TestKernelLeaks has the kernel go down in the middle of copy-on-write, with blocks staged that no
// file will ever get. A safe repair frees exactly them, as the kernel's own recovery does: all other
// blocks have the owners that they have after that, and the files are the same.
func TestKernelLeaks(t *testing.T) {
	for _, c := range []struct {
		name    string
		mkfs    []string
		noFlush bool
		racing  bool // writes are under way when it goes down
		soak    bool
	}{
		{"1k", []string{"-b", "size=1k", "-l", "size=12m"}, false, false, true},
		{"4k-racing", []string{"-l", "size=16m"}, true, true, false},
		{"4k", []string{"-l", "size=16m"}, false, false, true},
		{"1k-racing", []string{"-b", "size=1k", "-l", "size=12m"}, true, true, true},
		{"no-rmapbt", []string{"-m", "rmapbt=0", "-l", "size=16m"}, true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.soak && !oracle.Soaking() {
				t.Skip("a soak test")
			}
			image := leaking(t, c.mkfs, c.noFlush, c.racing)
			want := kernelTree(t, image)

			before := stagedIn(t, image)
			if len(before.staged) == 0 {
				t.Fatal("the crash has left nothing staged")
			}
			recovered := closedCopy(t, image)
			oracle.Mount(t, recovered, oracle.MountOptions{Loud: true}).Unmount()
			kernel := ownersOf(t, recovered)

			dev := openRW(t, image)
			r, err := Run(context.Background(), dev, Options{Safe: true, Undo: filepath.Join(t.TempDir(), "undo")})
			if err != nil || !mended(r.After) || len(r.Losses) > 0 {
				t.Fatalf("%v, losses %v, left %v", err, r.Losses, r.After.Findings)
			}
			if err := dev.Close(); err != nil {
				t.Fatal(err)
			}
			after := ownersOf(t, image)
			if len(after.staged) > 0 {
				t.Errorf("still staged: %v", after.staged)
			}
			kernel.same(t, after)
			oracle.RepairClean(t, oracle.Gen7, image)
			oracle.Equal(t, want, kernelTree(t, image), oracle.CompareOptions{})
			freed := 0
			for b := range before.staged {
				if after.free[b] || after.inTrees(b) {
					freed++
				}
			}
			if freed == 0 {
				t.Error("nothing that was staged is free")
			}
			t.Logf("%d of %d staged blocks freed", freed, len(before.staged))
		})
	}
}

// leaking makes an image that went down with staged blocks.
func leaking(t *testing.T, mkfs []string, noFlush, racing bool) string {
	t.Helper()
	image := dirty.Fresh(t, 160<<20, mkfs...)
	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	w := dirty.NewWork(t, m.Dir, 5)
	w.Cow = true
	w.Names("names", 50)
	w.Files("f")
	if racing {
		var group sync.WaitGroup
		for i := range 4 {
			clone := w.Path("f-racing%d", i)
			oracle.MustRun(t, oracle.Tool(t, "xfs_io", oracle.Gen7), "-f", "-c", "reflink "+w.Path("f-big"), "-c", "cowextsize 1m", clone)
			group.Add(1)
			go func() {
				defer group.Done()
				f, err := os.OpenFile(clone, os.O_WRONLY, 0)
				if err != nil {
					return // the filesystem is down
				}
				defer f.Close()
				for k := range int64(1000) {
					if _, err := f.WriteAt([]byte("new"), k%40*64<<10+k); err != nil {
						return
					}
					if k%5 == 0 && f.Sync() != nil {
						return
					}
				}
			}()
		}
		for k := range 10 {
			w.Names(fmt.Sprintf("meanwhile%d", k), 10)
		}
		w.Shutdown(noFlush)
		group.Wait()
	} else {
		w.Shutdown(noFlush)
	}
	m.Unmount()
	return image
}

func openRW(t *testing.T, path string) *device.File {
	t.Helper()
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// closedCopy copies an image for others to open.
func closedCopy(t *testing.T, image string) string {
	t.Helper()
	dev := copyOf(t, image)
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	return dev.File().Name()
}

// kernelTree is what the kernel shows of a copy of an image.
func kernelTree(t *testing.T, image string) *oracle.Tree {
	t.Helper()
	m := oracle.Mount(t, closedCopy(t, image), oracle.MountOptions{Loud: true})
	defer m.Unmount()
	return oracle.SnapshotUnwritten(t, m.Dir)
}

// owners says of each block of an image whose it is, by what the image itself records.
type owners struct {
	of     map[format.FSBlock]string
	free   map[format.FSBlock]bool
	staged map[format.FSBlock]bool
}

func ownersOf(t *testing.T, path string) *owners {
	t.Helper()
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	g := geometry(t, dev)
	o := &owners{map[format.FSBlock]string{}, map[format.FSBlock]bool{}, map[format.FSBlock]bool{}}
	for ag := range format.AGNumber(g.AGCount) {
		each(t, dev, g, ag, btree.Bnobt, func(rec []byte) {
			for i := range format.FreeCount.Get(rec) {
				o.free[g.FSB(ag, format.FreeStart.Get(rec)+format.AGBlock(i))] = true
			}
		})
		each(t, dev, g, ag, btree.Refcountbt, func(rec []byte) {
			r, cow := refcount.Unpack(rec)
			if !cow {
				return
			}
			for i := range r.Count {
				o.staged[g.FSB(ag, r.Start+format.AGBlock(i))] = true
			}
		})
		if !g.HasRmapbt() {
			continue
		}
		each(t, dev, g, ag, btree.Rmapbt, func(rec []byte) {
			r := space.UnpackRmap(rec)
			for i := range r.Count {
				b := g.FSB(ag, r.Start+format.AGBlock(i))
				at := r.Owner
				if format.OwnerIsInode(r.ID) {
					at = r.At(i)
				}
				o.of[b] += ownerText(at)
			}
		})
	}
	return o
}

func each(t *testing.T, dev device.Device, g *format.Geometry, ag format.AGNumber, k *btree.Kind, visit func(rec []byte)) {
	t.Helper()
	tr := treeOf(t, dev, g, ag, k)
	for rec, err := range tr.All() {
		if err != nil {
			t.Fatal(err)
		}
		visit(rec)
	}
}

// stagedIn is what an image has when all that its log holds is in place, and nothing more was done.
func stagedIn(t *testing.T, image string) *owners {
	t.Helper()
	dev := copyOf(t, image)
	l, err := journal.Open(dev, geometry(t, dev))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Replay(l, dev); err != nil {
		t.Fatal(err)
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	return ownersOf(t, dev.File().Name())
}

// inTrees reports whether a block is one of a group's own: who frees blocks first may need other
// ones for the trees.
func (o *owners) inTrees(b format.FSBlock) bool {
	return slices.ContainsFunc([]uint64{format.OwnAG, format.OwnRefc}, func(id uint64) bool {
		return o.of[b] == ownerText(space.Owner{ID: id})
	})
}

func ownerText(o space.Owner) string { return fmt.Sprintf("%+v;", o) }

// same checks that each block has the same owners.
func (o *owners) same(t *testing.T, other *owners) {
	t.Helper()
	bad := 0
	for _, list := range []map[format.FSBlock]bool{o.free, other.free} {
		for b := range list {
			if o.free[b] == other.free[b] || o.inTrees(b) || other.inTrees(b) {
				continue
			}
			t.Errorf("block %d: the kernel has it free: %v, we: %v", b, o.free[b], other.free[b])
			if bad++; bad > 10 {
				t.Fatal("and more")
			}
		}
	}
	for b, was := range o.of {
		if now := other.of[b]; was != now && !o.inTrees(b) && !other.inTrees(b) {
			t.Errorf("block %d: the kernel has it owned by %s, we by %s", b, was, now)
			if bad++; bad > 10 {
				t.Fatal("and more")
			}
		}
	}
}
