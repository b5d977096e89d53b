package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/volume"
)

// inUnit runs operations of the model, none that writes to a file in place, in a unit.
func inUnit(t *testing.T, m *model, u *volume.Unit, n int) {
	t.Helper()
	for range n {
		o := m.next()
		for o.file != nil {
			o = m.next()
		}
		check(t, m.run(u.Writer, o))
	}
}

// TestUnitAbort has a unit that is not committed leave every byte as it was.
func TestUnitAbort(t *testing.T) {
	dev, m := prepared(t, "default", 31, 60)
	w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
	check(t, err)
	before := dev.Clone()
	want := m.picture()
	u, err := w.Begin()
	check(t, err)
	inUnit(t, m, u, 60)
	list, err := u.Changes()
	check(t, err)
	if len(list) == 0 {
		t.Error("no changes")
	}
	got, err := pictureOf(w.Volume, m.top)
	check(t, err)
	if d := want.differences(got); len(d) > 0 {
		t.Errorf("outside of the unit its changes are seen: %s", d[0])
	}
	check(t, w.Close())
	if at := firstDifference(t, before, dev); at >= 0 {
		t.Errorf("byte %d has changed", at)
	}
}

// firstDifference is the offset of the first byte that differs, -1 without one.
func firstDifference(t *testing.T, a, b *device.Memory) int64 {
	t.Helper()
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for off := int64(0); off < a.Size(); off += int64(len(x)) {
		n := min(int64(len(x)), a.Size()-off)
		_, err := a.ReadAt(x[:n], off)
		check(t, err)
		_, err = b.ReadAt(y[:n], off)
		check(t, err)
		for i := range x[:n] {
			if x[i] != y[i] {
				return off + int64(i)
			}
		}
	}
	return -1
}

// TestUnitCommit makes many changes in units, on volumes of several shapes, and goes on after
// each commit.
func TestUnitCommit(t *testing.T) {
	for _, name := range []string{"default", "1k", "dir-16k", "no-rmapbt", "inode-2k"} {
		t.Run(name, func(t *testing.T) {
			dev, m := prepared(t, name, 5, 40)
			w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
			check(t, err)
			for range 3 {
				u, err := w.Begin()
				check(t, err)
				inUnit(t, m, u, 50)
				check(t, u.Commit())
				got, err := pictureOf(w.Volume, m.top)
				check(t, err)
				if d := m.picture().differences(got); len(d) > 0 {
					t.Fatalf("after the commit: %s", d[0])
				}
				// Changes outside of units go on from there.
				check(t, m.run(w, m.next()))
			}
			check(t, w.Close())
			oracle.RepairClean(t, oracle.Gen7, save(t, dev))
		})
	}
}

// TestUnitCrash crashes in commits: all changes are there, or none, for us and for the kernel.
func TestUnitCrash(t *testing.T) {
	for seed := range uint64(3) {
		dev, m := prepared(t, "default", 40+seed, 60)
		c := &crash{dev: device.NewCrash(dev), before: m.picture(), top: m.top}
		w, err := volume.OpenWriter(keepOpen{c.dev}, volume.Options{})
		check(t, err)
		u, err := w.Begin()
		check(t, err)
		inUnit(t, m, u, 80)
		check(t, u.Commit())
		check(t, w.Close())
		c.after = m.picture()
		count, done := 0, 0
		c.every(t, operation{what: "unit"}, seed, 1, 25, &count, &done)
		if done == 0 || done == count {
			t.Errorf("%d of %d crashes left the changes made", done, count)
		}
	}
}

