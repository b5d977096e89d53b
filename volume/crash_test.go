package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/volume"
)

var lostModes = []device.Lost{device.LostAll, device.LostNone, device.LostSome, device.LostSectors}

// prepared is a volume in memory with a small tree, and its model.
func prepared(t *testing.T, geometryName string, s uint64, ops int) (*device.Memory, *model) {
	t.Helper()
	dev := inMemory(t, emptyImage(t, geometry(geometryName)))
	w, err := volume.OpenWriter(dev.Clone(), volume.Options{})
	check(t, err)
	w.Close()
	w, err = volume.OpenWriter(keepOpen{dev}, volume.Options{})
	check(t, err)
	m := newModel(t, s, w.Volume)
	m.MaxFile = 40_000
	for range ops {
		check(t, m.run(w, m.next()))
	}
	check(t, w.Close())
	return dev, m
}

// keepOpen is a device that stays open.
type keepOpen struct{ device.Device }

func (keepOpen) Close() error { return nil }

// save writes an image to a file.
func save(t *testing.T, m *device.Memory) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(path)
	check(t, err)
	check(t, f.Truncate(m.Size()))
	buf := make([]byte, 64<<10)
	for off := int64(0); ; off += int64(len(buf)) {
		if off, err = m.SeekData(off); err == io.EOF {
			break
		}
		check(t, err)
		n := min(int64(len(buf)), m.Size()-off)
		_, err := m.ReadAt(buf[:n], off)
		check(t, err)
		_, err = f.WriteAt(buf[:n], off)
		check(t, err)
	}
	check(t, f.Close())
	return path
}

// crash is an operation that was run, and what may be seen after a crash in it.
type crash struct {
	dev           *device.Crash
	before, after picture
	top           string
	// Of a file that is written in place the bytes may be old or new, each for itself.
	old, new []byte
	paths    []string
}

// crashing runs an operation to the end, with the model.
func crashing(t *testing.T, image *device.Memory, m *model, o operation) *crash {
	t.Helper()
	c := &crash{dev: device.NewCrash(image), before: m.picture(), top: m.top}
	if o.file != nil {
		c.old = bytes.Clone(o.file.data)
		c.paths = m.paths(o.file)
	}
	w, err := volume.OpenWriter(c.dev, volume.Options{})
	check(t, err)
	check(t, m.run(w, o))
	check(t, w.Close())
	c.after = m.picture()
	if o.file != nil {
		c.new = o.file.data
	}
	return c
}

// judge holds a volume against what may be seen. It tells whether the operation has come to be.
func (c *crash) judge(v *volume.Volume) (done bool, err error) {
	got, err := pictureOf(v, c.top)
	if err != nil {
		return false, err
	}
	before, after := c.before.differences(got), c.after.differences(got)
	if len(before) == 0 || len(after) == 0 {
		return len(after) == 0, nil
	}
	for _, path := range c.paths {
		b, err := v.ReadFile(strings.TrimPrefix(path, "/"))
		if err != nil {
			return false, err
		}
		if err := c.mixed(b); err != nil {
			return false, fmt.Errorf("%q: %w", path, err)
		}
		for _, p := range []picture{c.before, c.after, got} {
			delete(p, path)
		}
	}
	before, after = c.before.differences(got), c.after.differences(got)
	if len(before) == 0 || len(after) == 0 {
		return len(after) == 0, nil
	}
	return false, fmt.Errorf("neither before:\n%s\nnor after:\n%s", strings.Join(before[:min(5, len(before))], "\n"), strings.Join(after[:min(5, len(after))], "\n"))
}

// mixed checks that each byte is the old or the new one.
func (c *crash) mixed(b []byte) error {
	if len(b) != len(c.old) && len(b) != len(c.new) {
		return fmt.Errorf("%d bytes, want %d or %d", len(b), len(c.old), len(c.new))
	}
	for i := range b {
		if !(i < len(c.old) && b[i] == c.old[i]) && !(i < len(c.new) && b[i] == c.new[i]) {
			return fmt.Errorf("byte %d is %#x", i, b[i])
		}
	}
	return nil
}

