package check_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/foreign"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
	"github.com/cowfs/cowfs/volume"
)

// log makes a log dirty by adding a checkpoint.
func (b *bed) log(d *device.Memory, items ...journal.Item) {
	b.Helper()
	l, err := journal.Open(d, b.geo)
	b.must(err)
	w, err := journal.NewWriter(l, journal.WriterOptions{})
	b.must(err)
	_, err = w.Append(items)
	b.must(err)
	b.must(w.Sync())
}

// TestDirtyLogs checks images as their logs make them, and such whose logs can't be replayed.
func TestDirtyLogs(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	unknown := make([]byte, 16)
	format.LogItemKind.Put(unknown, 0x12f0)
	format.LogItemRegions.Put(unknown, 1)
	free := journal.Intent{Type: format.LogItemEFI, ID: 7, Free: []journal.FreeExtent{{Start: b.geo.FSB(0, 100), Len: 1}}}
	mark := super(0, func(p []byte) { format.SBIncompat.Put(p, format.SBIncompat.Get(p)|format.InNeedsRepair) })
	b.run(t, []fault{
		{"files made", func(b *bed, d *device.Memory) {
			w, err := volume.OpenWriter(stayOpen{d}, volume.Options{})
			b.must(err)
			b.must(w.Mkdir("/new", volume.Attr{Mode: 0o755}))
			b.must(w.Create("/new/file", volume.Attr{Mode: 0o644}))
			b.must(w.Sync()) // and no more: the log keeps it
			b.dirty(d)
		}, ""},
		{"blocks lost", func(b *bed, d *device.Memory) {
			l, err := journal.Open(d, b.geo)
			b.must(err)
			j, err := journal.NewWriter(l, journal.WriterOptions{})
			b.must(err)
			store := txn.NewStore(stayOpen{d}, b.geo, txn.NewLog(j))
			tx, err := store.Begin()
			b.must(err)
			groups := space.New(b.geo)
			_, err = refcount.New(b.geo, groups).AllocStaging(tx, space.Request{Min: 3}) // which a mount frees
			b.must(err)
			_, err = groups.Alloc(tx, space.Request{Min: 4})
			b.must(err)
			b.must(tx.Commit())
			b.must(store.Sync())
			b.dirty(d)
		}, "space.lost"},
		{"unknown item", func(b *bed, d *device.Memory) { b.log(d, journal.Item{Regions: [][]byte{unknown}}) }, "log.not-replayed"},
		{"change that can't be finished", func(b *bed, d *device.Memory) {
			mark(b, d)
			b.log(d, free.Item())
		}, "log.unfinished super.needs-repair"},
	})
}

// dirty makes sure that a log holds changes, and that a check sees them and leaves the image alone.
func (b *bed) dirty(d *device.Memory) {
	b.Helper()
	l, err := journal.Open(d, b.geo)
	b.must(err)
	if l.State != journal.Dirty {
		b.Fatalf("the log is %v", l.State)
	}
	if r := b.check(readOnly{d}, check.Options{}); !r.Dirty {
		b.Error("the log is dirty, and the report does not say so")
	}
}

