package group_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/group"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// TestArrange makes the metadata of all groups anew from what their trees say of everybody else,
// and leaves the rest of the image as it is.
func TestArrange(t *testing.T) {
	for _, opts := range [][]string{
		{"-b", "size=1k"},
		{},
		{"-i", "sparse=0", "-m", "finobt=0"},
		{"-b", "size=1k", "-m", "reflink=0,inobtcount=0"},
	} {
		t.Run("", func(t *testing.T) {
			image := damage.Rich(t, opts...)
			copied := filepath.Join(t.TempDir(), "image")
			b, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(copied, b, 0o600); err != nil {
				t.Fatal(err)
			}
			rearrange(t, copied)
			oracle.RepairClean(t, oracle.Gen7, copied)
			oracle.KernelWrites(t, oracle.Gen7, copied, 1)
		})
	}
}

func rearrange(t *testing.T, image string) {
	dev, err := device.Open(image, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	g := geometry(t, dev)
	var counters space.Counters
	for no := range format.AGNumber(g.AGCount) {
		c, err := use(t, dev, g, no).Arrange()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(dev, nil); err != nil {
			t.Fatal(err)
		}
		c.Count(&counters)
	}
	// Trees that are written in bulk may be smaller.
	sb := make([]byte, g.SectSize)
	if _, err := dev.ReadAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	counters.Put(sb)
	format.SetChecksum(sb, format.SBCRC)
	if _, err := dev.WriteAt(sb, 0); err != nil {
		t.Fatal(err)
	}
}

func geometry(t *testing.T, dev device.Device) *format.Geometry {
	b := make([]byte, format.MaxSectorSize)
	if _, err := dev.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	g, err := format.GeometryOf(b)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// use reads what a group's trees say.
func use(t *testing.T, dev device.Device, g *format.Geometry, no format.AGNumber) *group.Use {
	agf, agi := make([]byte, g.SectSize), make([]byte, g.SectSize)
	for i, b := range [][]byte{agf, agi} {
		if _, err := dev.ReadAt(b, g.AGOffset(no, 0)+int64((i+1)*g.SectSize)); err != nil {
			t.Fatal(err)
		}
	}
	each := func(k *btree.Kind, root format.AGBlock, levels uint32, f func(rec []byte)) {
		tr := btree.Tree{Kind: k, Geo: g, Dev: dev, AG: no, Root: uint64(root), Levels: int(levels)}
		for rec, err := range tr.All() {
			if err != nil {
				t.Fatal(err)
			}
			f(rec)
		}
	}
	u := &group.Use{Geo: g, No: no, Unlinked: new([format.AGIBuckets]format.AGIno)}
	for i := range u.Unlinked {
		u.Unlinked[i] = format.AGIUnlinked.At(i).Get(agi)
	}
	each(btree.Rmapbt, format.AGFRmapRoot.Get(agf), format.AGFRmapLevel.Get(agf), func(rec []byte) {
		switch r := space.UnpackRmap(rec); r.ID {
		case format.OwnFS, format.OwnAG, format.OwnInobt, format.OwnRefc:
		default:
			u.Owners = append(u.Owners, r)
		}
	})
	each(btree.Inobt, format.AGIRoot.Get(agi), format.AGILevel.Get(agi), func(rec []byte) {
		u.Chunks = append(u.Chunks, slices.Clone(rec))
	})
	if g.HasReflink() {
		each(btree.Refcountbt, format.AGFRefcntRoot.Get(agf), format.AGFRefcntLevel.Get(agf), func(rec []byte) {
			if r, cow := refcount.Unpack(rec); cow {
				u.Staged = append(u.Staged, r)
			} else {
				u.Shared = append(u.Shared, r)
			}
		})
	}
	return u
}

// TestArrangeFragments takes the trees' blocks from free extents of one block each, and from too
// few of them.
func TestArrangeFragments(t *testing.T) {
	image := damage.Rich(t, "-b", "size=1k")
	dev, err := device.Open(image, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	g := geometry(t, dev)
	for _, every := range []format.AGBlock{2, 3, 7} {
		u := &group.Use{Geo: g, No: 0}
		for b := format.AGBlock(8); b < format.AGBlock(g.AGLen(0)); b++ {
			if b%every != 0 {
				u.Owners = append(u.Owners, space.Rmap{Start: b, Count: 1, Owner: space.Owner{ID: 128, Offset: uint64(3 * b)}})
			}
		}
		c, err := u.Arrange()
		if err != nil {
			t.Fatal(err)
		}
		mem := device.NewMemory(dev.Size())
		if err := c.Write(mem, nil); err != nil {
			t.Fatal(err)
		}
		held := heldBlocks(t, mem, g, u)
		for b := g.HeaderBlocks(); b < format.AGBlock(g.AGLen(0)); b++ {
			if held[b] != 1 {
				t.Fatalf("every %d: block %d is held %d times", every, b, held[b])
			}
		}
	}
	full := &group.Use{Geo: g, No: 0, Owners: []space.Rmap{{Start: g.HeaderBlocks(), Count: g.AGLen(0) - uint32(g.HeaderBlocks()) - 3, Owner: space.Owner{ID: 128}}}}
	if _, err := full.Arrange(); !errors.Is(err, group.ErrFull) {
		t.Errorf("a full group: error %v", err)
	}
}

// heldBlocks counts who has each block of group 0: its use, free extents, the free list and the
// trees' blocks.
func heldBlocks(t *testing.T, dev device.Device, g *format.Geometry, u *group.Use) map[format.AGBlock]int {
	held := map[format.AGBlock]int{}
	hold := func(start format.AGBlock, count uint32) {
		for b := start; b < start+format.AGBlock(count); b++ {
			held[b]++
		}
	}
	for _, r := range u.Owners {
		hold(r.Start, r.Count)
	}
	agf, agi, agfl := make([]byte, g.SectSize), make([]byte, g.SectSize), make([]byte, g.SectSize)
	for i, b := range [][]byte{agf, agi, agfl} {
		if _, err := dev.ReadAt(b, int64((i+1)*g.SectSize)); err != nil {
			t.Fatal(err)
		}
		typ := []*format.BlockType{format.TypeAGF, format.TypeAGI, format.TypeAGFL}[i]
		if err := format.Verify(g, typ, b, format.InGroup(0)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int(format.AGFFlCount.Get(agf)) {
		hold(format.AGFLSlot(int(format.AGFFlFirst.Get(agf))+i).Get(agfl), 1)
	}
	walk := func(k *btree.Kind, root format.AGBlock, levels uint32, rec func(b []byte)) {
		tr := btree.Tree{Kind: k, Geo: g, Dev: dev, Root: uint64(root), Levels: int(levels)}
		if err := tr.Walk(func(_ int, block uint64, _ []byte) error {
			hold(format.AGBlock(block), 1)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for b, err := range tr.All() {
			if err != nil {
				t.Fatal(err)
			}
			rec(b)
		}
	}
	none := func([]byte) {}
	walk(btree.Bnobt, format.AGFBnoRoot.Get(agf), format.AGFBnoLevel.Get(agf), func(b []byte) {
		hold(format.FreeStart.Get(b), format.FreeCount.Get(b))
	})
	walk(btree.Cntbt, format.AGFCntRoot.Get(agf), format.AGFCntLevel.Get(agf), none)
	walk(btree.Inobt, format.AGIRoot.Get(agi), format.AGILevel.Get(agi), none)
	walk(btree.Finobt, format.AGIFreeRoot.Get(agi), format.AGIFreeLevel.Get(agi), none)
	walk(btree.Refcountbt, format.AGFRefcntRoot.Get(agf), format.AGFRefcntLevel.Get(agf), none)
	blocks := map[format.AGBlock]bool{}
	walk(btree.Rmapbt, format.AGFRmapRoot.Get(agf), format.AGFRmapLevel.Get(agf), func(b []byte) {
		r := space.UnpackRmap(b)
		for at := r.Start; at < r.End(); at++ {
			blocks[at] = true
		}
	})
	free := freeBlocks(t, dev, g, agf)
	for b := range held {
		if blocks[b] == free[b] {
			t.Fatalf("block %d: free %v, in rmapbt %v", b, free[b], blocks[b])
		}
	}
	return held
}

func freeBlocks(t *testing.T, dev device.Device, g *format.Geometry, agf []byte) map[format.AGBlock]bool {
	out := map[format.AGBlock]bool{}
	tr := btree.Tree{Kind: btree.Bnobt, Geo: g, Dev: dev, Root: uint64(format.AGFBnoRoot.Get(agf)), Levels: int(format.AGFBnoLevel.Get(agf))}
	for b, err := range tr.All() {
		if err != nil {
			t.Fatal(err)
		}
		for i := range format.FreeCount.Get(b) {
			out[format.FreeStart.Get(b)+format.AGBlock(i)] = true
		}
	}
	return out
}