// recovered opens an image after a crash, recovers it, and closes it again.
func (c *crash) recovered(image *device.Memory) (done bool, err error) {
	w, err := volume.OpenWriter(keepOpen{image}, volume.Options{Replay: true})
	if err != nil {
		return false, err
	}
	done, err = c.judge(w.Volume)
	return done, errors.Join(err, w.Close())
}

// seen opens an image for reading, with the log replayed in memory.
func (c *crash) seen(image *device.Memory) error {
	v, err := volume.Open(keepOpen{image}, volume.Options{Replay: true})
	if err != nil {
		return err
	}
	_, err = c.judge(v)
	return errors.Join(err, v.Close())
}

// byKernel has the kernel recover an image, and xfs_repair look at it then.
func (c *crash) byKernel(t *testing.T, image *device.Memory) {
	t.Helper()
	v := recoveredByKernel(t, image)
	if _, err := c.judge(v); err != nil {
		t.Errorf("the kernel has recovered something else: %v", err)
	}
	check(t, v.Close())
}

// recoveredByKernel has the kernel recover an image, lets xfs_repair look at it, and opens it.
func recoveredByKernel(t *testing.T, image *device.Memory) *volume.Volume {
	t.Helper()
	path := save(t, image)
	oracle.Mount(t, path, oracle.MountOptions{Loud: true}).Unmount()
	oracle.RepairClean(t, oracle.Gen7, path)
	v := open(t, path)
	check(t, os.Remove(path))
	return v
}

// every looks at each image that a crash can leave. Each sample-th is shown to the kernel too.
func (c *crash) every(t *testing.T, o operation, seed uint64, step, sample int, count, done *int) {
	t.Helper()
	for n := 0; n <= c.dev.Writes(); n += step {
		for _, lost := range lostModes {
			*count++
			where := fmt.Sprintf("%s: crash after %d of %d writes, lost %v, seed %d", o.what, n, c.dev.Writes(), lost, seed)
			image := c.dev.After(n, seed, lost)
			crashed := image.Clone()
			if *count%7 == 0 {
				if err := c.seen(image); err != nil {
					t.Fatalf("%s: seen: %v", where, err)
				}
			}
			after, err := c.recovered(image)
			if err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			if after {
				*done++
			}
			if sample > 0 && *count%sample == 0 {
				t.Log("the kernel: ", where)
				path := save(t, image)
				oracle.RepairClean(t, oracle.Gen7, path)
				check(t, os.Remove(path))
				c.byKernel(t, crashed)
			}
			if t.Failed() {
				t.Fatal(where)
			}
		}
	}
}

// paths lists the names of a node.
func (m *model) paths(want *node) (out []string) {
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		if n == want {
			out = append(out, path)
		}
		for name, kid := range n.kids {
			walk(path+"/"+name, kid)
		}
	}
	walk(m.top, m.root)
	slices.Sort(out)
	return out
}

// A crash after each single write of an operation leaves the tree as before or as after.
func TestCrashAtEveryWrite(t *testing.T) {
	for i, g := range []string{"default", "1k", "64k", "old"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			s := seed(t, uint64(40+i))
			image, m := prepared(t, g, s, 60)
			count, done := 0, 0
			for range oracle.Soak(10, 500) {
				o := m.next()
				if o.err != nil {
					continue
				}
				c := crashing(t, image, m, o)
				c.every(t, o, s, 1, oracle.Soak(60, 25), &count, &done)
				image = c.dev.After(c.dev.Writes(), 0, device.LostNone)
			}
			t.Logf("%d crashes, %d with the operation done", count, done)
			if done < count/10 || done > count*9/10 {
				t.Errorf("of %d crashes %d had the operation done", count, done)
			}
		})
	}
}

