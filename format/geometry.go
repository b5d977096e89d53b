package format

import (
	"fmt"
	"math/bits"
)

// Geometry is what the superblock says of a volume's shape, in the form that code wants: the
// sizes, the features, and the conversions between the kinds of addresses. It does not change
// while a volume is open, except when it is grown.
type Geometry struct {
	BlockSize, SectSize, InodeSize, DirBlockSize int // bytes
	BlockLog, SectLog, InodeLog, DirBlkLog       uint
	InoPBLog, AGBlkLog                           uint

	DBlocks  uint64 // blocks of the data section
	AGBlocks uint32 // blocks of every group but the last
	AGCount  uint32

	LogStart   FSBlock // 0: the log is external
	LogBlocks  uint32
	LogSUnit   uint32 // bytes; 0 or 1 when none
	LogSectLog uint

	InoAlign   uint32 // blocks; chunks start at a multiple of it; 0 is 1
	SpInoAlign uint32 // blocks; alignment and size of sparse pieces; 0: no pieces
	Unit       uint32 // stripe unit, blocks
	Width      uint32 // stripe width, blocks
	IMaxPct    uint8
	RExtSize   uint32 // blocks

	RootIno Ino

	Version  VersionBits
	Feat2    Features2
	ROCompat ROCompat
	Incompat Incompat

	UUID     UUID // what users see
	MetaUUID UUID // what metadata blocks carry
	Label    string
}

// Has-methods name the features that code branches on.
func (g *Geometry) HasFinobt() bool     { return g.ROCompat&ROFinobt != 0 }
func (g *Geometry) HasRmapbt() bool     { return g.ROCompat&RORmapbt != 0 }
func (g *Geometry) HasReflink() bool    { return g.ROCompat&ROReflink != 0 }
func (g *Geometry) HasInobtCount() bool { return g.ROCompat&ROInobtCount != 0 }
func (g *Geometry) HasSparse() bool     { return g.Incompat&InSparse != 0 }
func (g *Geometry) HasBigtime() bool    { return g.Incompat&InBigtime != 0 }
func (g *Geometry) HasNrext64() bool    { return g.Incompat&InNrext64 != 0 }
func (g *Geometry) HasParent() bool     { return g.Incompat&InParent != 0 }
func (g *Geometry) HasExchange() bool   { return g.Incompat&InExchange != 0 }
func (g *Geometry) HasASCIICI() bool    { return g.Version&VersionASCIICI != 0 }

// InodesPerBlock is the number of inodes in a filesystem block.
func (g *Geometry) InodesPerBlock() int { return 1 << g.InoPBLog }

// ChunkInodes is the number of inodes that are allocated together: a chunk, or a whole block
// where a block holds more than one chunk.
func (g *Geometry) ChunkInodes() int { return max(InodesPerChunk, g.InodesPerBlock()) }

// ChunkBlocks is the number of blocks that ChunkInodes inodes take.
func (g *Geometry) ChunkBlocks() int { return g.ChunkInodes() >> g.InoPBLog }

// AGLen is the length in blocks of group ag; the last one may be short.
func (g *Geometry) AGLen(ag AGNumber) uint32 {
	if uint32(ag) == g.AGCount-1 {
		return uint32(g.DBlocks - uint64(g.AGCount-1)*uint64(g.AGBlocks))
	}
	return g.AGBlocks
}

// FSB makes an absolute block number.
func (g *Geometry) FSB(ag AGNumber, b AGBlock) FSBlock { return FSBlock(ag)<<g.AGBlkLog | FSBlock(b) }

// AG is the group that fsb lies in, AGB its place there.
func (g *Geometry) AG(fsb FSBlock) AGNumber { return AGNumber(fsb >> g.AGBlkLog) }

// AGB is the block within its group.
func (g *Geometry) AGB(fsb FSBlock) AGBlock { return AGBlock(fsb & (1<<g.AGBlkLog - 1)) }

// ValidFSB reports whether n blocks from fsb lie within one group of the volume.
func (g *Geometry) ValidFSB(fsb FSBlock, n uint64) bool {
	ag := fsb >> g.AGBlkLog
	if ag >= FSBlock(g.AGCount) {
		return false
	}
	size := uint64(g.AGLen(AGNumber(ag)))
	b := uint64(g.AGB(fsb))
	return b < size && n <= size-b
}

// AGOffset is the place of block b of group ag, in bytes from the start of the volume.
func (g *Geometry) AGOffset(ag AGNumber, b AGBlock) int64 {
	return (int64(ag)*int64(g.AGBlocks) + int64(b)) << g.BlockLog
}

