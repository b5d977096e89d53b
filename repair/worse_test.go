package repair

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/volume"
)

// worse is an image that xfs_repair has made worse, or did not come to an end with.
type worse struct {
	*testing.T
	img *damage.Image
	dev *device.Overlay
}

// structure changes the n-th structure of a kind, and sets its checksum.
func (w *worse) structure(kind string, n int, change func(s damage.Structure, b []byte)) {
	w.Helper()
	for _, s := range w.img.Structures {
		if s.Kind != kind {
			continue
		}
		if n--; n >= 0 {
			continue
		}
		b := make([]byte, s.Len)
		if _, err := w.dev.ReadAt(b, s.Off); err != nil {
			w.Fatal(err)
		}
		change(s, b)
		s.Type.SetChecksum(b)
		write(w.T, w.dev, b, s.Off)
		return
	}
	w.Fatalf("no %s in the image", kind)
}

// field sets a field of the n-th structure of a kind.
func (w *worse) field(kind string, n int, name, value string) {
	w.Helper()
	w.structure(kind, n, func(s damage.Structure, b []byte) {
		if err := s.Type.Table.Set(w.img.Geo, b, name, value); err != nil {
			w.Fatal(err)
		}
	})
}

// repair mends the image within a time, and expects that nothing is lost but what is allowed, that
// xfs_repair finds nothing, and that the kernel can read all there is.
func (w *worse) repair(all *inventory, allowed saving) {
	w.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	r, err := Run(ctx, w.dev, Options{Undo: filepath.Join(w.TempDir(), "undo")})
	if err != nil {
		w.Fatal(err)
	}
	if !r.Mended() {
		w.Fatal("there was nothing to mend")
	}
	want, got := all.saved(all), all.saved(takeInventory(w, w.dev))
	want = saving{want.Names - allowed.Names, want.Bytes - allowed.Bytes, want.Attrs - allowed.Attrs}
	if got.less(want) {
		w.Errorf("saved %+v, want %+v at least; lost: %v", got, want, r.Losses)
	}
	path := filepath.Join(w.TempDir(), "image")
	writeOut(w.T, w.dev, path)
	oracle.RepairClean(w, oracle.Gen7, path)
	kernelUses(w.T, path)
}

// TestNotMadeWorse is about damage with which xfs_repair has been seen to lose far more than was
// hit, or to go on for ever. Without COWFS_SOAK=1 it is half of the cases.
func TestNotMadeWorse(t *testing.T) {
	sound := memoryOf(t, damage.Rich(t, "-b", "size=1k"))
	img, err := damage.Open(sound)
	if err != nil {
		t.Fatal(err)
	}
	all := takeInventory(t, sound)
	for i, c := range []struct {
		name string
		run  func(w *worse)
	}{
		{"a bad field in a directory block does not empty the directory", func(w *worse) {
			w.field("directory block", 0, "bleaf[3].address", "9999")
			w.field("directory block", 1, "bhdr.bestfree[0].length", "65535")
			w.field("directory data block", 0, "dhdr.bestfree[0].offset", "8191")
			w.structure("directory data block", 1, func(_ damage.Structure, b []byte) {
				b[format.DirData.Size+8] = 255 // the length of the first name
			})
			w.repair(all, saving{})
		}},
		{"a damaged bmbt block does not delete a file whose map rmapbt holds", func(w *worse) {
			w.field("bmbt leaf", 3, "numrecs", "0")
			w.structure("bmbt leaf", 5, func(_ damage.Structure, b []byte) { clear(b) })
			w.repair(all, saving{})
		}},
		{"a wrong rmap record does not delete a sound file", func(w *worse) {
			w.field("rmapbt leaf", 2, "recs[4].owner", "131")
			w.field("rmapbt leaf", 3, "recs[5].blockcount", "77")
			w.field("rmapbt leaf", 4, "recs[6].startblock", "4")
			w.repair(all, saving{})
		}},
		{"an LSN ahead of the log does not wreck the log", func(w *worse) {
			w.dev = device.NewOverlay(changedInLog(t, sound))
			for _, kind := range []string{"AGF", "bnobt leaf", "rmapbt leaf"} {
				w.structure(kind, 1, func(s damage.Structure, b []byte) {
					s.Type.LSN.Put(b, format.LSN(4711)<<32)
				})
			}
			w.repair(all, saving{})
			v, err := volume.Open(stayOpen{w.dev}, volume.Options{})
			if err != nil {
				w.Fatal(err)
			}
			if b, err := v.ReadFile("only-in-the-log"); err != nil || string(b) != "content" {
				w.Errorf("what the log held is %q, %v", b, err)
			}
		}},
		{"a null pointer in an rmapbt node does not hang", func(w *worse) {
			w.field("rmapbt node", 0, "ptrs[1]", "0")
			w.field("rmapbt node", 1, "ptrs[0]", "0")
			w.repair(all, saving{})
		}},
		{"the kernel reads every attribute that it lists", func(w *worse) {
			lost := 0
			for n := range 4 {
				w.structure("attribute leaf block", 10+n, func(s damage.Structure, b []byte) {
					lost += int(format.AttrLeafCount.Get(b)) // attributes with it, and values that it names
					clear(b[n*200:][:150])
				})
				w.structure("remote attribute block", 20+7*n, func(_ damage.Structure, b []byte) { clear(b) })
				lost++
			}
			w.repair(all, saving{Attrs: lost})
		}},
	} {
		if i%2 == 0 && !oracle.Soaking() {
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(&worse{t, img, device.NewOverlay(sound)}) })
	}
}

// changedInLog is an image with a file that is in its log only.
func changedInLog(t *testing.T, sound *device.Memory) *device.Memory {
	t.Helper()
	dev := device.NewCrash(sound)
	w, err := volume.OpenWriter(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	if err := w.Create("/only-in-the-log", volume.Attr{Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteAt("/only-in-the-log", []byte("content"), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	left := dev.After(dev.Writes(), 1, device.LostNone)
	if v, err := volume.Open(left.Clone(), volume.Options{}); err != nil || v.Log != volume.LogDirty {
		t.Fatalf("the log is %v, %v", v.Log, err)
	}
	return left
}