// A crash in the midst of many operations leaves the tree as it was after one of them, and no
// earlier one than the last that was synced.
func TestCrashInGroups(t *testing.T) {
	for i, g := range []string{"default", "1k", "no-rmapbt"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			s := seed(t, uint64(60+i))
			image, m := prepared(t, g, s, 40)
			dev := device.NewCrash(image)
			w, err := volume.OpenWriter(dev, volume.Options{})
			check(t, err)
			states := []picture{m.picture()}
			type mark struct{ writes, state int } // what was synced when
			synced := []mark{{0, 0}}
			for range oracle.Soak(150, 2000) {
				o := m.next()
				if o.err != nil || o.file != nil {
					continue
				}
				check(t, m.run(w, o))
				states = append(states, m.picture())
				if m.rng.IntN(15) == 0 {
					check(t, w.Sync())
					synced = append(synced, mark{dev.Writes(), len(states) - 1})
				}
			}
			check(t, w.Close())
			synced = append(synced, mark{dev.Writes() + 1, len(states) - 1})
			total := dev.Writes()
			step := max(1, total/oracle.Soak(60, 1000))
			for n := 0; n <= total; n += step {
				lost := lostModes[m.rng.IntN(len(lostModes))]
				where := fmt.Sprintf("crash after %d of %d writes, lost %v, seed %d", n, total, lost, s)
				at := dev.After(n, s, lost)
				crashed := at.Clone()
				w, err := volume.OpenWriter(keepOpen{at}, volume.Options{Replay: true})
				if err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				got, err := pictureOf(w.Volume, m.top)
				if err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				check(t, w.Close())
				least := 0
				for _, k := range synced {
					if k.writes < n {
						least = k.state
					}
				}
				match := func(got picture, where string) {
					t.Helper()
					if !slices.ContainsFunc(states[least:], func(p picture) bool { return len(p.differences(got)) == 0 }) {
						d := states[least].differences(got)
						t.Fatalf("%s: no state from %d of %d on; differences from that:\n%s", where, least, len(states), strings.Join(d[:min(6, len(d))], "\n"))
					}
				}
				match(got, where)
				if n/step%12 == 5 {
					path := save(t, at)
					oracle.RepairClean(t, oracle.Gen7, path)
					check(t, os.Remove(path))
					t.Log("the kernel: ", where)
					v := recoveredByKernel(t, crashed)
					got, err := pictureOf(v, m.top)
					check(t, err)
					check(t, v.Close())
					match(got, where+", recovered by the kernel")
				}
			}
			t.Logf("%d states, %d writes", len(states), total)
		})
	}
}

// When the crash comes behind the writing in place, the log still holds the way there: the kernel
// takes the blocks back to each checkpoint and checks them.
func TestKernelReplaysOverWhatIsInPlace(t *testing.T) {
	for _, g := range []string{"default", "1k", "64k", "old"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			image := inMemory(t, emptyImage(t, geometry(g)))
			w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
			check(t, err)
			check(t, w.Mkdir("/d", volume.Attr{Mode: 0o755}))
			for i := range 600 {
				check(t, w.Create(fmt.Sprintf("/d/a name of some length %d", i), volume.Attr{}))
			}
			check(t, w.Close())
			dev := device.NewCrash(image)
			w, err = volume.OpenWriter(dev, volume.Options{})
			check(t, err)
			for i := range 90 {
				check(t, w.Remove(fmt.Sprintf("/d/a name of some length %d", 100+i*37%200)))
				if i%5 == 3 {
					check(t, w.Create(fmt.Sprintf("/d/another name %d", i), volume.Attr{}))
				}
				check(t, w.Sync())
			}
			check(t, w.Close())
			want, err := pictureOf(open(t, save(t, dev.After(dev.Writes(), 0, device.LostNone))), "/d")
			check(t, err)
			for n := dev.Writes() - 1; n >= dev.Writes()-oracle.Soak(8, 40); n-- {
				for _, lost := range []device.Lost{device.LostNone, device.LostSectors} {
					v := recoveredByKernel(t, dev.After(n, uint64(n), lost))
					got, err := pictureOf(v, "/d")
					check(t, err)
					check(t, v.Close())
					if d := want.differences(got); len(d) > 0 {
						t.Fatalf("crash after %d of %d writes, lost %v: %q", n, dev.Writes(), lost, d[:min(5, len(d))])
					}
				}
			}
		})
	}
}
