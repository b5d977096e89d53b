package check_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// specimen is a sound image that tests damage copies of.
type specimen struct {
	*damage.Image
	name  string
	path  string // of the image; not to be changed
	mem   *device.Memory
	steps int64 // reads that a check of it takes
}

// newSpecimen takes an image that has to be sound for both oracles.
func newSpecimen(t testing.TB, name, path string) *specimen {
	t.Helper()
	s := &specimen{name: name, path: path, mem: load(t, path)}
	var err error
	if s.Image, err = damage.Open(s.mem); err != nil {
		t.Fatal(err)
	}
	oracle.RepairClean(t, oracle.Gen7, path)
	v := s.check(t, s.mem)
	for _, f := range v.findings[:min(10, len(v.findings))] {
		t.Errorf("%s: false alarm: %s", name, told(f))
	}
	if v.err != nil || !v.complete {
		t.Fatalf("%s: %v, complete: %v", name, v.err, v.complete)
	}
	s.steps = v.steps
	return s
}

// load reads an image file into memory.
func load(t testing.TB, path string) *device.Memory {
	t.Helper()
	f, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := device.NewMemory(f.Size())
	if err := copyData(m, f); err != nil {
		t.Fatal(err)
	}
	return m
}

// copyData copies what is no hole.
func copyData(to io.WriterAt, from device.Device) error {
	b := make([]byte, 1<<20)
	for off := int64(0); off < from.Size(); {
		start, err := device.SeekData(from, off)
		if errors.Is(err, io.EOF) || start >= from.Size() {
			return nil
		}
		if err != nil {
			return err
		}
		end, err := device.SeekHole(from, start)
		if err != nil {
			return err
		}
		for off = start; off < end; {
			n := min(int64(len(b)), end-off)
			if _, err := from.ReadAt(b[:n], off); err != nil {
				return err
			}
			if _, err := to.WriteAt(b[:n], off); err != nil {
				return err
			}
			off += n
		}
	}
	return nil
}

// verdict is what our check says of an image.
type verdict struct {
	findings []check.Finding
	complete bool
	dirty    bool
	err      error
	steps    int64
}

// damaged reports whether the image is not what a sound one can be. What is only not checked
// does not count.
func (v verdict) damaged() bool {
	for _, f := range v.findings {
		if f.Code.Severity != check.Unchecked {
			return true
		}
	}
	return v.err != nil
}

// odd reports whether oddities are all that is wrong.
func (v verdict) odd() bool {
	return v.damaged() && v.err == nil && !slices.ContainsFunc(v.findings, func(f check.Finding) bool { return f.Code.Severity != check.Oddity })
}

// codes lists the codes of the findings, each once.
func (v verdict) codes() []string {
	var out []string
	seen := map[string]bool{}
	for _, f := range v.findings {
		if !seen[f.Code.Name] {
			seen[f.Code.Name] = true
			out = append(out, f.Code.Name)
		}
	}
	if v.err != nil {
		out = append(out, "(refused)")
	}
	return out
}

// check runs our check. One that takes many more steps than that of the sound image has no end:
// the test fails.
func (s *specimen) check(t testing.TB, dev device.Device) verdict {
	t.Helper()
	return s.checkWith(t, dev, check.Options{})
}

// checkWith is check with some options.
func (s *specimen) checkWith(t testing.TB, dev device.Device, o check.Options) verdict {
	t.Helper()
	o.Threads, o.Memory = 2, 256<<20
	limited := &limitedDevice{Device: dev, limit: 100_000 + 100*s.steps}
	r, err := check.Run(context.Background(), limited, o)
	v := verdict{err: err, steps: limited.steps.Load()}
	if r != nil {
		v.findings, v.complete, v.dirty = r.Findings, r.Complete, r.Dirty
	}
	if v.steps > limited.limit {
		t.Errorf("%s: the check has no end: %d reads, %d of the sound image", s.name, v.steps, s.steps)
	}
	return v
}

// limitedDevice fails after so many reads.
type limitedDevice struct {
	device.Device
	steps atomic.Int64
	limit int64
}

var errNoEnd = errors.New("too many steps")

func (d *limitedDevice) ReadAt(p []byte, off int64) (int, error) {
	if d.steps.Add(1) > d.limit {
		return 0, errNoEnd
	}
	return d.Device.ReadAt(p, off)
}

// told is a finding in a line.
func told(f check.Finding) string {
	text := f.Code.Name + ":"
	for _, w := range []string{f.Structure, f.Field, "got " + f.Got, "want " + f.Want, f.Note, f.Path} {
		if w != "" {
			text += " " + w
		}
	}
	return text
}

// newFile makes a copy of an image for other programs, as a sparse file.
func newFile(t testing.TB, dir string, dev device.Device) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "image"))
	if err == nil {
		err = f.Truncate(dev.Size())
	}
	if err == nil {
		err = copyData(f, dev)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// write is a piece of damage: bytes at a place.
type write struct {
	off      int64
	old, new []byte
}

// damagedBy is the image with some bytes changed, in memory.
func (s *specimen) damagedBy(writes []write) *device.Memory {
	m := s.mem.Clone()
	for _, w := range writes {
		m.WriteAt(w.new, w.off) // memory does not fail within its size
	}
	return m
}

// repairLimit is how long xfs_repair may take; some damage makes it go on for ever.
const repairLimit = 20 * time.Second

// repair asks xfs_repair -n about a copy of the image with some bytes changed, which it changes
// back afterwards.
func repair(t testing.TB, f *os.File, writes []write) []string {
	t.Helper()
	change(t, f, writes)
	ctx, cancel := context.WithTimeout(context.Background(), repairLimit)
	defer cancel()
	complaints := oracle.RepairWithin(ctx, t, oracle.Gen7, f.Name())
	changeBack(t, f, writes)
	return complaints
}

// change damages a copy of an image, and changeBack undoes it.
func change(t testing.TB, f *os.File, writes []write) {
	t.Helper()
	for _, w := range writes {
		if _, err := f.WriteAt(w.new, w.off); err != nil {
			t.Fatal(err)
		}
	}
}

func changeBack(t testing.TB, f *os.File, writes []write) {
	t.Helper()
	for i := range writes {
		w := writes[len(writes)-1-i]
		if _, err := f.WriteAt(w.old, w.off); err != nil {
			t.Fatal(err)
		}
	}
}
