package format

import "fmt"

// Limits of an internal log, in blocks.
const (
	MinLogBlocks = 512
	MaxLogBlocks = 1 << 20
)

// Limits of a realtime extent, in bytes; they hold without a realtime section as well.
const (
	minRTExtent = 4 << 10
	maxRTExtent = 1 << 30
)

// checkSuperblock judges a superblock by the rules of GeometryOf and those for the fields which
// a Geometry does not have. One of a group other than 0 must agree with the volume's geometry.
func checkSuperblock(g *Geometry, b []byte, at Place, _ report) *CorruptError {
	h := decodeGeometry(b)
	if e := h.checkShape(); e != nil {
		return e
	}
	if e := h.checkLogAndFeatures(); e != nil {
		return e
	}
	h.DirBlockSize = h.BlockSize << h.DirBlkLog
	if e := h.checkSizes(b); e != nil {
		return e
	}
	if at.AG != NullAGNumber && at.AG != 0 {
		return h.checkSecondary(g, b)
	}
	return h.checkPrimary(b)
}

// checkSizes judges the fields that follow from others, and the alignments.
func (g *Geometry) checkSizes(b []byte) *CorruptError {
	rext := uint64(g.RExtSize) << g.BlockLog
	sector := g.Version&VersionSector != 0
	logSect, logSectLog := int(SBLogSectSize.Get(b)), SBLogSectLog.Get(b)
	switch {
	case int(SBInoPBlock.Get(b)) != g.InodesPerBlock():
		return bad("inopblock", SBInoPBlock.Get(b), g.InodesPerBlock())
	case rext < minRTExtent || rext > maxRTExtent:
		return bad("rextsize", g.RExtSize, "4 KiB to 1 GiB in blocks")
	case g.IMaxPct > 100:
		return bad("imax_pct", g.IMaxPct, upTo(100))
	case !sector && (logSect != 0 || logSectLog != 0):
		return bad("logsectsize", logSect, 0)
	case sector && (logSect < MinSectorSize || logSect > MaxSectorSize || logSectLog > 15 || logSect != 1<<logSectLog):
		return bad("logsectsize", fmt.Sprintf("%d (log %d)", logSect, logSectLog), "a power of two from 512 to 32768")
	case g.LogStart != 0 && (g.LogBlocks < MinLogBlocks || g.LogBlocks > MaxLogBlocks):
		return bad("logblocks", g.LogBlocks, fromTo(MinLogBlocks, MaxLogBlocks))
	case (g.Unit != 0) != (g.Version&VersionDAlign != 0):
		return bad("unit", g.Unit, "set just when versionnum has the alignment bit")
	case g.Unit != 0 && g.Width%g.Unit != 0:
		return bad("width", g.Width, "a multiple of unit")
	case g.HasSparse() && int(g.InoAlign) != InodesPerChunk*g.InodeSize/g.BlockSize:
		return bad("inoalignmt", g.InoAlign, InodesPerChunk*g.InodeSize/g.BlockSize)
	case SBSharedVN.Get(b) != 0:
		return bad("shared_vn", SBSharedVN.Get(b), 0)
	case SBRBlocks.Get(b) == 0 && SBRExtents.Get(b) != 0:
		return bad("rextents", SBRExtents.Get(b), 0)
	case SBRBlocks.Get(b) == 0 && SBRbmBlocks.Get(b) != 0:
		return bad("rbmblocks", SBRbmBlocks.Get(b), 0)
	}
	return nil
}

// checkPrimary judges what only the superblock of group 0 keeps up to date.
func (g *Geometry) checkPrimary(b []byte) *CorruptError {
	switch {
	case SBInProgress.Get(b) != 0:
		return bad("inprogress", SBInProgress.Get(b), 0)
	case !g.ValidIno(g.RootIno):
		return bad("rootino", g.RootIno, "an inode of the volume")
	case !g.ValidIno(SBRbmIno.Get(b)):
		return bad("rbmino", SBRbmIno.Get(b), "an inode of the volume")
	case !g.ValidIno(SBRsumIno.Get(b)):
		return bad("rsumino", SBRsumIno.Get(b), "an inode of the volume")
	case SBIFree.Get(b) > SBICount.Get(b):
		return bad("ifree", SBIFree.Get(b), fmt.Sprintf("%d at most", SBICount.Get(b)))
	case SBFDBlocks.Get(b) > g.DBlocks:
		return bad("fdblocks", SBFDBlocks.Get(b), fmt.Sprintf("%d at most", g.DBlocks))
	}
	return nil
}

// checkSecondary compares another group's superblock with the volume's geometry. Features are
// not compared: the primary superblock gets new ones while a volume is mounted.
func (g *Geometry) checkSecondary(want *Geometry, b []byte) *CorruptError {
	for _, f := range [...]struct {
		name      string
		got, want uint64
	}{
		{"blocksize", uint64(g.BlockSize), uint64(want.BlockSize)},
		{"sectsize", uint64(g.SectSize), uint64(want.SectSize)},
		{"inodesize", uint64(g.InodeSize), uint64(want.InodeSize)},
		{"dirblklog", uint64(g.DirBlkLog), uint64(want.DirBlkLog)},
		{"dblocks", g.DBlocks, want.DBlocks},
		{"agblocks", uint64(g.AGBlocks), uint64(want.AGBlocks)},
		{"agcount", uint64(g.AGCount), uint64(want.AGCount)},
		{"logstart", uint64(g.LogStart), uint64(want.LogStart)},
		{"logblocks", uint64(g.LogBlocks), uint64(want.LogBlocks)},
	} {
		if f.got != f.want {
			return bad(f.name, f.got, f.want)
		}
	}
	if g.UUID != want.UUID {
		return bad("uuid", g.UUID, want.UUID)
	}
	if ino := SBRootIno.Get(b); ino != NullIno && ino != want.RootIno {
		return bad("rootino", ino, want.RootIno)
	}
	return nil
}
