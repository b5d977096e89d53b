package format

import "sync/atomic"

// Geometry is what the superblock says of a volume's shape, in the form that code wants: the
// sizes, the features, and the conversions between the kinds of addresses. It does not change
// while a volume is open, except when it is grown, and as NoteCowForks says.
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

	cowForks uint32 // see NoteCowForks; read and written atomically
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

// HasCowForks reports whether inodes may have a persistent CoW fork; if not, DiCowRoot means
// nothing.
func (g *Geometry) HasCowForks() bool {
	return g.ROCompat&ROPendingCow != 0 || atomic.LoadUint32(&g.cowForks) != 0
}

// NoteCowForks says that from now on inodes may have a CoW fork. It is the one thing that can
// change while the volume is read.
func (g *Geometry) NoteCowForks() { atomic.StoreUint32(&g.cowForks, 1) }

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

// Allocatable reports whether n blocks from fsb lie within one group, behind its header sectors:
// whether they can belong to anything.
func (g *Geometry) Allocatable(fsb FSBlock, n uint64) bool {
	return g.ValidFSB(fsb, n) && g.AGB(fsb) >= g.HeaderBlocks()
}

// AllocatableAG reports the same of block b of group ag.
func (g *Geometry) AllocatableAG(ag AGNumber, b AGBlock) bool {
	return uint32(ag) < g.AGCount && uint32(b) < g.AGLen(ag) && b >= g.HeaderBlocks()
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