// TestReplayWithoutRoom checks that a replay that finds no room on the host says nothing of the image.
func TestReplayWithoutRoom(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	dev := b.dev.Clone()
	w, err := volume.OpenWriter(stayOpen{dev}, volume.Options{})
	b.must(err)
	b.must(w.Mkdir("/new", volume.Attr{Mode: 0o755}))
	b.must(w.Sync())
	open := openFiles(t)
	if r := b.check(dev, check.Options{Memory: 1}); codes(r) != "" || !r.Dirty {
		t.Errorf("with a temporary file: codes %q, dirty %v", codes(r), r.Dirty)
	}
	if n := openFiles(t); n != open {
		t.Errorf("%d files are open, and were %d before", n, open)
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nothing"))
	if r, err := check.Run(t.Context(), dev, check.Options{Memory: 1}); !errors.Is(err, device.ErrSpill) {
		t.Errorf("report %+v, error %v", r, err)
	}
	if r := b.check(dev, check.Options{}); codes(r) != "" || !r.Dirty {
		t.Errorf("with room in memory: codes %q, dirty %v", codes(r), r.Dirty)
	}
}

// openFiles is how many files this process has open.
func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

// TestUncheckedParts checks volumes with parts that are not judged.
func TestUncheckedParts(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	for _, c := range []struct {
		code string
		make func(b *bed, d *device.Memory)
	}{
		{"unchecked.quota", super(0, func(p []byte) { format.SBVersionNum.Put(p, format.SBVersionNum.Get(p)|format.VersionQuota) })},
		{"unchecked.realtime", supers(func(p []byte) { format.SBRBlocks.Put(p, 1000) })},
	} {
		dev := b.dev.Clone()
		c.make(b, dev)
		r := b.check(dev, check.Options{Only: []string{"unchecked"}})
		if got := codes(r); got != c.code || r.Complete || r.Clean() {
			t.Errorf("%s: codes %q, complete: %v, clean: %v", c.code, got, r.Complete, r.Clean())
		}
	}
}

// TestUnreadable checks an image on a device that can't read some of it.
func TestUnreadable(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	leaves := b.leaves(b.dev, rmap)
	leaf := leaves[len(leaves)-1]
	r := b.check(badSector{b.dev, leaf.off}, check.Options{})
	if got := codes(r); got != "device.unreadable" || r.Complete {
		t.Errorf("codes %q, complete: %v", got, r.Complete)
	}
	if f := r.Findings[0]; f.Place.AG != 0 || f.Place.Block != leaf.block {
		t.Errorf("place %+v, want block %d", f.Place, leaf.block)
	}
}

// badSector is a device that can't read a byte.
type badSector struct {
	device.Device
	off int64
}

func (d badSector) ReadAt(p []byte, off int64) (int, error) {
	if off <= d.off && d.off < off+int64(len(p)) {
		return 0, device.ErrInjected
	}
	return d.Device.ReadAt(p, off)
}

// TestOptions limits what is reported.
func TestOptions(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	dev := b.dev.Clone()
	b.stage(dev)
	b.drop(dev, refc, 2)
	for _, c := range []struct {
		only []string
		want string
	}{
		{nil, "cow.leaked refcount.missing"},
		{[]string{"cow"}, "cow.leaked"},
		{[]string{"refcount.missing"}, "refcount.missing"},
		{[]string{"space", "inode"}, ""},
		{[]string{"refcountbt"}, "cow.leaked refcount.missing"},
	} {
		if got := codes(b.check(dev, check.Options{Only: c.only})); got != c.want {
			t.Errorf("only %q: %q, want %q", c.only, got, c.want)
		}
	}
	if r := b.check(dev, check.Options{MaxFindings: 1}); len(r.Findings) != 1 || r.Dropped != 1 || r.Clean() || r.Counts != [check.Severities]int{check.Damage: 1, check.Leak: 1} {
		t.Errorf("%d findings, %d dropped, counts %v", len(r.Findings), r.Dropped, r.Counts)
	}
	if r := b.check(dev, check.Options{Memory: 1}); codes(r) != "cow.leaked refcount.missing" {
		t.Errorf("with little memory: %q", codes(r))
	}
}

// TestForeign finds another filesystem where a volume was before, of which copies of the superblock are
// left.
func TestForeign(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	for _, c := range []struct {
		name string
		off  int64
		text string
		want error
	}{
		{"wiped", 600, "", nil},
		{"ext", 1080, "\x53\xef", foreign.ErrForeign},
		{"btrfs", 65600, "_BHRfS_M", foreign.ErrForeign},
	} {
		dev := b.dev.Clone()
		_, err := dev.WriteAt(make([]byte, 2048), 0)
		b.must(err)
		_, err = dev.WriteAt([]byte(c.text), c.off)
		b.must(err)
		if r, err := check.Run(t.Context(), dev, check.Options{}); !errors.Is(err, c.want) || err == nil && r.Clean() {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// nothing is a device of 1 PiB without anything in it, of which holes are known. Nobody could read
// all of it.
type nothing struct{ reads int }

func (*nothing) Size() int64                            { return 1 << 50 }
func (*nothing) Close() error                           { return nil }
func (*nothing) Sync() error                            { return nil }
func (*nothing) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (*nothing) SeekData(int64) (int64, error)          { return 0, io.EOF }
func (*nothing) SeekHole(off int64) (int64, error)      { return off, nil }

func (d *nothing) ReadAt(p []byte, _ int64) (int, error) {
	d.reads++
	clear(p)
	return len(p), nil
}

// solid is one that does not tell of holes, and that ends the run after some reads.
type solid struct {
	device.Device
	left   int
	cancel func()
}

func (d *solid) ReadAt(p []byte, off int64) (int, error) {
	if d.left--; d.left == 0 {
		d.cancel()
	}
	return d.Device.ReadAt(p, off)
}

// TestNothing looks for a superblock where there is none: holes are passed over, and a search that
// takes long can be ended.
func TestNothing(t *testing.T) {
	d := &nothing{}
	if _, err := check.Run(t.Context(), d, check.Options{}); !errors.Is(err, format.ErrCorrupt) || d.reads > 100 {
		t.Errorf("%v after %d reads", err, d.reads)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d = &nothing{}
	if _, err := check.Run(ctx, &solid{d, 50, cancel}, check.Options{}); !errors.Is(err, context.Canceled) || d.reads != 50 {
		t.Errorf("interrupted: %v after %d reads", err, d.reads)
	}
}
