package inode

import "github.com/cowfs/cowfs/format"

// Room kept for a fork in an inode so that it can grow: the kernel wants place for the root of
// a B+tree with so many pointers, rounded up to what forkoff can express.
const (
	minDataRoom = (4 + 3*16 + 7) &^ 7
	minAttrRoom = (4 + 2*16 + 7) &^ 7
)

// Split divides the literal area of an inode between its forks. dataNeed is what the data fork
// would like to have inside the inode, attrShort the size of the attributes in shortform, both
// in bytes; attrShort is negative when they can't be in shortform and 0 when there are none.
//
// room is what the data fork gets, in bytes; a need above it means extents in a B+tree, or
// a directory or link in blocks. short tells whether the attributes stay in the inode; they do
// whenever that leaves the data fork enough.
func Split(g *format.Geometry, dev bool, attrShort int) (room int, short bool) {
	lit := g.LiteralSize()
	switch {
	case attrShort == 0:
		return lit, false
	case dev:
		return 8, attrShort > 0 && attrShort <= lit-8
	}
	if attrShort > 0 && roundUp8(attrShort) <= lit-minDataRoom {
		return lit - max(roundUp8(attrShort), minAttrRoom), true
	}
	return lit - minAttrRoom, false
}

func roundUp8(n int) int { return (n + 7) &^ 7 }

// Core is what the fixed part of an inode says, for Put.
type Core struct {
	Ino         format.Ino
	Mode        uint16
	UID, GID    uint32
	NLink       uint32
	Sec         int64 // of all four times
	Nsec        uint32
	Size        uint64 // bytes
	Blocks      uint64 // of both forks, their tree blocks included
	Gen         uint32
	Flags       format.DiFlag
	Flags2      format.DiFlag2 // beyond those that the volume's features give every inode
	Format      format.ForkFormat
	AttrFormat  format.ForkFormat // 0 when there is no attribute fork
	Room        int               // bytes of the data fork
	Extents     uint64
	AttrExtents uint32
	ChangeCount uint64
}

// Put encodes the fixed part into b, a zeroed inode whose forks are filled in before or after;
// Seal must follow.
func Put(g *format.Geometry, b []byte, c *Core) {
	format.DiMagic.Put(b, format.DinodeMagic)
	format.DiMode.Put(b, c.Mode)
	format.DiVersion.Put(b, format.DinodeVersion)
	format.DiFormat.Put(b, c.Format)
	format.DiUID.Put(b, c.UID)
	format.DiGID.Put(b, c.GID)
	format.DiNLink.Put(b, c.NLink)
	t := format.EncodeTime(c.Sec, c.Nsec, g.HasBigtime())
	format.DiATime.Put(b, t)
	format.DiMTime.Put(b, t)
	format.DiCTime.Put(b, t)
	format.DiCRTime.Put(b, t)
	format.DiSize.Put(b, c.Size)
	format.DiNBlocks.Put(b, c.Blocks)
	format.DiFlags.Put(b, c.Flags)
	format.DiFlags2.Put(b, c.Flags2|newFlags2(g))
	format.PutNExtents(b, c.Extents, c.AttrExtents)
	format.DiAFormat.Put(b, format.FmtExtents)
	if c.AttrFormat != 0 {
		format.DiAFormat.Put(b, c.AttrFormat)
		format.DiForkOff.Put(b, uint8(c.Room/8))
	}
	format.DiGen.Put(b, c.Gen)
	format.DiChangeCount.Put(b, c.ChangeCount)
	putIdentity(g, b, c.Ino)
}

// newFlags2 are the flags that the volume's features give every inode.
func newFlags2(g *format.Geometry) (f format.DiFlag2) {
	if g.HasBigtime() {
		f |= format.Flag2Bigtime
	}
	if g.HasNrext64() {
		f |= format.Flag2Nrext64
	}
	return f
}

// PutFree encodes a free inode into b, which must be zeroed.
func PutFree(g *format.Geometry, b []byte, ino format.Ino) {
	format.DiMagic.Put(b, format.DinodeMagic)
	format.DiVersion.Put(b, format.DinodeVersion)
	putIdentity(g, b, ino)
	Seal(b)
}

func putIdentity(g *format.Geometry, b []byte, ino format.Ino) {
	format.DiNextUnlinked.Put(b, format.NullAGIno)
	format.DiIno.Put(b, ino)
	format.DiUUID.Put(b, g.MetaUUID)
}

// Seal sets the checksum of a finished inode.
func Seal(b []byte) { format.SetChecksum(b, format.DiCRC) }

// PutExtents encodes mappings of a fork in extents format.
func PutExtents(fork []byte, maps []format.Mapping) {
	for i, m := range maps {
		m.Pack(fork[i*format.BmbtRec.Size:])
	}
}
