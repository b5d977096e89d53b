package undo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/undo"
)

var lostModes = []device.Lost{device.LostAll, device.LostNone, device.LostSome, device.LostSectors}

// crash is a change of an image during which the power fails.
type crash struct {
	before  device.Device
	changes *device.Overlay
	pages   map[int64][2][]byte // what changes: before and after
}

func newCrash(t testing.TB, before device.Device, changes *device.Overlay) *crash {
	t.Helper()
	c := &crash{before, changes, map[int64][2][]byte{}}
	for off, n := range changes.Changes() {
		for at := off; at < off+int64(n); at += pageSize {
			old := make([]byte, min(pageSize, off+int64(n)-at))
			now := make([]byte, len(old))
			if _, err := before.ReadAt(old, at); err != nil {
				t.Fatal(err)
			}
			if _, err := changes.ReadAt(now, at); err != nil {
				t.Fatal(err)
			}
			c.pages[at/pageSize] = [2][]byte{old, now}
		}
	}
	return c
}

// run commits the change on a machine that goes down at a step. done says that the change ended
// before.
func (c *crash) run(t testing.TB, step int) (m *machine, done bool) {
	t.Helper()
	m = newMachine(c.before)
	m.deadline = step
	_, err := undo.CommitOn(m, m.device(), c.changes, "undo")
	if err != nil && !errors.Is(err, errPower) {
		t.Fatalf("step %d: %v", step, err)
	}
	return m, err == nil
}

// state is which version of the image a machine has: 0 before and 1 after the change, -1 neither.
func (c *crash) state(t testing.TB, m *machine) int {
	t.Helper()
	for i := range m.image.pages {
		if _, ok := c.pages[i]; !ok {
			t.Fatalf("page %d was written, which does not change", i)
		}
	}
	d, is := m.device(), [2]bool{true, true}
	for i, v := range c.pages {
		p := make([]byte, len(v[0]))
		if _, err := d.ReadAt(p, i*pageSize); err != nil {
			t.Fatal(err)
		}
		for k := range is {
			is[k] = is[k] && bytes.Equal(p, v[k])
		}
	}
	switch {
	case is[0]:
		return 0
	case is[1]:
		return 1
	}
	return -1
}

// goOn finishes the change after a failure, or begins it anew where nothing came of it, and takes
// it back.
func (c *crash) goOn(t testing.TB, m *machine) {
	t.Helper()
	found, err := undo.FinishOn(m, m.device(), "undo")
	if err != nil {
		t.Fatal(err)
	}
	switch s := c.state(t, m); {
	case s == 1:
	case s < 0:
		t.Fatalf("after a file in state %q was finished, the image is neither as before nor as after", found)
	case found == undo.Applying || found == undo.Applied:
		t.Fatalf("after a file in state %q was finished, the image is as before", found)
	default:
		if found == undo.Undoing || found == undo.Undone {
			return // it was being taken back, and is
		}
		if _, err := undo.CommitOn(m, m.device(), c.changes, "undo"); err != nil {
			t.Fatal(err)
		}
	}
	c.takeBack(t, m)
}

// takeBack undoes the change, as far as it has come.
func (c *crash) takeBack(t testing.TB, m *machine) {
	t.Helper()
	_, err := undo.UndoOn(m, m.device(), "undo")
	if err != nil && !errors.Is(err, undo.ErrNothing) && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if c.state(t, m) != 0 {
		t.Fatal("the image is not as it was")
	}
}

// at has the power fail at a step of a change, and then goes on in each way there is.
func (c *crash) at(t testing.TB, step int, lost device.Lost) (done bool) {
	t.Helper()
	m, done := c.run(t, step)
	c.goOn(t, m.fail(1, lost))
	c.takeBack(t, m.fail(1, lost))
	return done
}

// TestPowerFailure has the power fail at each step of a change, in each way; then it is finished or
// taken back, and the power fails at each step of that, too. In the end the image is always what it
// is without any failure.
func TestPowerFailure(t *testing.T) {
	m, before := image(t)
	o, _ := change(t, m, before)
	full := newCrash(t, m, o)
	for _, lost := range lostModes {
		t.Run(fmt.Sprint("lost ", lost), func(t *testing.T) {
			for step := 0; ; step++ {
				if done := full.at(t, step, lost); done {
					t.Logf("%d steps", step)
					break
				}
				full.twice(t, step, lost)
			}
			// Taking back a change that was completed.
			full.twice(t, -1, lost)
		})
	}
}

// twice has the power fail at a step of the change, and again at each step of what goes on.
func (c *crash) twice(t *testing.T, step int, lost device.Lost) {
	t.Helper()
	for _, how := range []func(undo.Host, device.Device) error{
		func(h undo.Host, d device.Device) error { _, err := undo.FinishOn(h, d, "undo"); return err },
		func(h undo.Host, d device.Device) error { _, err := undo.UndoOn(h, d, "undo"); return err },
	} {
		for again := 0; ; again++ {
			m, _ := c.run(t, step)
			m = m.fail(1, lost)
			m.deadline = again
			if err := how(m, m.device()); !errors.Is(err, errPower) {
				break
			}
			c.goOn(t, m.fail(2, lost))
			c.takeBack(t, m.fail(2, lost))
		}
	}
}
