package format

import "math"

// AGNumber numbers an allocation group, from 0.
type AGNumber uint32

// AGBlock is a filesystem block counted from the start of its allocation group.
type AGBlock uint32

// FSBlock is a filesystem block of the whole volume: agno<<agblklog | AGBlock. The numbers
// leave a gap after each group unless its size is a power of two; Geometry converts them.
type FSBlock uint64

// FileOff is an offset within a fork, in filesystem blocks.
type FileOff uint64

// Ino is an absolute inode number; AGIno one counted from the start of its group.
type (
	Ino   uint64
	AGIno uint32
)

// Daddr is a disk address in units of 512 bytes from the start of the volume, whatever the
// sector size.
type Daddr uint64

// LSN is a log sequence number: log cycle in the upper half, log block in the lower.
type LSN uint64

// Hash is the hash of a directory entry's or an attribute's name.
type Hash uint32

// BasicBlock is the unit of Daddr and of log blocks, in bytes; BasicBlockLog is its base-2
// logarithm.
const (
	BasicBlock    = 1 << BasicBlockLog
	BasicBlockLog = 9
)

// Null values: all bits set.
const (
	NullAGNumber AGNumber = math.MaxUint32
	NullAGBlock  AGBlock  = math.MaxUint32
	NullFSBlock  FSBlock  = math.MaxUint64
	NullFileOff  FileOff  = math.MaxUint64
	NullIno      Ino      = math.MaxUint64
	NullAGIno    AGIno    = math.MaxUint32
	NullLogBlock          = math.MaxUint32 // in units of BasicBlock
)

// InodesPerChunk is the number of inodes that one inode B+tree record describes.
const InodesPerChunk = 64

// Limits of the format.
const (
	MinBlockSize   = 1024 // version 5; 512 is for older versions
	MaxBlockSize   = 65536
	MinSectorSize  = 512
	MaxSectorSize  = 32768
	MinInodeSize   = 512 // version 5
	MaxInodeSize   = 2048
	MinAGBytes     = 16 << 20
	MaxAGBytes     = 1 << 40
	MinAGBlocks    = 64 // of the last group
	MaxExtentLen   = 1<<21 - 1
	MaxNameLen     = 255
	MaxSymlinkLen  = 1024
	MaxAttrValue   = 65536
	MaxLinks       = 1<<31 - 1
	MaxRefcount    = math.MaxUint32
	MaxBtreeLevels = 9
)

// UUID identifies a volume; every metadata block carries it.
type UUID [16]byte