// Offset is the place of fsb in bytes from the start of the volume.
func (g *Geometry) Offset(fsb FSBlock) int64 { return g.AGOffset(g.AG(fsb), g.AGB(fsb)) }

// SectorOffset is the place of header sector n (0 superblock, 1 AGF, 2 AGI, 3 AGFL) of group ag
// in bytes from the start of the volume.
func (g *Geometry) SectorOffset(ag AGNumber, n int) int64 {
	return g.AGOffset(ag, 0) + int64(n)<<g.SectLog
}

// ToDaddr is the disk address of fsb, AGToDaddr that of a block of a group.
func (g *Geometry) ToDaddr(fsb FSBlock) Daddr { return Daddr(g.Offset(fsb) >> BasicBlockLog) }

// AGToDaddr is the disk address of block b of group ag.
func (g *Geometry) AGToDaddr(ag AGNumber, b AGBlock) Daddr {
	return Daddr(g.AGOffset(ag, b) >> BasicBlockLog)
}

// Ino makes an absolute inode number.
func (g *Geometry) Ino(ag AGNumber, i AGIno) Ino {
	return Ino(ag)<<(g.AGBlkLog+g.InoPBLog) | Ino(i)
}

// SplitIno is the inverse of Ino.
func (g *Geometry) SplitIno(ino Ino) (AGNumber, AGIno) {
	n := g.AGBlkLog + g.InoPBLog
	return AGNumber(ino >> n), AGIno(ino & (1<<n - 1))
}

// InoBlock is the block of its group that an inode lies in.
func (g *Geometry) InoBlock(i AGIno) AGBlock { return AGBlock(i >> AGIno(g.InoPBLog)) }

// InoOffset is the place of an inode in bytes from the start of the volume.
func (g *Geometry) InoOffset(ino Ino) int64 {
	ag, i := g.SplitIno(ino)
	return g.AGOffset(ag, g.InoBlock(i)) + int64(i&(1<<g.InoPBLog-1))<<g.InodeLog
}

// ValidIno reports whether an inode of this number can exist; nothing is said of whether it does.
func (g *Geometry) ValidIno(ino Ino) bool {
	ag := ino >> (g.AGBlkLog + g.InoPBLog)
	if ag >= Ino(g.AGCount) {
		return false
	}
	_, i := g.SplitIno(ino)
	b := g.InoBlock(i)
	return uint32(b) < g.AGLen(AGNumber(ag)) && b >= g.HeaderBlocks()
}

// HeaderBlocks is the number of blocks that the four header sectors of a group take.
func (g *Geometry) HeaderBlocks() AGBlock {
	return AGBlock((4<<g.SectLog + g.BlockSize - 1) >> g.BlockLog)
}

// LiteralSize is the room for forks in an inode, in bytes.
func (g *Geometry) LiteralSize() int { return g.InodeSize - Dinode.Size }

// DirBlocks is the number of filesystem blocks in a directory block.
func (g *Geometry) DirBlocks() int { return 1 << g.DirBlkLog }

// BlocksUp rounds a number of bytes up to blocks.
func (g *Geometry) BlocksUp(bytes uint64) uint64 {
	return bytes>>g.BlockLog + (bytes&(1<<g.BlockLog-1)+uint64(g.BlockSize)-1)>>g.BlockLog
}

// GeometryOf reads the geometry from a superblock, after checking that it is one, sound, and of
// a kind that can be read. sb must hold at least the superblock's sector as far as it is known;
// the checksum covers the sector size that the superblock itself names.
//
// Unknown incompatible features give ErrUnsupported; unknown read-only compatible ones are in
// ROCompat for the caller to judge.
func GeometryOf(sb []byte) (*Geometry, error) {
	if len(sb) < Superblock.Size {
		return nil, fmt.Errorf("superblock: %d bytes are too few", len(sb))
	}
	if m := SBMagicNum.Get(sb); m != SBMagic {
		return nil, Corrupt("superblock", "magicnum", fmt.Sprintf("%#x", m), fmt.Sprintf("%#x", SBMagic))
	}
	if v := SBVersionNum.Get(sb) & VersionMask; v != Version5 {
		return nil, fmt.Errorf("%w: format version %d; only version 5 is", ErrUnsupported, v)
	}
	ss := int(SBSectSize.Get(sb))
	if ss < MinSectorSize || ss > MaxSectorSize || ss&(ss-1) != 0 || ss > len(sb) {
		return nil, Corrupt("superblock", "sectsize", ss, "a power of two from 512 to 32768")
	}
	if !ChecksumOK(sb[:ss], SBCRC) {
		return nil, Corrupt("superblock", "crc", fmt.Sprintf("%#x", SBCRC.Get(sb)), fmt.Sprintf("%#x", Checksum(sb[:ss], SBCRC)))
	}
	if bad := SBIncompat.Get(sb) &^ InKnown; bad != 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, bad)
	}
	g := decodeGeometry(sb)
	if err := g.check(sb); err != nil {
		return nil, err
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
		UUID: SBUUID.Get(sb), MetaUUID: SBUUID.Get(sb),
	}
	if g.Incompat&InMetaUUID != 0 {
		g.MetaUUID = SBMetaUUID.Get(sb)
	}
	label := SBFName.Get(sb)
	for len(label) > 0 && label[len(label)-1] == 0 {
		label = label[:len(label)-1]
	}
	g.Label = string(label)
	return g
}

