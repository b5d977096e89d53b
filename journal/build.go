package journal

import (
	"encoding/binary"
	"math/bits"

	"github.com/cowfs/cowfs/format"
)

// DirtyMap says which chunks, of format.LogBufChunk bytes, of a buffer have changed. The zero
// value says that none has.
type DirtyMap [maxBuffer / format.LogBufChunk / 32]uint32

// Mark adds the chunks that n bytes from byte off of the buffer lie in.
func (d *DirtyMap) Mark(off, n int) {
	if n <= 0 {
		return
	}
	for c := off / format.LogBufChunk; c <= (off+n-1)/format.LogBufChunk; c++ {
		d[c/32] |= 1 << (c % 32)
	}
}

// Empty reports whether nothing has changed.
func (d *DirtyMap) Empty() bool { return *d == DirtyMap{} }

// Chunks is the number of chunks that have changed.
func (d *DirtyMap) Chunks() int {
	n := 0
	for _, w := range d {
		n += bits.OnesCount32(w)
	}
	return n
}

// newItem makes an item whose first region has size bytes, with its type and number of regions.
func newItem(t format.LogItemType, size int, more ...[]byte) Item {
	head := make([]byte, size)
	format.LogItemKind.Put(head, t)
	format.LogItemRegions.Put(head, uint16(1+len(more)))
	return Item{Regions: append([][]byte{head}, more...)}
}

// BufferItem makes the item for a change of the buffer at an address: a whole number of 512
// bytes, up to 64 KiB. Of data, all of the buffer, the item has the chunks that are dirty, as
// views. flags has the type of the contents, and format.LogBufInode where just the unlinked
// pointers of inodes have changed. Recovery makes LSN and checksum anew, except in inodes and quota
// records that an item without LogBufInode holds: those are replayed as they are.
func BufferItem(at format.Daddr, data []byte, dirty *DirtyMap, flags format.LogBufFlag) Item {
	chunks := (len(data) + format.LogBufChunk - 1) / format.LogBufChunk
	words := (chunks + 31) / 32
	item := newItem(format.LogItemBuf, format.LogBuf.Size+4*words)
	head := item.Regions[0]
	putBuffer(head, at, len(data), flags)
	format.LogBufMapSize.Put(head, uint32(words))
	bitmap := head[format.LogBuf.Size:]
	for i, w := range dirty[:words] {
		binary.LittleEndian.PutUint32(bitmap[4*i:], w)
	}
	for c := nextChunk(bitmap, 0, true); c >= 0; {
		end := nextChunk(bitmap, c, false)
		if end < 0 {
			end = chunks
		}
		item.Regions = append(item.Regions, data[c*format.LogBufChunk:end*format.LogBufChunk])
		c = nextChunk(bitmap, end, true)
	}
	format.LogItemRegions.Put(head, uint16(len(item.Regions)))
	return item
}

// CancelItem makes the item that says that the n bytes at an address were freed: older items for
// just this buffer are not to be replayed. flags are those of the buffer's other items.
func CancelItem(at format.Daddr, n int, flags format.LogBufFlag) Item {
	words := (n + 32*format.LogBufChunk - 1) / (32 * format.LogBufChunk)
	item := newItem(format.LogItemBuf, format.LogBuf.Size+4*words)
	putBuffer(item.Regions[0], at, n, flags|format.LogBufCancel)
	format.LogBufMapSize.Put(item.Regions[0], uint32(words))
	return item
}

func putBuffer(head []byte, at format.Daddr, n int, flags format.LogBufFlag) {
	format.LogBufFlags.Put(head, flags)
	format.LogBufLen.Put(head, uint16(n>>format.BasicBlockLog))
	format.LogBufBlkno.Put(head, at)
}

// ChunkItem makes the item for a new chunk of inodes, or a part of one, of a length in blocks:
// recovery makes all inodes in it free ones with a generation number.
func ChunkItem(g *format.Geometry, ag format.AGNumber, at format.AGBlock, length, gen uint32) Item {
	item := newItem(format.LogItemICreate, format.LogICreate.Size)
	b := item.Regions[0]
	format.LogICreateAG.Put(b, ag)
	format.LogICreateAGBno.Put(b, at)
	format.LogICreateCount.Put(b, length<<g.InoPBLog)
	format.LogICreateISize.Put(b, uint32(g.InodeSize))
	format.LogICreateLength.Put(b, length)
	format.LogICreateGen.Put(b, gen)
	return item
}

// Cluster returns the buffer that an inode lies in as far as the log is concerned: its items,
// items for unlinked pointers and the cancelling of freed chunks must agree on address and
// length in bytes.
func Cluster(g *format.Geometry, ino format.Ino) (at format.Daddr, n int) {
	ag, i := g.SplitIno(ino)
	block, blocks := g.InoBlock(i), format.AGBlock(clusterBlocks(g))
	if within := block % max(1, format.AGBlock(g.InoAlign)); blocks > 1 {
		block -= within % blocks
	}
	return g.AGToDaddr(ag, block), int(blocks) << g.BlockLog
}

