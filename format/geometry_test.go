package format

import (
	"errors"
	"testing"
)

func TestGeometryOf(t *testing.T) {
	all, g := samples(t)
	if g.BlockSize != 1024 || g.DirBlockSize != 4096 || g.AGCount != 4 || g.InodesPerBlock() != 2 ||
		g.ChunkInodes() != 64 || g.ChunkBlocks() != 32 || g.HeaderBlocks() != 2 || g.LiteralSize() != 336 || g.Label != "" {
		t.Errorf("geometry %+v", g)
	}
	if !g.HasRmapbt() || !g.HasParent() || !g.HasSparse() || !g.HasExchange() || g.HasASCIICI() {
		t.Errorf("features %v, %v", g.ROCompat, g.Incompat)
	}
	checkPlaces(t, g)
	for name, change := range map[string]func(b []byte){
		"magic":    func(b []byte) { b[0] = 'Y' },
		"version":  func(b []byte) { SBVersionNum.Put(b, 4) },
		"crc":      func(b []byte) { b[300]++ },
		"sectsize": func(b []byte) { SBSectSize.Put(b, 500) },
		"too far":  func(b []byte) { SBSectSize.Put(b, 4096) },
		"features": func(b []byte) { SBIncompat.Put(b, SBIncompat.Get(b)|InMetaDir); SetChecksum(b, SBCRC) },
	} {
		b := sampleNamed(t, all, "superblock")
		change(b)
		_, err := GeometryOf(b)
		want := ErrCorrupt
		if name == "features" || name == "version" {
			want = ErrUnsupported
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := GeometryOf(nil); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no superblock: %v", err)
	}
}

// checkPlaces checks places on the sample's image against what xfs_db says of it.
func checkPlaces(t *testing.T, g *Geometry) {
	t.Helper()
	fsb := g.FSB(1, 100)
	for name, pair := range map[string][2]int64{
		"fsblock of AG 1, block 100": {int64(fsb), 131172},
		"its daddr":                  {int64(g.ToDaddr(fsb)), 164040},
		"its offset":                 {g.Offset(fsb), 83988480},
		"AGI of AG 2":                {g.SectorOffset(2, 2), 2*81920*1024 + 1024},
		"inode 262208":               {g.InoOffset(262208), 83918848},
		"blocks of 1025 bytes":       {int64(g.BlocksUp(1025)), 2},
		"blocks of 0 bytes":          {int64(g.BlocksUp(0)), 0},
		"blocks of 2^64-1 bytes":     {int64(g.BlocksUp(1<<64 - 1)), 1 << 54},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d, want %d", name, pair[0], pair[1])
		}
	}
	for ino, want := range map[Ino]bool{0: false, 3: false, 4: true, 64: true, 163839: true, 163840: false, 262208: true, 1 << 40: false, NullIno: false} {
		if g.ValidIno(ino) != want {
			t.Errorf("ValidIno(%d) is not %v", ino, want)
		}
	}
	if g.Allocatable(1, 1) || !g.Allocatable(2, 1) || g.Allocatable(81919, 2) || g.Allocatable(NullFSBlock, 1) || g.AllocatableAG(0, 81920) {
		t.Error("Allocatable is wrong at the ends of a group")
	}
}

func TestLabelAndUUID(t *testing.T) {
	all, g := samples(t)
	b := sampleNamed(t, all, "superblock")
	if err := SetLabel(b, "thirteen long"); err == nil {
		t.Error("a label of 13 bytes was taken")
	}
	for _, label := range []string{"", "twelve bytes", "data"} {
		if err := SetLabel(b, label); err != nil || Label(b) != label {
			t.Errorf("label %q comes back as %q (%v)", label, Label(b), err)
		}
	}
	// As xfs_admin -U does it: the old UUID stays the one of other metadata.
	for _, c := range []struct{ set, meta UUID }{
		{UUID{1}, g.UUID}, {UUID{2}, g.UUID}, {g.UUID, UUID{}},
	} {
		SetUUID(b, c.set)
		SetChecksum(b, SBCRC)
		h, err := GeometryOf(b)
		if err != nil || h.UUID != c.set || h.MetaUUID != g.UUID || SBMetaUUID.Get(b) != c.meta || (h.Incompat&InMetaUUID != 0) != (c.set != g.UUID) {
			t.Errorf("UUID %v: geometry has %v and %v (%v)", c.set, h.UUID, h.MetaUUID, err)
		}
	}
}
