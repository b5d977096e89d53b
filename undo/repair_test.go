package undo_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/repair"
	"github.com/cowfs/cowfs/volume"
)

// TestRepairCrash repairs damaged images while the power fails, at steps all over the repair, and
// then goes on: the image ends as it does without a failure, bit for bit, so that nothing more is
// lost; and it can be taken back at any time. Small repairs, and all of them with COWFS_SOAK=1, go
// through every step.
func TestRepairCrash(t *testing.T) {
	sound := load(t, damage.Rich(t, "-b", "size=1k"))
	m, err := damage.Open(sound)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range damages(m) {
		t.Run(d.name, func(t *testing.T) {
			if d.long && !oracle.Soaking() {
				t.Skip("a soak test")
			}
			before := d.make(t, sound)
			after := repaired(t, before)
			c := newCrash(t, before, difference(t, before, after))
			steps, _ := c.run(t, -1)
			n := 0
			for step := range steps.steps + 1 {
				for i, lost := range lostModes {
					// The last steps are those in which the image changes.
					if oracle.Soaking() || step%12 == 3*i || step > steps.steps-20 && lost == device.LostSectors {
						c.at(t, step, lost)
						n++
					}
				}
			}
			t.Logf("%d pages, %d steps, %d failures", len(c.pages), steps.steps, n)
		})
	}
}

func load(t testing.TB, path string) *device.Memory {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := device.NewMemory(int64(len(b)))
	for off := 0; off < len(b); off += pageSize {
		p := b[off:min(off+pageSize, len(b))]
		if len(p) == pageSize && [pageSize]byte(p) == [pageSize]byte{} {
			continue
		}
		if _, err := m.WriteAt(p, int64(off)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// repaired is the image after a repair; the repair of an equal image gives the same.
func repaired(t testing.TB, before *device.Memory) *device.Memory {
	t.Helper()
	var after *device.Memory
	for range 2 {
		m := before.Clone()
		r, err := repair.Run(context.Background(), m, repair.Options{Undo: filepath.Join(t.TempDir(), "undo")})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Mended() {
			t.Fatal("there was nothing to repair")
		}
		if after != nil {
			for off := range difference(t, after, m).Changes() {
				t.Errorf("two repairs of equal images differ at byte %d", off)
			}
		}
		after = m
	}
	return after
}

// difference lays what is different in an image over another one.
func difference(t testing.TB, from, to *device.Memory) *device.Overlay {
	t.Helper()
	o := device.NewOverlay(from)
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); off < from.Size(); off += int64(len(a)) {
		n := min(int64(len(a)), from.Size()-off)
		if _, err := from.ReadAt(a[:n], off); err != nil {
			t.Fatal(err)
		}
		if _, err := to.ReadAt(b[:n], off); err != nil {
			t.Fatal(err)
		}
		for at := int64(0); at < n; at += pageSize {
			end := min(at+pageSize, n)
			if string(a[at:end]) == string(b[at:end]) {
				continue
			}
			if _, err := o.WriteAt(b[at:end], off+at); err != nil {
				t.Fatal(err)
			}
		}
	}
	return o
}

// damaging is a way to damage an image.
type damaging struct {
	name string
	long bool // only for soak tests
	make func(t testing.TB, sound *device.Memory) *device.Memory
}

func damages(m *damage.Image) []damaging {
	wipe := func(n int, types ...*format.BlockType) func(t testing.TB, sound *device.Memory) *device.Memory {
		return func(t testing.TB, sound *device.Memory) *device.Memory {
			dev := sound.Clone()
			for _, typ := range types {
				left := n
				for _, s := range m.Structures {
					if s.Type != typ || left == 0 {
						continue
					}
					left--
					if _, err := dev.WriteAt(make([]byte, s.Len), s.Off); err != nil {
						t.Fatal(err)
					}
				}
			}
			return dev
		}
	}
	compound := func(name string) func(t testing.TB, sound *device.Memory) *device.Memory {
		return func(t testing.TB, sound *device.Memory) *device.Memory {
			for _, c := range damage.Compounds() {
				if c.Name == name {
					return c.Apply(t, sound)
				}
			}
			t.Fatalf("no fault %q", name)
			return nil
		}
	}
	return []damaging{
		{"trees of the groups", true, wipe(-1, format.TypeAGF, format.TypeBnobt, format.TypeCntbt, format.TypeRmapbt, format.TypeRefcount, format.TypeInobt, format.TypeFinobt)},
		{"directory blocks", false, wipe(2, format.TypeDirData)},
		{"leaked staging", true, compound("staged blocks that no write will finish")},
		{"a reference count", true, compound("a reference count too low")},
		{"names", true, compound("directories that only contain each other")},
		{"the superblock", true, func(t testing.TB, sound *device.Memory) *device.Memory {
			dev := sound.Clone()
			if _, err := dev.WriteAt(make([]byte, pageSize), 0); err != nil {
				t.Fatal(err)
			}
			return dev
		}},
		{"a dirty log and a header", false, func(t testing.TB, sound *device.Memory) *device.Memory {
			dev := interrupted(t, sound)
			if _, err := dev.WriteAt(make([]byte, m.Geo.SectSize), m.Geo.SectorOffset(1, 1)); err != nil {
				t.Fatal(err)
			}
			return dev
		}},
	}
}

// interrupted is an image on which files were changed when the power failed: what was done is in
// its log, and partly in place.
func interrupted(t testing.TB, sound *device.Memory) *device.Memory {
	t.Helper()
	dev := device.NewCrash(sound)
	w, err := volume.OpenWriter(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 30 {
		path := fmt.Sprintf("/dirs/8/new-%d", i)
		if err := w.Create(path, volume.Attr{Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteAt(path, make([]byte, rng.IntN(5000)), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Remove("/dirs/8/new-3"); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	for n := dev.Writes(); n > 0; n-- {
		left := dev.After(n, 1, device.LostNone)
		v, err := volume.Open(left.Clone(), volume.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if v.Log == volume.LogDirty {
			return left
		}
	}
	t.Fatal("the log is never dirty")
	return nil
}
