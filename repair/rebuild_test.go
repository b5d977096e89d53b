package repair

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// copyOf copies an image, and opens the copy.
func copyOf(t *testing.T, image string) *device.File {
	t.Helper()
	src, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	path := filepath.Join(t.TempDir(), "image")
	dst, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() }) // a test may have done that
	return dev
}

func geometry(t *testing.T, dev device.Device) *format.Geometry {
	t.Helper()
	b := make([]byte, format.MaxSectorSize)
	if _, err := dev.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	g, err := soundSuper(b)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// treeOf is a group's tree, by what its header says.
func treeOf(t *testing.T, dev device.Device, g *format.Geometry, ag format.AGNumber, k *btree.Kind) *btree.Tree {
	t.Helper()
	m := &model{geo: g, dev: dev}
	a := &groupModel{no: ag}
	if err := m.readHeaders(a); err != nil {
		t.Fatal(err)
	}
	tr := btree.Tree{Kind: k, Geo: g, Dev: dev, AG: ag}
	switch k {
	case btree.Bnobt:
		tr.Root, tr.Levels = uint64(format.AGFBnoRoot.Get(a.agf)), int(format.AGFBnoLevel.Get(a.agf))
	case btree.Cntbt:
		tr.Root, tr.Levels = uint64(format.AGFCntRoot.Get(a.agf)), int(format.AGFCntLevel.Get(a.agf))
	case btree.Rmapbt:
		tr.Root, tr.Levels = uint64(format.AGFRmapRoot.Get(a.agf)), int(format.AGFRmapLevel.Get(a.agf))
	case btree.Refcountbt:
		tr.Root, tr.Levels = uint64(format.AGFRefcntRoot.Get(a.agf)), int(format.AGFRefcntLevel.Get(a.agf))
	case btree.Inobt:
		tr.Root, tr.Levels = uint64(format.AGIRoot.Get(a.agi)), int(format.AGILevel.Get(a.agi))
	case btree.Finobt:
		tr.Root, tr.Levels = uint64(format.AGIFreeRoot.Get(a.agi)), int(format.AGIFreeLevel.Get(a.agi))
	}
	return &tr
}

// treeBlocks lists the blocks of a group's tree.
func treeBlocks(t *testing.T, dev device.Device, g *format.Geometry, ag format.AGNumber, k *btree.Kind) (list []uint64) {
	t.Helper()
	tr := treeOf(t, dev, g, ag, k)
	if err := tr.Walk(func(_ int, block uint64, _ []byte) error {
		list = append(list, block)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// wipe fills a block of a group with noise.
func wipe(t *testing.T, dev device.Device, g *format.Geometry, ag format.AGNumber, block uint64) {
	t.Helper()
	p := make([]byte, g.BlockSize)
	rand.NewChaCha8([32]byte{1}).Read(p)
	if _, err := dev.WriteAt(p, g.AGOffset(ag, format.AGBlock(block))); err != nil {
		t.Fatal(err)
	}
}

// TestRebuildTrees destroys trees of all groups, and headers, and has them written anew: the
// files are all there and the oracle finds nothing.
func TestRebuildTrees(t *testing.T) {
	kinds := map[string][]*btree.Kind{
		"free space": {btree.Bnobt, btree.Cntbt},
		"owners":     {btree.Rmapbt},
		"refcounts":  {btree.Refcountbt},
		"inodes":     {btree.Inobt, btree.Finobt},
		"all":        {btree.Bnobt, btree.Cntbt, btree.Rmapbt, btree.Refcountbt, btree.Inobt, btree.Finobt},
	}
	image := damage.Rich(t, "-b", "size=1k")
	want := hashes(t, image)
	for name, list := range kinds {
		if name != "all" && !oracle.Soaking() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dev := copyOf(t, image)
			g := geometry(t, dev)
			for ag := range format.AGNumber(g.AGCount) {
				var blocks []uint64
				for _, k := range list {
					blocks = append(blocks, treeBlocks(t, dev, g, ag, k)...)
				}
				for _, b := range blocks {
					wipe(t, dev, g, ag, b)
				}
				if name == "all" {
					// The AGF and the AGI go too, and the AGFL.
					p := make([]byte, 3*g.SectSize)
					if _, err := dev.WriteAt(p, g.SectorOffset(ag, 1)); err != nil {
						t.Fatal(err)
					}
				}
			}
			mendAll(t, dev, g)
			path := dev.File().Name()
			if err := dev.Close(); err != nil {
				t.Fatal(err)
			}
			oracle.RepairClean(t, oracle.Gen7, path)
			same(t, want, hashes(t, path))
		})
	}
}

func mendAll(t *testing.T, dev device.Device, g *format.Geometry) *Result {
	t.Helper()
	r := &Result{}
	m, err := rebuild(context.Background(), dev, g, r, nil)
	if err == nil {
		err = m.restore(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}