// TestUnitReuse has blocks of a directory become inodes within a unit.
func TestUnitReuse(t *testing.T) {
	dev := inMemory(t, emptyImage(t, mkfs.Config{Size: 40 << 20, AGCount: 1}))
	w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
	check(t, err)
	fill := func(w *volume.Writer, dir string, n int) {
		check(t, w.Mkdir(dir, volume.Attr{Mode: 0o755}))
		for i := range n {
			check(t, w.Create(fmt.Sprintf("%s/%d", dir, i), volume.Attr{Mode: 0o644}))
		}
	}
	const names = 600
	link := func(i int) string { return fmt.Sprintf("/a/%0200d", i) }
	// Nearly all space is taken, so that what is given up is used again.
	fill(w, "/k", names)
	check(t, w.Mkdir("/a", volume.Attr{Mode: 0o755}))
	for i := range names {
		check(t, w.Link(fmt.Sprintf("/k/%d", i), link(i)))
	}
	check(t, w.Create("/big", volume.Attr{Mode: 0o644}))
	for n := int64(0); ; n += 64 << 10 {
		if err := w.Fallocate("/big", n, 64<<10, false); errors.Is(err, space.ErrNoSpace) {
			break
		} else {
			check(t, err)
		}
	}
	check(t, w.Close())
	c := &crash{dev: device.NewCrash(dev)}
	if c.before, err = pictureOf(mustOpen(t, dev), ""); err != nil {
		t.Fatal(err)
	}
	w, err = volume.OpenWriter(keepOpen{c.dev}, volume.Options{})
	check(t, err)
	u, err := w.Begin()
	check(t, err)
	for i := range names {
		check(t, u.Remove(link(i)))
	}
	check(t, u.Remove("/a"))
	fill(u.Writer, "/b", 120)
	list, err := u.Changes()
	check(t, err)
	reused := 0
	for _, x := range list {
		if x.Type == format.TypeInode && x.Was != nil && x.Was != format.TypeInode {
			reused++
		}
	}
	if reused == 0 {
		t.Error("no blocks were used again")
	}
	check(t, u.Commit())
	check(t, w.Close())
	if c.after, err = pictureOf(mustOpen(t, c.dev.After(c.dev.Writes(), 0, device.LostNone)), ""); err != nil {
		t.Fatal(err)
	}
	count, done := 0, 0
	c.every(t, operation{what: "reuse"}, 1, 1, 9, &count, &done)
	if done == 0 || done == count {
		t.Errorf("%d of %d crashes left the changes made", done, count)
	}
}

func mustOpen(t *testing.T, dev device.Device) *volume.Volume {
	t.Helper()
	v, err := volume.Open(keepOpen{dev}, volume.Options{Replay: true})
	check(t, err)
	return v
}

// TestUnitTooLarge has a unit that does not fit in the log change nothing.
func TestUnitTooLarge(t *testing.T) {
	dev := inMemory(t, emptyImage(t, mkfs.Config{Size: 300 << 20, LogSize: 10 << 20}))
	w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
	check(t, err)
	for i := range 200 {
		check(t, w.Create(fmt.Sprintf("/f%d", i), volume.Attr{Mode: 0o644}))
	}
	check(t, w.Sync())
	u, err := w.Begin()
	check(t, err)
	value := bytes.Repeat([]byte("x"), 3000)
	for i := range 200 {
		for k := range 14 {
			check(t, u.SetXattr(fmt.Sprintf("/f%d", i), fmt.Sprintf("user.%d", k), value, false, false))
		}
	}
	check(t, u.Commit()) // the blocks of the attributes are new, and need not be logged
	before := dev.Clone()
	u, err = w.Begin()
	check(t, err)
	for i := range 200 {
		for k := range 14 {
			check(t, u.SetXattr(fmt.Sprintf("/f%d", i), fmt.Sprintf("user.%d", k), value[1:], false, false))
		}
	}
	if err := u.Commit(); !errors.Is(err, volume.ErrUnitTooLarge) {
		t.Errorf("got %v, want ErrUnitTooLarge", err)
	}
	if firstDifference(t, before, dev) >= 0 {
		t.Error("the image has changed")
	}
	check(t, w.Close())
}

// TestDryRun shows changes without making them, and can't be committed.
func TestDryRun(t *testing.T) {
	dev, m := prepared(t, "default", 3, 30)
	before := dev.Clone()
	u, err := volume.DryRun(readOnly{keepOpen{dev}}, volume.Options{})
	check(t, err)
	inUnit(t, m, u, 30)
	list, err := u.Changes()
	check(t, err)
	types := map[*format.BlockType]int{}
	end := int64(0)
	for _, c := range list {
		if c.Off < end || bytes.Equal(c.Old, c.New) || len(c.Old) != len(c.New) {
			t.Errorf("change at %d of %d bytes: out of order, or none", c.Off, len(c.New))
		}
		end = c.Off + int64(len(c.New))
		types[c.Type]++
	}
	for _, want := range []*format.BlockType{format.TypeSuperblock, format.TypeAGF, format.TypeInode, format.TypeBnobt} {
		if types[want] == 0 {
			t.Errorf("no change of a %s", want)
		}
	}
	if err := u.Commit(); !errors.Is(err, volume.ErrReadOnly) {
		t.Errorf("commit: %v", err)
	}
	check(t, u.Close())
	if at := firstDifference(t, before, dev); at >= 0 {
		t.Errorf("byte %d has changed", at)
	}
}

// readOnly is a device that must not be written to.
type readOnly struct{ device.Device }

func (readOnly) WriteAt([]byte, int64) (int, error) { return 0, io.ErrShortWrite }
