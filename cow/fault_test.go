package cow_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/txn"
	"github.com/cowfs/cowfs/volume"
)

// faultCase is a write to /f, which shares its blocks with /g, up to where it is safe.
type faultCase struct {
	name   string
	before func(r *rig) error
	do     func(r *rig) error
	want   []byte // what f has afterwards
}

func faultCases(old []byte) []faultCase {
	const bs = 4096
	p := noise(2, 20*bs)
	nothing := func(*rig) error { return nil }
	over := func(off int, p []byte) []byte {
		b := append(bytes.Clone(old), make([]byte, max(0, off+len(p)-len(old)))...)
		copy(b[off:], p)
		return b
	}
	safe := func(write func(r *rig) error) func(r *rig) error {
		return func(r *rig) error {
			if err := write(r); err != nil {
				return err
			}
			if err := r.eng.Flush(r.t.Context()); err != nil {
				return err
			}
			return r.store.Sync()
		}
	}
	buffered := func(off int, p []byte) func(r *rig) error {
		return safe(func(r *rig) error { _, err := r.f.Write(p, int64(off)); return err })
	}
	stage := safe(func(r *rig) error { _, err := r.f.Stage(r.t.Context(), p, 10*bs); return err })
	return []faultCase{
		{"shared", nothing, buffered(10*bs, p), over(10*bs, p)},
		{"edges", nothing, buffered(10*bs+9, p[:5*bs]), over(10*bs+9, p[:5*bs])},
		{"hole", nothing, buffered(len(old)+5*bs, p), over(len(old)+5*bs, p)},
		{"direct", nothing, safe(func(r *rig) error { _, err := r.f.WriteDirect(r.t.Context(), p, 10*bs); return err }), over(10*bs, p)},
		{"dax", nothing, safe(func(r *rig) error { _, err := r.f.WriteDAX(r.t.Context(), p[:5*bs+7], 10*bs+9); return err }), over(10*bs+9, p[:5*bs+7])},
		{"stage", nothing, stage, old},
		{"remap", stage, safe(func(r *rig) error { return r.f.Remap(0, int64(len(old))) }), over(10*bs, p)},
		{"cancel", stage, safe(func(r *rig) error { return r.f.Cancel(0, int64(len(old))) }), old},
	}
}

// Wherever on its way a write meets an error of the device, once: each block of the file is as
// before or as afterwards, the clone has what it had, nothing of the volume's space is lost, and
// what failed can be done again unless it was the log that could not be written.
func TestErrorAtEveryOperation(t *testing.T) {
	old := noise(1, 60*4096)
	base := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	must(t, base.store.Close())
	for _, c := range faultCases(old) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			failed, repeated := 0, 0
			for n := 0; ; n++ {
				armed := false
				r := &rig{t: t, mem: base.mem.Clone()}
				fault := &counting{Fault: device.MustFault(r.mem, fmt.Sprintf("(Err (Index %d))", n))}
				r.dev = &switched{Device: r.mem, fault: fault, on: &armed}
				r.open(base.f.Ino, base.g.Ino)
				must(t, c.before(r))
				armed = true
				err := c.do(r)
				armed = false
				where := fmt.Sprintf("operation %d fails, %v", n, err)
				switch {
				case err != nil && !errors.Is(err, device.ErrInjected):
					t.Fatalf("%s: another error", where)
				case err == nil:
					r.wants(r.f, where, c.want)
				default:
					failed++
					if r.again(where, c, old) {
						repeated++
					}
				}
				if err := r.store.Close(); err != nil && !errors.Is(err, txn.ErrFailed) {
					t.Errorf("%s: at the end: %v", where, err)
				}
				r.recovered(where, old, c.want)
				if t.Failed() {
					return
				}
				if fault.count <= n {
					break
				}
			}
			t.Logf("%d errors, %d repeated", failed, repeated)
			if failed == 0 {
				t.Error("nothing failed")
			}
		})
	}
}

// again does what has failed once more, and reports whether it could.
func (r *rig) again(where string, c faultCase, old []byte) bool {
	r.t.Helper()
	if tx, err := r.store.Begin(); errors.Is(err, txn.ErrFailed) {
		return false
	} else if err == nil {
		tx.Cancel()
	}
	if err := between(r.read(r.f), old, c.want); err != nil {
		r.t.Errorf("%s: %v", where, err)
	}
	if err := c.do(r); err != nil {
		r.t.Errorf("%s: done again: %v", where, err)
	}
	r.wants(r.f, where+", and is done again", c.want)
	return true
}

// recovered opens the image again, drops what is staged, and holds it against what it may be.
func (r *rig) recovered(where string, old, want []byte) {
	r.t.Helper()
	w, err := volume.OpenWriter(keepOpen{r.mem}, volume.Options{Replay: true})
	if err != nil {
		r.t.Fatalf("%s: %v", where, err)
	}
	f, err := w.ReadFile("f")
	must(r.t, err)
	if err := between(f, old, want); err != nil {
		r.t.Errorf("%s: opened again: %v", where, err)
	}
	if g, err := w.ReadFile("g"); err != nil || !bytes.Equal(g, old) {
		r.t.Errorf("%s: the clone is another one, %v", where, err)
	}
	must(r.t, w.CowCancel("/f", 0, 1<<40))
	must(r.t, w.Tidy())
	must(r.t, w.Close())
	report, err := check.Run(r.t.Context(), r.mem, check.Options{})
	must(r.t, err)
	for _, x := range report.Findings {
		r.t.Errorf("%s: %v", where, x)
	}
}

// between checks that each block is one of those before or after. A file that has grown has zeroes
// where it was not written to.
func between(got, before, after []byte) error {
	const bs = 4096
	if len(got) != len(before) && len(got) != len(after) {
		return fmt.Errorf("%d bytes, want %d or %d", len(got), len(before), len(after))
	}
	before = append(bytes.Clone(before), make([]byte, max(0, len(got)-len(before)))...)
	for at := 0; at < len(got); at += bs {
		part := func(b []byte) []byte { return b[min(at, len(b)):min(at+bs, len(b))] }
		if p := part(got); !bytes.Equal(p, part(before)) && !bytes.Equal(p, part(after)) {
			return fmt.Errorf("block %d is neither from before nor from afterwards", at/bs)
		}
	}
	return nil
}

// counting counts the operations on a device.
type counting struct {
	*device.Fault
	count int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.count++
	return c.Fault.ReadAt(p, off)
}

func (c *counting) WriteAt(p []byte, off int64) (int, error) {
	c.count++
	return c.Fault.WriteAt(p, off)
}

func (c *counting) Sync() error {
	c.count++
	return c.Fault.Sync()
}
