package repair

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// memoryOf loads an image into memory.
func memoryOf(t *testing.T, path string) *device.Memory {
	t.Helper()
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	m := device.NewMemory(dev.Size())
	if _, err := m.WriteAt(allOf(t, dev), 0); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCompounds repairs faults that take more than one field.
func TestCompounds(t *testing.T) {
	sound := memoryOf(t, damage.Rich(t, "-b", "size=1k"))
	for i, c := range damage.Compounds() {
		if i%4 != 0 && !oracle.Soaking() {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			dev := c.Apply(t, sound)
			r, err := Run(context.Background(), dev, Options{Undo: filepath.Join(t.TempDir(), "undo")})
			for i, a := range r.Actions {
				if i < 12 {
					t.Logf("did: %+v", a)
				}
			}
			for i, l := range r.Losses {
				if i < 12 {
					t.Logf("lost: %+v", l)
				}
			}
			if err != nil {
				if r.After != nil {
					for _, f := range r.After.Findings[:min(10, len(r.After.Findings))] {
						t.Logf("left: %s %s.%s %+v %s %s %s", f.Code, f.Structure, f.Field, f.Place, f.Got, f.Want, f.Note)
					}
				}
				t.Fatal(err)
			}
			if !r.Mended() && len(r.Before.Findings) > 0 {
				t.Fatal("nothing was done")
			}
			path := filepath.Join(t.TempDir(), "image")
			writeOut(t, dev, path)
			oracle.RepairClean(t, oracle.Gen7, path)
		})
	}
}
