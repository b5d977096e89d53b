package forktest

import (
	"fmt"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Image is a volume of one group without any metadata but the inode that a test asks for.
type Image struct {
	Geo *format.Geometry
	Dev *device.Memory

	next format.AGBlock // the first block that is not given away
}

// Ino is the number of the inode.
const Ino format.Ino = 128

// New makes an image with blocks of 1<<blockLog bytes and directory blocks of 1<<dirLog.
func New(blockLog, dirLog uint) *Image {
	const size = 256 << 20
	g := &format.Geometry{
		BlockSize: 1 << blockLog, BlockLog: blockLog, SectSize: 512, SectLog: 9, InodeSize: 512, InodeLog: 9,
		DirBlockSize: 1 << dirLog, DirBlkLog: dirLog - blockLog, InoPBLog: blockLog - 9,
		AGBlocks: size >> blockLog, AGBlkLog: 28 - blockLog, AGCount: 1, DBlocks: size >> blockLog,
		Incompat: format.InFType | format.InBigtime | format.InNrext64 | format.InParent, MetaUUID: format.UUID{1, 2, 3},
	}
	return &Image{Geo: g, Dev: device.NewMemory(size), next: g.InoBlock(format.AGIno(Ino)) + 1}
}

// Range is a run of blocks of a fork.
type Range struct {
	Off   format.FileOff
	Count int // filesystem blocks
}

// Fork is a fork whose blocks lie in the image.
type Fork struct {
	image *Image
	maps  []format.Mapping
}

// Alloc gives blocks to a fork.
func (m *Image) Alloc(ranges ...Range) *Fork {
	f := &Fork{image: m}
	for _, r := range ranges {
		f.maps = append(f.maps, format.Mapping{Off: r.Off, Start: format.FSBlock(m.next), Count: uint32(r.Count)})
		m.next += format.AGBlock(r.Count)
	}
	return f
}

// Daddr is the disk address of a block of the fork. It panics where there is a hole.
func (f *Fork) Daddr(off format.FileOff) format.Daddr {
	for _, m := range f.maps {
		if m.Off <= off && off < m.End() {
			return f.image.Geo.ToDaddr(m.Start + format.FSBlock(off-m.Off))
		}
	}
	panic(fmt.Sprintf("offset %d is a hole", off))
}

// Write fills blocks of the fork, which must be one run, from a file offset on.
func (f *Fork) Write(off format.FileOff, b []byte) error {
	_, err := f.image.Dev.WriteAt(b, int64(f.Daddr(off))<<format.BasicBlockLog)
	return err
}

// Inode writes an inode with forks in extents format and reads it back. A nil fork has none.
func (m *Image) Inode(t testing.TB, mode uint16, size uint64, data, attr *Fork) *inode.Inode {
	t.Helper()
	g := m.Geo
	b := make([]byte, g.InodeSize)
	c := inode.Core{Ino: Ino, Mode: mode, NLink: 2, Size: size, Blocks: uint64(m.next), Format: format.FmtExtents}
	c.Room = g.LiteralSize()
	if data != nil {
		c.Extents = uint64(len(data.maps))
		inode.PutExtents(b[format.Dinode.Size:], data.maps)
	}
	if attr != nil {
		c.Room = 160
		c.AttrFormat, c.AttrExtents = format.FmtExtents, uint32(len(attr.maps))
		inode.PutExtents(b[format.Dinode.Size+c.Room:], attr.maps)
	}
	inode.Put(g, b, &c)
	inode.Seal(b)
	if _, err := m.Dev.WriteAt(b, g.InoOffset(Ino)); err != nil {
		t.Fatal(err)
	}
	i, err := inode.Source{Geo: g, Dev: m.Dev}.Read(Ino)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// Stamp makes a block of the fork, as a fuzzer has made it up, look as if it was at home there:
// where it has the magic number of a type, it gets that type's own address, owner, UUID and
// checksum.
func (f *Fork) Stamp(off format.FileOff, b []byte) {
	kind := format.Detect(f.image.Geo, b)
	if kind == nil || kind.Bno == format.NoField || kind.OwnerIno == format.NoField || kind.UUID == format.NoField {
		return
	}
	kind.Bno.Put(b, f.Daddr(off))
	kind.OwnerIno.Put(b, Ino)
	kind.UUID.Put(b, f.image.Geo.MetaUUID)
	if n := kind.Len(f.image.Geo, b); n <= len(b) {
		kind.SetChecksum(b[:n])
	}
}
