package format

import (
	"errors"
	"testing"
)

// A geometry that GeometryOf accepts keeps all its promises.
func FuzzGeometry(f *testing.F) {
	_, seeds := seedsOf(f, TypeSuperblock)
	for _, s := range seeds {
		f.Add(s.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxFuzz {
			return
		}
		GeometryOf(b)
		if len(b) < MinSectorSize {
			return
		}
		b = append([]byte(nil), b...)
		SBMagicNum.Put(b, SBMagic)
		SBIncompat.Put(b, SBIncompat.Get(b)&InKnown)
		if ss := int(SBSectSize.Get(b)); ss >= Superblock.Size && ss <= len(b) {
			SetChecksum(b[:ss], SBCRC)
		}
		g, err := GeometryOf(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an error of no class: %v", err)
			}
			return
		}
		checkGeometry(t, g)
	})
}

// checkGeometry tries the conversions at the edges of a volume.
func checkGeometry(t *testing.T, g *Geometry) {
	var total uint64
	for _, ag := range []AGNumber{0, AGNumber(g.AGCount / 2), AGNumber(g.AGCount - 1)} {
		n := g.AGLen(ag)
		if n == 0 || n > g.AGBlocks {
			t.Fatalf("AG %d has %d blocks", ag, n)
		}
		last := AGBlock(n - 1)
		fsb := g.FSB(ag, last)
		if g.AG(fsb) != ag || g.AGB(fsb) != last || !g.ValidFSB(fsb, 1) || g.ValidFSB(fsb, 2) {
			t.Fatalf("last block of AG %d: %d", ag, fsb)
		}
		if end := g.Offset(fsb) + int64(g.BlockSize); end < 0 || uint64(end) > g.DBlocks<<g.BlockLog {
			t.Fatalf("last block of AG %d ends at byte %d", ag, end)
		}
		inode := AGIno(n)<<g.InoPBLog - 1
		ino := g.Ino(ag, inode)
		if a, i := g.SplitIno(ino); a != ag || i != inode || g.ValidIno(ino+1) && g.AGBlocks == n && ag == AGNumber(g.AGCount-1) {
			t.Fatalf("last inode of AG %d: %d", ag, ino)
		}
		if off := g.InoOffset(ino); off < 0 || uint64(off) >= g.DBlocks<<g.BlockLog {
			t.Fatalf("inode %d lies at byte %d", ino, off)
		}
		total += uint64(n)
	}
	if total == 0 || g.DirBlockSize < g.BlockSize || g.DirBlockSize > MaxBlockSize || g.LiteralSize() < 0 || g.ChunkBlocks() < 1 {
		t.Fatalf("geometry %+v", g)
	}
	if log := CleanLog(g); len(log) > MaxLogRecord {
		t.Fatalf("clean log of %d bytes", len(log))
	}
}
