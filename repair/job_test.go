package repair

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/undo"
	"github.com/cowfs/cowfs/volume"
)

// run repairs an image and expects that all is well then, for both checkers.
func run(t *testing.T, dev *device.File) *Result {
	t.Helper()
	before := allOf(t, dev)
	r, err := Run(context.Background(), dev, Options{Undo: filepath.Join(t.TempDir(), "undo")})
	if err != nil {
		if r != nil && r.After != nil {
			for i, f := range r.After.Findings {
				if i < 20 {
					t.Logf("left: %s %s.%s %+v got %s want %s %s", f.Code, f.Structure, f.Field, f.Place, f.Got, f.Want, f.Note)
				}
			}
		}
		t.Fatal(err)
	}
	for i, a := range r.Actions {
		if i < 30 {
			t.Logf("did: %+v", a)
		}
	}
	for i, l := range r.Losses {
		if i < 30 {
			t.Logf("lost: %+v", l)
		}
	}
	after := allOf(t, dev)
	path := dev.File().Name()
	if r.Mended() {
		if _, err := undo.Undo(dev, r.Undo); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(allOf(t, dev), before) {
			t.Fatal("undo did not bring the image back")
		}
		if _, err := dev.WriteAt(after, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	oracle.RepairClean(t, oracle.Gen7, path)
	return r
}

func allOf(t *testing.T, dev device.Device) []byte {
	t.Helper()
	b := make([]byte, dev.Size())
	if _, err := dev.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestClean(t *testing.T) {
	dev := copyOf(t, damage.Rich(t))
	before := allOf(t, dev)
	path := filepath.Join(t.TempDir(), "undo")
	r, err := Run(context.Background(), dev, Options{Undo: path})
	if err != nil || r.Mended() || len(r.Actions) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if !bytes.Equal(before, allOf(t, dev)) {
		t.Fatal("a clean image has changed")
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("an undo file for nothing")
	}
}

// damaged is an image in the hands of a test.
type damaged struct {
	*testing.T
	dev *device.File
	g   *format.Geometry
	src inode.Source
	v   *volume.Volume
}

func openDamaged(t *testing.T, image string) *damaged {
	dev := copyOf(t, image)
	g := geometry(t, dev)
	v, err := volume.Open(stayOpen{dev}, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &damaged{t, dev, g, inode.Source{Geo: g, Dev: dev}, v}
}

func (d *damaged) ino(path string) format.Ino {
	d.Helper()
	i, err := d.v.Lookup(path)
	if err != nil {
		d.Fatal(err)
	}
	return i.Ino
}

// field changes an inode and gives it a right checksum.
func (d *damaged) inode(ino format.Ino, f func(b []byte)) {
	d.Helper()
	b := make([]byte, d.g.InodeSize)
	if _, err := d.dev.ReadAt(b, d.g.InoOffset(ino)); err != nil {
		d.Fatal(err)
	}
	f(b)
	format.SetChecksum(b, format.DiCRC)
	if _, err := d.dev.WriteAt(b, d.g.InoOffset(ino)); err != nil {
		d.Fatal(err)
	}
}

// block changes a directory or attribute block of a fork.
func (d *damaged) block(ino format.Ino, w inode.Which, off format.FileOff, f func(b []byte)) {
	d.Helper()
	i, err := d.src.Read(ino)
	if err != nil {
		d.Fatal(err)
	}
	fork, err := i.Fork(w)
	if err != nil {
		d.Fatal(err)
	}
	b := make([]byte, d.g.BlockSize)
	at, err := fork.ReadBlocks(off, b)
	if err != nil {
		d.Fatal(err)
	}
	f(b)
	if _, err := d.dev.WriteAt(b, int64(at)<<format.BasicBlockLog); err != nil {
		d.Fatal(err)
	}
}

// TestNothingLost damages an image in ways after which everything can be found again. Without
// COWFS_SOAK=1 it is every third one of them.
func TestNothingLost(t *testing.T) {
	image := damage.Rich(t, "-b", "size=1k")
	want := hashes(t, image)
	for i, c := range []struct {
		name string
		f    func(d *damaged)
	}{
		{"links", func(d *damaged) {
			d.inode(d.ino("/small"), func(b []byte) { format.DiNLink.Put(b, 77) })
			d.inode(d.ino("/dirs/900"), func(b []byte) { format.DiNLink.Put(b, 1) })
		}},
		{"blocks and extents", func(d *damaged) {
			d.inode(d.ino("/deep"), func(b []byte) { format.DiNBlocks.Put(b, 9) })
			d.inode(d.ino("/extents"), func(b []byte) { format.PutNExtents(b, 3, 0) })
		}},
		{"a directory block's header", func(d *damaged) {
			d.block(d.ino("/dirs/900"), inode.Data, 1, func(b []byte) { clear(b[:48]) })
		}},
		{"a directory block's checksum", func(d *damaged) {
			d.block(d.ino("/dirs/130"), inode.Data, 0, func(b []byte) { b[4] ^= 1 })
		}},
		{"a directory's index", func(d *damaged) {
			d.block(d.ino("/dirs/130"), inode.Data, format.FileOff(format.DirLeafSpace>>d.g.BlockLog), func(b []byte) { clear(b) })
		}},
		{"a directory block", func(d *damaged) {
			d.block(d.ino("/dirs/900"), inode.Data, 2, func(b []byte) { clear(b) })
		}},
		{"the map of a file", func(d *damaged) {
			for _, b := range forkBlocks(d, d.ino("/deep")) {
				if _, err := d.dev.WriteAt(make([]byte, d.g.BlockSize), d.g.Offset(format.FSBlock(b))); err != nil {
					d.Fatal(err)
				}
			}
		}},
		{"the root of a file's map", func(d *damaged) {
			d.inode(d.ino("/tree"), func(b []byte) {
				data, _ := format.Forks(b)
				clear(data)
			})
		}},
		{"the flag of shared blocks", func(d *damaged) {
			d.inode(d.ino("/clone"), func(b []byte) { format.DiFlags2.Put(b, format.DiFlags2.Get(b)&^format.Flag2Reflink) })
		}},
		{"the type of an inode", func(d *damaged) {
			d.inode(d.ino("/dirs/130"), func(b []byte) { format.DiMode.Put(b, format.DiMode.Get(b)&^format.ModeType) })
			d.inode(d.ino("/small"), func(b []byte) { format.DiMode.Put(b, format.DiMode.Get(b)|format.ModeType) })
		}},
		{"where attributes start", func(d *damaged) {
			d.inode(d.ino("/small"), func(b []byte) { format.DiForkOff.Put(b, 200) })
		}},
		{"an attribute leaf's header", func(d *damaged) {
			d.block(d.ino("/attr-leaf"), inode.Attr, 0, func(b []byte) { b[12] ^= 1; b[20] = 0; b[60] = 1 })
		}},
		{"the root of a tree of attributes", func(d *damaged) {
			d.block(d.ino("/attr-node"), inode.Attr, 0, func(b []byte) { clear(b) })
		}},
		{"the superblock", func(d *damaged) {
			if _, err := d.dev.WriteAt(make([]byte, 512), 0); err != nil {
				d.Fatal(err)
			}
		}},
		{"everything in the groups", func(d *damaged) {
			for ag := range format.AGNumber(d.g.AGCount) {
				for _, k := range []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Rmapbt, btree.Refcountbt, btree.Inobt, btree.Finobt} {
					for _, b := range treeBlocks(d.T, d.dev, d.g, ag, k) {
						wipe(d.T, d.dev, d.g, ag, b)
					}
				}
			}
		}},
	} {
		if i%3 != 0 && !oracle.Soaking() {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			d := openDamaged(t, image)
			d.T = t
			c.f(d)
			path := d.dev.File().Name()
			run(t, d.dev)
			same(t, want, hashes(t, path))
		})
	}
}

func forkBlocks(d *damaged, ino format.Ino) (list []uint64) {
	i, err := d.src.Read(ino)
	if err != nil {
		d.Fatal(err)
	}
	f, err := i.Fork(inode.Data)
	if err != nil {
		d.Fatal(err)
	}
	if err := f.Tree().Walk(func(_ int, block uint64, _ []byte) error {
		list = append(list, block)
		return nil
	}); err != nil {
		d.Fatal(err)
	}
	return list
}

// stayOpen is a device that others may close and that goes on.
type stayOpen struct{ device.Device }

func (stayOpen) Close() error { return nil }
