package format

import (
	"fmt"
	"math/bits"
)

// GeometryOf reads the geometry from a superblock, after checking that it is one, sound, and of
// a kind that can be read. sb must hold at least the superblock's sector as far as it is known;
// the checksum covers the sector size that the superblock itself names.
//
// Unknown incompatible features give ErrUnsupported; unknown read-only compatible ones are in
// ROCompat for the caller to judge.
func GeometryOf(sb []byte) (*Geometry, error) {
	if len(sb) < Superblock.Size {
		return nil, Corrupt("superblock", "", fmt.Sprintf("%d bytes", len(sb)), "a sector")
	}
	if m := SBMagicNum.Get(sb); m != SBMagic {
		return nil, Corrupt("superblock", "magicnum", hexed(m), hexed[uint32](SBMagic))
	}
	if v := SBVersionNum.Get(sb) & VersionMask; v != Version5 {
		return nil, fmt.Errorf("%w: format version %d; only version 5 is", ErrUnsupported, v)
	}
	ss := int(SBSectSize.Get(sb))
	if ss < MinSectorSize || ss > MaxSectorSize || ss&(ss-1) != 0 || ss > len(sb) {
		return nil, Corrupt("superblock", "sectsize", ss, "a power of two from 512 to 32768")
	}
	if !ChecksumOK(sb[:ss], SBCRC) {
		return nil, Corrupt("superblock", "crc", showCRC(SBCRC.Get(sb)), showCRC(Checksum(sb[:ss], SBCRC)))
	}
	if unknown := SBIncompat.Get(sb) &^ InKnown; unknown != 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, unknown)
	}
	g := decodeGeometry(sb)
	if err := g.check(); err != nil {
		return nil, err
	}
	if p := SBInProgress.Get(sb); p != 0 {
		return nil, Corrupt("superblock", "inprogress", p, 0)
	}
	return g, nil
}

func decodeGeometry(sb []byte) *Geometry {
	g := &Geometry{
		BlockSize: int(SBBlockSize.Get(sb)), SectSize: int(SBSectSize.Get(sb)), InodeSize: int(SBInodeSize.Get(sb)),
		BlockLog: uint(SBBlockLog.Get(sb)), SectLog: uint(SBSectLog.Get(sb)), InodeLog: uint(SBInodeLog.Get(sb)),
		DirBlkLog: uint(SBDirBlkLog.Get(sb)), InoPBLog: uint(SBInoPBLog.Get(sb)), AGBlkLog: uint(SBAGBlkLog.Get(sb)),
		DBlocks: SBDBlocks.Get(sb), AGBlocks: SBAGBlocks.Get(sb), AGCount: SBAGCount.Get(sb),
		LogStart: SBLogStart.Get(sb), LogBlocks: SBLogBlocks.Get(sb), LogSUnit: SBLogSUnit.Get(sb), LogSectLog: uint(SBLogSectLog.Get(sb)),
		InoAlign: SBInoAlignMt.Get(sb), SpInoAlign: SBSpInoAlign.Get(sb), Unit: SBUnit.Get(sb), Width: SBWidth.Get(sb),
		IMaxPct: SBIMaxPct.Get(sb), RExtSize: SBRExtSize.Get(sb), RootIno: SBRootIno.Get(sb),
		Version: SBVersionNum.Get(sb), Feat2: SBFeatures2.Get(sb), ROCompat: SBROCompat.Get(sb), Incompat: SBIncompat.Get(sb),
		UUID: SBUUID.Get(sb), MetaUUID: SBUUID.Get(sb), Label: Label(sb),
	}
	if g.Incompat&InMetaUUID != 0 {
		g.MetaUUID = SBMetaUUID.Get(sb)
	}
	return g
}

// check judges what decodeGeometry read: after it, no conversion can overflow or divide by zero.
func (g *Geometry) check() error {
	e := g.checkShape()
	if e == nil {
		e = g.checkLogAndFeatures()
	}
	if e != nil {
		e.Structure = "superblock"
		return e
	}
	g.DirBlockSize = g.BlockSize << g.DirBlkLog
	return nil
}

func (g *Geometry) checkShape() *CorruptError {
	pow2 := func(v int, log uint, lo, hi int) bool { return v >= lo && v <= hi && log < 32 && v == 1<<log }
	switch {
	case !pow2(g.BlockSize, g.BlockLog, MinBlockSize, MaxBlockSize):
		return bad("blocksize", fmt.Sprintf("%d (log %d)", g.BlockSize, g.BlockLog), "a power of two from 1024 to 65536")
	case !pow2(g.SectSize, g.SectLog, MinSectorSize, MaxSectorSize) || g.SectSize > g.BlockSize:
		return bad("sectsize", fmt.Sprintf("%d (log %d)", g.SectSize, g.SectLog), "a power of two up to the block size")
	case !pow2(g.InodeSize, g.InodeLog, MinInodeSize, MaxInodeSize) || g.InodeSize > g.BlockSize/2:
		return bad("inodesize", fmt.Sprintf("%d (log %d)", g.InodeSize, g.InodeLog), "a power of two from 512 to 2048 and half a block")
	case g.InoPBLog != g.BlockLog-g.InodeLog:
		return bad("inopblog", g.InoPBLog, g.BlockLog-g.InodeLog)
	case g.BlockLog+g.DirBlkLog > 16:
		return bad("dirblklog", g.DirBlkLog, "directory blocks of 64 KiB at most")
	case g.AGCount == 0 || g.AGBlocks < MinAGBlocks || uint64(g.AGBlocks)<<g.BlockLog > MaxAGBytes:
		return bad("agblocks", fmt.Sprintf("%d groups of %d blocks", g.AGCount, g.AGBlocks), "")
	case g.AGBlkLog != uint(bits.Len32(g.AGBlocks-1)):
		return bad("agblklog", g.AGBlkLog, bits.Len32(g.AGBlocks-1))
	case g.DBlocks > 1<<(63-g.BlockLog) || (g.DBlocks+uint64(g.AGBlocks)-1)/uint64(g.AGBlocks) != uint64(g.AGCount) || g.AGLen(AGNumber(g.AGCount-1)) < MinAGBlocks:
		return bad("dblocks", g.DBlocks, fmt.Sprintf("the size of %d groups of %d blocks", g.AGCount, g.AGBlocks))
	case g.AGBlkLog+g.InoPBLog > 32:
		return bad("agblklog", g.AGBlkLog, "inode numbers of 32 bits within a group")
	}
	return nil
}

func (g *Geometry) checkLogAndFeatures() *CorruptError {
	switch {
	case g.LogStart != 0 && (g.LogBlocks == 0 || !g.Allocatable(g.LogStart, uint64(g.LogBlocks))):
		return bad("logstart", fmt.Sprintf("%d, %d blocks", g.LogStart, g.LogBlocks), "a range within one group, behind its header")
	case g.LogSUnit > MaxLogRecord:
		return bad("logsunit", g.LogSUnit, upTo(MaxLogRecord))
	case g.LogSUnit > 1 && int(g.LogSUnit)%g.BlockSize != 0:
		return bad("logsunit", g.LogSUnit, "a multiple of the block size")
	case g.Version&VersionMandatory != VersionMandatory || g.Feat2&Feat2Mandatory != Feat2Mandatory:
		return bad("versionnum", fmt.Sprintf("%#x, features2 %#x", uint16(g.Version), uint32(g.Feat2)), "what version 5 demands")
	}
	return nil
}