// check judges what decodeGeometry read: after it, no conversion can overflow or divide by zero.
func (g *Geometry) check(sb []byte) error {
	pow2 := func(v int, log uint, lo, hi int) bool { return v >= lo && v <= hi && log < 32 && v == 1<<log }
	switch {
	case !pow2(g.BlockSize, g.BlockLog, MinBlockSize, MaxBlockSize):
		return Corrupt("superblock", "blocksize", fmt.Sprintf("%d (log %d)", g.BlockSize, g.BlockLog), "a power of two from 1024 to 65536")
	case !pow2(g.SectSize, g.SectLog, MinSectorSize, MaxSectorSize) || g.SectSize > g.BlockSize:
		return Corrupt("superblock", "sectsize", fmt.Sprintf("%d (log %d)", g.SectSize, g.SectLog), "a power of two up to the block size")
	case !pow2(g.InodeSize, g.InodeLog, MinInodeSize, MaxInodeSize) || g.InodeSize > g.BlockSize/2:
		return Corrupt("superblock", "inodesize", fmt.Sprintf("%d (log %d)", g.InodeSize, g.InodeLog), "a power of two from 512 to 2048 and half a block")
	case g.InoPBLog != g.BlockLog-g.InodeLog:
		return Corrupt("superblock", "inopblog", g.InoPBLog, g.BlockLog-g.InodeLog)
	case g.BlockLog+g.DirBlkLog > 16:
		return Corrupt("superblock", "dirblklog", g.DirBlkLog, "directory blocks of 64 KiB at most")
	case g.AGCount == 0 || g.AGBlocks < MinAGBlocks || uint64(g.AGBlocks)<<g.BlockLog > MaxAGBytes:
		return Corrupt("superblock", "agblocks", fmt.Sprintf("%d groups of %d blocks", g.AGCount, g.AGBlocks), "")
	case g.AGBlkLog != uint(bits.Len32(g.AGBlocks-1)):
		return Corrupt("superblock", "agblklog", g.AGBlkLog, bits.Len32(g.AGBlocks-1))
	case g.DBlocks > 1<<(63-g.BlockLog) || (g.DBlocks+uint64(g.AGBlocks)-1)/uint64(g.AGBlocks) != uint64(g.AGCount) || g.AGLen(AGNumber(g.AGCount-1)) < MinAGBlocks:
		return Corrupt("superblock", "dblocks", g.DBlocks, fmt.Sprintf("the size of %d groups of %d blocks", g.AGCount, g.AGBlocks))
	case g.AGBlkLog+g.InoPBLog > 32:
		return Corrupt("superblock", "agblklog", g.AGBlkLog, "inode numbers of 32 bits within a group")
	case g.LogStart != 0 && !g.ValidFSB(g.LogStart, uint64(g.LogBlocks)):
		return Corrupt("superblock", "logstart", fmt.Sprintf("%d, %d blocks", g.LogStart, g.LogBlocks), "a range within one group")
	case g.Version&VersionMandatory != VersionMandatory || g.Feat2&Feat2Mandatory != Feat2Mandatory:
		return Corrupt("superblock", "versionnum", fmt.Sprintf("%#x, features2 %#x", uint16(g.Version), uint32(g.Feat2)), "what version 5 demands")
	case SBInProgress.Get(sb) != 0:
		return Corrupt("superblock", "inprogress", SBInProgress.Get(sb), 0)
	}
	g.DirBlockSize = g.BlockSize << g.DirBlkLog
	return nil
}
