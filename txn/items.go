package txn

import (
	"encoding/binary"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// Item is one item of a checkpoint: its regions, the first of which says what it is.
type Item struct{ Regions [][]byte }

// items builds the log items of a checkpoint. Regions point into buffers, which must not change
// until they are written.
func (s *Store) items(c *checkpoint) []Item {
	out := make([]Item, 0, len(c.bufs)+len(c.chunks)+len(c.cancels))
	for _, k := range c.chunks {
		out = append(out, s.chunkItem(k))
	}
	for _, b := range c.bufs {
		switch {
		case b == nil || b.dirty.count() == 0: // given up; or free in a new chunk
		case b.Type == format.TypeInode:
			out = append(out, s.inodeItem(b))
		default:
			out = append(out, bufItem(b))
		}
	}
	offs := make([]int64, 0, len(c.cancels))
	for off := range c.cancels {
		offs = append(offs, off)
	}
	slices.Sort(offs)
	for _, off := range offs {
		out = append(out, cancelItem(off, c.cancels[off]))
	}
	return out
}

// logTypes are the buffer types of the log.
var logTypes = map[*format.BlockType]format.LogBufType{
	format.TypeSuperblock: format.LogBufTypeSuperblock,
	format.TypeAGF:        format.LogBufTypeAGF, format.TypeAGI: format.LogBufTypeAGI, format.TypeAGFL: format.LogBufTypeAGFL,
	format.TypeBnobt: format.LogBufTypeBtree, format.TypeCntbt: format.LogBufTypeBtree,
	format.TypeInobt: format.LogBufTypeBtree, format.TypeFinobt: format.LogBufTypeBtree,
	format.TypeRmapbt: format.LogBufTypeBtree, format.TypeRefcount: format.LogBufTypeBtree, format.TypeBmbt: format.LogBufTypeBtree,
	format.TypeDirBlock: format.LogBufTypeDirBlock, format.TypeDirData: format.LogBufTypeDirData,
	format.TypeDirFree: format.LogBufTypeDirFree, format.TypeDirLeaf1: format.LogBufTypeDirLeaf1,
	format.TypeDirLeafN: format.LogBufTypeDirLeafN, format.TypeDirNode: format.LogBufTypeDaNode,
	format.TypeAttrNode: format.LogBufTypeDaNode, format.TypeAttrLeaf: format.LogBufTypeAttrLeaf,
	format.TypeAttrRmt: format.LogBufTypeAttrRmt, format.TypeSymlink: format.LogBufTypeSymlink,
}

// bufItem describes the changed chunks of a buffer, a region for each run of them.
func bufItem(b *Buf) Item {
	chunks := len(b.Data) / format.LogBufChunk
	words := (chunks + 31) / 32
	head := bufHead(b.Off, int64(len(b.Data)), words)
	format.LogBufFlags.Put(head, format.LogBufFlag(0).WithType(logTypes[b.Type]))
	it := Item{Regions: [][]byte{head}}
	for i := 0; i < chunks; {
		if !b.dirty.has(i) {
			i++
			continue
		}
		j := i
		for ; j < chunks && b.dirty.has(j); j++ {
			w := head[format.LogBuf.Size+4*(j/32):]
			binary.LittleEndian.PutUint32(w, binary.LittleEndian.Uint32(w)|1<<(j%32))
		}
		it.Regions = append(it.Regions, b.Data[i*format.LogBufChunk:j*format.LogBufChunk])
		i = j
	}
	return it.seal(format.LogItemBuf)
}

// cancelItem says that older items for a range no longer count.
func cancelItem(off, n int64) Item {
	head := bufHead(off, n, 1)
	format.LogBufFlags.Put(head, format.LogBufCancel)
	return Item{Regions: [][]byte{head}}.seal(format.LogItemBuf)
}

func bufHead(off, n int64, words int) []byte {
	head := make([]byte, format.LogBuf.Size+4*words)
	format.LogBufLen.Put(head, uint16(n>>format.BasicBlockLog))
	format.LogBufBlkno.Put(head, format.Daddr(off>>format.BasicBlockLog))
	format.LogBufMapSize.Put(head, uint32(words))
	return head
}

// seal fills in what all items start with.
func (it Item) seal(t format.LogItemType) Item {
	format.LogItemKind.Put(it.Regions[0], t)
	format.LogItemRegions.Put(it.Regions[0], uint16(len(it.Regions)))
	return it
}

func (s *Store) chunkItem(k *Chunk) Item {
	b := make([]byte, format.LogICreate.Size)
	format.LogICreateAG.Put(b, k.AG)
	format.LogICreateAGBno.Put(b, k.Start)
	format.LogICreateCount.Put(b, k.Inodes)
	format.LogICreateISize.Put(b, uint32(s.Geo.InodeSize))
	format.LogICreateLength.Put(b, k.Blocks)
	format.LogICreateGen.Put(b, k.Gen)
	return Item{Regions: [][]byte{b}}.seal(format.LogItemICreate)
}

// inodeItem describes an inode: its fixed part, and its forks where they changed.
func (s *Store) inodeItem(b *Buf) Item {
	head := make([]byte, format.LogInode.Size)
	it := Item{Regions: [][]byte{head, logCore(b.Data)}}
	fields := format.LogInodeCore
	data, attr := format.Forks(b.Data)
	nData, nAttr := format.NExtents(b.Data)

	switch format.DiFormat.Get(b.Data) {
	case format.FmtDev:
		fields |= format.LogInodeDev
		binary.LittleEndian.PutUint32(head[format.LogInodeRdev:], binary.BigEndian.Uint32(data))
	case format.FmtLocal:
		n := min((int(format.DiSize.Get(b.Data))+3)&^3, len(data))
		fields |= it.fork(format.LogInodeDData, data[:n], head, format.LogInodeDSize)
	case format.FmtExtents:
		fields |= it.fork(format.LogInodeDExt, data[:int(nData)*format.BmbtRec.Size], head, format.LogInodeDSize)
	case format.FmtBtree:
		fields |= it.fork(format.LogInodeDRoot, s.logRoot(b, data), head, format.LogInodeDSize)
	}
	if len(attr) > 0 {
		switch format.DiAFormat.Get(b.Data) {
		case format.FmtLocal:
			n := min((int(format.AttrSFTotSize.Get(attr))+3)&^3, len(attr))
			fields |= it.fork(format.LogInodeAData, attr[:n], head, format.LogInodeASize)
		case format.FmtExtents:
			fields |= it.fork(format.LogInodeAExt, attr[:int(nAttr)*format.BmbtRec.Size], head, format.LogInodeASize)
		case format.FmtBtree:
			fields |= it.fork(format.LogInodeARoot, s.logRoot(b, attr), head, format.LogInodeASize)
		}
	}
	format.LogInodeFields.Put(head, fields)
	format.LogInodeIno.Put(head, format.DiIno.Get(b.Data))
	off, n := s.Geo.Cluster(format.DiIno.Get(b.Data))
	format.LogInodeBlkno.Put(head, format.Daddr(off>>format.BasicBlockLog))
	format.LogInodeLen.Put(head, uint32(n>>format.BasicBlockLog))
	format.LogInodeBOffset.Put(head, uint32(b.Off-off))
	return it.seal(format.LogItemInode)
}

// fork adds a fork's region and returns the bit that says so; an empty fork has none.
func (it *Item) fork(field format.LogInodeField, b []byte, head []byte, size format.LE16[uint16]) format.LogInodeField {
	if len(b) == 0 {
		return 0
	}
	size.Put(head, uint16(len(b)))
	it.Regions = append(it.Regions, b)
	return field
}

// logCore is the fixed part of an inode in the log's byte order.
func logCore(inode []byte) []byte {
	b := make([]byte, format.LogDinode.Size)
	format.ToLogDinode(b, inode)
	return b
}

// logRoot is the root of a fork's tree as the log has it: a block without a place.
func (s *Store) logRoot(b *Buf, fork []byte) []byte {
	root := btree.Bmbt.RootOf(fork)
	n := root.Len()
	out := make([]byte, format.LongBlock.Size+n*(btree.Bmbt.KeySize+btree.Bmbt.PtrSize()))
	format.LongMagic.Put(out, format.BmbtMagic)
	format.LongLevel.Put(out, format.RootLevel.Get(fork))
	format.LongNumRecs.Put(out, uint16(n))
	format.LongLeftSib.Put(out, format.NullFSBlock)
	format.LongRightSib.Put(out, format.NullFSBlock)
	format.LongBno.Put(out, format.NullPlace.Daddr)
	format.LongUUID.Put(out, s.Geo.MetaUUID)
	format.LongOwner.Put(out, format.DiIno.Get(b.Data))
	for i := range n {
		copy(out[format.LongBlock.Size+i*8:], root.Key(i))
		binary.BigEndian.PutUint64(out[format.LongBlock.Size+n*8+i*8:], root.Ptr(i))
	}
	return out
}
