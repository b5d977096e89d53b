package volume_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/volume"
)

// sharedPair is an image with a file and its clone.
func sharedPair(t *testing.T, content []byte) *device.Memory {
	t.Helper()
	image := inMemory(t, emptyImage(t, mkfs.Config{Size: 512 << 20}))
	w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
	check(t, err)
	check(t, w.Create("/f", volume.Attr{Mode: 0o644}))
	check(t, w.WriteAt("/f", content, 0))
	check(t, w.Clone("/f", "/g"))
	check(t, w.Close())
	return image
}

// Blocks that have as many owners as can be counted get no further one: the clone is refused, with
// nothing changed, and writes go on.
func TestTooManyOwners(t *testing.T) {
	old := noise(1, 10*4096)
	image := sharedPair(t, old)
	v, err := volume.Open(keepOpen{image}, volume.Options{})
	check(t, err)
	tree, err := v.Tree(btree.Refcountbt, 0)
	check(t, err)
	block := make([]byte, v.Geo.BlockSize)
	off := v.Geo.AGOffset(0, format.AGBlock(tree.Root))
	_, err = image.ReadAt(block, off)
	check(t, err)
	rec := btree.Refcountbt.NodeOf(block).Rec(0)
	format.RefcRefs.Put(rec, format.MaxRefcount-1)
	format.TypeRefcount.SetChecksum(block)
	_, err = image.WriteAt(block, off)
	check(t, err)

	w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
	check(t, err)
	if err := w.Clone("/f", "/h"); !errors.Is(err, refcount.ErrTooManyOwners) {
		t.Errorf("a clone: %v", err)
	}
	if _, err := w.Lookup("/h"); err == nil {
		t.Error("the clone is there all the same")
	}
	if err := w.CloneRange("/f", 0, "/g", 40*4096, 4096); !errors.Is(err, refcount.ErrTooManyOwners) {
		t.Errorf("a clone of a range: %v", err)
	}
	if got, err := w.ReadFile("g"); err != nil || !bytes.Equal(got, old) {
		t.Errorf("the file that was to be cloned to is another, %v", err)
	}
	check(t, w.WriteAt("/f", []byte("new"), 0))
	check(t, w.Writeback("/f", 0, 4096))
	got, err := w.ReadFile("f")
	check(t, err)
	if want := append([]byte("new"), old[3:]...); !bytes.Equal(got, want) {
		t.Error("f is another one after a write")
	}
	check(t, w.Close())
}

// While writes are staged Linux refuses to write, and shows files as they are; afterwards there is
// no trace of them.
func TestCowPending(t *testing.T) {
	old, p := noise(1, 10*4096), noise(2, 3*4096)
	for name, end := range map[string]func(w *volume.Writer) error{
		"writeback": func(w *volume.Writer) error { return w.Writeback("/f", 0, 10*4096) },
		"cancel":    func(w *volume.Writer) error { return w.CowCancel("/f", 0, 10*4096) },
	} {
		t.Run(name, func(t *testing.T) {
			image := sharedPair(t, old)
			w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
			check(t, err)
			check(t, w.Stage("/f", p, 4096))
			check(t, w.Close())
			path := save(t, image)
			if k, err := oracle.TryMount(t, path, oracle.MountOptions{Loud: true}); err == nil {
				k.Unmount()
				t.Error("the kernel mounts it for writing")
			}
			m := oracle.Mount(t, path, oracle.MountOptions{ReadOnly: true, Loud: true})
			sameFile(t, m.Dir+"/f", old)
			m.Unmount()

			w, err = volume.OpenWriter(keepOpen{image}, volume.Options{})
			check(t, err)
			check(t, end(w))
			check(t, w.Close())
			noTrace(t, image)
			path = save(t, image)
			oracle.RepairClean(t, oracle.Gen7, path)
			want := bytes.Clone(old)
			if name == "writeback" {
				copy(want[4096:], p)
			}
			m = oracle.Mount(t, path, oracle.MountOptions{})
			sameFile(t, m.Dir+"/f", want)
			sameFile(t, m.Dir+"/g", old)
			m.Unmount()
		})
	}
}

func sameFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	check(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %s", path, differ(got, want))
	}
}