// clusterBlocks is the number of blocks of an inode's buffer.
func clusterBlocks(g *format.Geometry) uint32 {
	return uint32(max(1, (clusterBytes*g.InodeSize/clusterInode)>>g.BlockLog))
}

// Parts of an inode for InodeItem.
const (
	CoreOnly     format.LogInodeField = format.LogInodeCore
	CoreAndData                       = format.LogInodeCore | dataForkFields | format.LogInodeDev
	CoreAndAttr                       = format.LogInodeCore | attrForkFields
	CoreAndForks                      = CoreAndData | CoreAndAttr
)

// InodeItem makes the item for a change of an inode: its fixed part but for the pointer to the
// next unlinked inode, and of the forks what parts says, in the formats that they have. inode is
// the whole inode as it is going to be on the disk, which the item does not refer to.
func InodeItem(g *format.Geometry, inode []byte, parts format.LogInodeField) Item {
	ino := format.DiIno.Get(inode)
	core := make([]byte, format.LogDinode.Size)
	copyLogDinode(core, inode)
	format.LE32[format.AGIno](format.DiNextUnlinked).Put(core, format.NullAGIno)
	item := newItem(format.LogItemInode, format.LogInode.Size, core)
	head := item.Regions[0]

	data, attr := format.Forks(inode)
	fields := format.LogInodeCore
	if parts&(dataForkFields|format.LogInodeDev) != 0 {
		local := int(format.DiSize.Get(inode))
		f, region := forkRegion(ino, data, format.DiFormat.Get(inode), local, dataExtents(inode), format.LogInodeDData)
		if f == format.LogInodeDev {
			format.LogInodeRdev.Put(head, format.DevNumber.Get(data))
		}
		fields |= f
		format.LogInodeDSize.Put(head, uint16(len(region)))
		item.add(region)
	}
	if parts&attrForkFields != 0 && len(attr) > 0 {
		_, n := format.NExtents(inode)
		local := int(format.AttrSFTotSize.Get(attr))
		f, region := forkRegion(ino, attr, format.DiAFormat.Get(inode), local, uint64(n), format.LogInodeAData)
		fields |= f
		format.LogInodeASize.Put(head, uint16(len(region)))
		item.add(region)
	}
	format.LogInodeFields.Put(head, fields)
	format.LogInodeIno.Put(head, ino)
	at, n := Cluster(g, ino)
	format.LogInodeBlkno.Put(head, at)
	format.LogInodeLen.Put(head, uint32(n>>format.BasicBlockLog))
	format.LogInodeBOffset.Put(head, uint32(g.InoOffset(ino)-offset(at)))
	return item
}

func dataExtents(inode []byte) uint64 {
	n, _ := format.NExtents(inode)
	return n
}

// add appends a region that is not empty.
func (i *Item) add(region []byte) {
	if len(region) > 0 {
		i.Regions = append(i.Regions, region)
		format.LogItemRegions.Put(i.Regions[0], uint16(len(i.Regions)))
	}
}

// forkRegion returns what the log has of a fork, and the field that says so. first is the field
// of a local fork; those of the two other formats come behind it.
func forkRegion(ino format.Ino, fork []byte, kind format.ForkFormat, local int, extents uint64, first format.LogInodeField) (format.LogInodeField, []byte) {
	var region []byte
	switch kind {
	case format.FmtDev:
		return format.LogInodeDev, nil
	case format.FmtLocal:
		region = append(region, fork[:min(local, len(fork))]...)
	case format.FmtExtents:
		n := min(extents, uint64(len(fork)/format.BmbtRec.Size))
		region, first = append(region, fork[:n*uint64(format.BmbtRec.Size)]...), first<<1
	case format.FmtBtree:
		region, first = rootRegion(ino, fork), first<<2
	}
	if len(region) == 0 {
		return 0, nil
	}
	return first, region
}

// rootRegion is the inverse of copyRoot.
func rootRegion(ino format.Ino, fork []byte) []byte {
	n, room := int(format.RootNumRecs.Get(fork)), format.RootMaxRecs(len(fork))
	n = min(n, room)
	keys, ptrs := n*format.BmbtKey.Size, n*format.LongPtr.Size
	b := make([]byte, format.LongBlock.Size+keys+ptrs)
	format.LongMagic.Put(b, format.BmbtMagic)
	format.LongLevel.Put(b, format.RootLevel.Get(fork))
	format.LongNumRecs.Put(b, uint16(n))
	format.LongLeftSib.Put(b, format.NullFSBlock)
	format.LongRightSib.Put(b, format.NullFSBlock)
	format.LongOwner.Put(b, ino)
	copy(b[format.LongBlock.Size:][:keys], fork[format.RootBlock.Size:])
	copy(b[format.LongBlock.Size+keys:], fork[format.RootBlock.Size+room*format.BmbtKey.Size:][:ptrs])
	return b
}
