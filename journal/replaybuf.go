package journal

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// bufferItem is a buffer item taken apart.
type bufferItem struct {
	key    bufKey
	flags  format.LogBufFlag
	chunks []chunk
}

// chunk is a run of the buffer that the item holds, a whole number of format.LogBufChunk bytes.
type chunk struct {
	off  int // bytes from the start of the buffer
	data []byte
}

func (b *bufferItem) size() int { return b.key.n << format.BasicBlockLog }

// parseBuffer takes a buffer item apart and checks that it agrees with itself.
func parseBuffer(item Item) (*bufferItem, error) {
	head, err := item.fixed(format.LogBuf.Size)
	if err != nil {
		return nil, err
	}
	b := &bufferItem{
		key:   bufKey{format.LogBufBlkno.Get(head), int(format.LogBufLen.Get(head))},
		flags: format.LogBufFlags.Get(head),
	}
	words, room := format.LogBufMapSize.Get(head), len(head)-format.LogBuf.Size
	if int64(words)*4 > int64(room) {
		return nil, format.Corrupt("log item", "map_size", words, fmt.Sprintf("%d at most", room/4))
	}
	if b.flags&format.LogBufCancel != 0 {
		return b, nil // what a freed buffer held does not matter
	}
	if n := b.size(); n == 0 || n > maxBuffer {
		return nil, format.Corrupt("log item", "len", bytesOf(n), fmt.Sprintf("1 to %d bytes", maxBuffer))
	}
	return b, b.fill(head[format.LogBuf.Size:][:words*4], item.Regions[1:])
}

// fill finds the place of each region. A run of chunks in the map is one region, or several.
func (b *bufferItem) fill(bitmap []byte, regions [][]byte) error {
	last := 0
	for at := nextChunk(bitmap, 0, true); at >= 0; {
		end := nextChunk(bitmap, at, false)
		if end < 0 {
			end = len(bitmap) * 8
		}
		off, size := at*format.LogBufChunk, (end-at)*format.LogBufChunk
		if off+size > b.size() {
			return format.Corrupt("log item", "data_map", fmt.Sprintf("chunk %d", end-1), bytesOf(b.size())+" in all")
		}
		if last == len(regions) {
			return format.Corrupt("log item", "size", len(regions)+1, "a region for each run of the map")
		}
		data := regions[last]
		if len(data) < format.LogBufChunk {
			return format.Corrupt("log item", "", bytesOf(len(data)), "chunks of 128 bytes")
		}
		size = min(size, len(data)&^(format.LogBufChunk-1))
		b.chunks = append(b.chunks, chunk{off, data[:size]})
		last++
		at = nextChunk(bitmap, at+size/format.LogBufChunk, true)
	}
	return nil
}

// nextChunk is the first bit from at on that is set, or not, in a map of little-endian words.
// It is -1 when there is none.
func nextChunk(bitmap []byte, at int, set bool) int {
	for ; at < len(bitmap)*8; at = (at + 32) &^ 31 {
		w := binary.LittleEndian.Uint32(bitmap[at/32*4:])
		if !set {
			w = ^w
		}
		if w >>= at % 32; w != 0 {
			return at + bits.TrailingZeros32(w)
		}
	}
	return -1
}

// bufTypes says what kinds of blocks the types of buffers can hold. Types that are missing have
// no checksums.
var bufTypes = map[format.LogBufType][]*format.BlockType{
	format.LogBufTypeBtree: {
		format.TypeBnobt, format.TypeCntbt, format.TypeInobt, format.TypeFinobt, format.TypeRmapbt,
		format.TypeRefcount, format.TypeBmbt,
	},
	format.LogBufTypeAGF:        {format.TypeAGF},
	format.LogBufTypeAGFL:       {format.TypeAGFL},
	format.LogBufTypeAGI:        {format.TypeAGI},
	format.LogBufTypeSymlink:    {format.TypeSymlink},
	format.LogBufTypeDirBlock:   {format.TypeDirBlock},
	format.LogBufTypeDirData:    {format.TypeDirData},
	format.LogBufTypeDirFree:    {format.TypeDirFree},
	format.LogBufTypeDirLeaf1:   {format.TypeDirLeaf1},
	format.LogBufTypeDirLeafN:   {format.TypeDirLeafN},
	format.LogBufTypeDaNode:     {format.TypeDirNode, format.TypeAttrNode},
	format.LogBufTypeAttrLeaf:   {format.TypeAttrLeaf},
	format.LogBufTypeAttrRmt:    {format.TypeAttrRmt},
	format.LogBufTypeSuperblock: {format.TypeSuperblock},
}

// buffer replays a buffer item.
func (r *replayer) buffer(item Item) error {
	b, err := parseBuffer(item)
	if err != nil {
		return err
	}
	if b.flags&format.LogBufCancel != 0 {
		r.cancels.pass(b.key)
		return nil
	}
	if r.cancels.has(b.key) || r.noQuota&quotaOf(b.flags) != 0 {
		r.res.Cancelled++
		return nil
	}
	off := offset(b.key.at)
	data, err := r.read(off, b.size())
	if err != nil {
		return err
	}
	if b.flags&format.LogBufInode != 0 {
		r.res.Replayed++
		return r.unlinkedPointers(b, off, data)
	}
	if r.newer(off, data, r.lsn) {
		r.res.Newer++
		return nil
	}
	r.res.Replayed++
	for _, c := range b.chunks {
		copy(data[c.off:], c.data)
	}
	switch b.flags.Type() {
	case format.LogBufTypeDinode:
		return r.objects(b, off, data, format.TypeInode, r.g.InodeSize)
	case format.LogBufTypeUDquot, format.LogBufTypePDquot, format.LogBufTypeGDquot:
		return r.objects(b, off, data, format.TypeDquot, format.Dquot.Size)
	}
	return r.block(b, off, data)
}

func quotaOf(f format.LogBufFlag) format.DquotType {
	var t format.DquotType
	if f&format.LogBufUDquot != 0 {
		t |= format.DquotUser
	}
	if f&format.LogBufPDquot != 0 {
		t |= format.DquotProject
	}
	if f&format.LogBufGDquot != 0 {
		t |= format.DquotGroup
	}
	return t
}

// block writes a buffer that is one block, stamped with the transaction's LSN.
func (r *replayer) block(b *bufferItem, off int64, data []byte) error {
	may := bufTypes[b.flags.Type()]
	if may == nil {
		return r.write(off, data, nil)
	}
	if len(data) < may[0].Len(r.g, data) && may[0].Len(r.g, data) == r.g.DirBlockSize {
		return r.dirPiece(off, data, may)
	}
	t := r.detect(data)
	if !slices.Contains(may, t) {
		return format.Corrupt(may[0].Name, "magic", fmt.Sprintf("%x", data[:12]), "the magic number").At(r.place(off))
	}
	if t != format.TypeAttrRmt {
		t.LSN.Put(data, r.lsn)
	}
	delete(r.pieces, off) // what it was before
	if err := r.write(off, data, t); err != nil {
		return err
	}
	if t == format.TypeSuperblock && off == 0 {
		return r.regrow(data)
	}
	return nil
}

// detect is format.Detect for a block whose checksum has not been computed: of the two kinds of
// nodes it finds the one that is as long as the block.
func (r *replayer) detect(b []byte) *format.BlockType {
	t := format.Detect(r.g, b)
	if t == format.TypeAttrNode && len(b) != r.g.BlockSize && len(b) == r.g.DirBlockSize {
		return format.TypeDirNode
	}
	return t
}

// regrow takes note of a new geometry: the volume may have been grown.
func (r *replayer) regrow(sb []byte) error {
	format.TypeSuperblock.SetChecksum(sb)
	g, err := format.GeometryOf(sb)
	if err != nil {
		return err
	}
	if g.LogStart != r.g.LogStart || g.LogBlocks != r.g.LogBlocks || g.BlockSize != r.g.BlockSize || g.AGBlocks != r.g.AGBlocks {
		return format.Corrupt("superblock", "logstart", g.LogStart, "the log and the blocks to stay as they are")
	}
	r.g = g
	return nil
}

// objects writes those of a buffer's objects, inodes or quota records with a checksum each, that
// the item changes.
func (r *replayer) objects(b *bufferItem, off int64, data []byte, t *format.BlockType, size int) error {
	block := r.g.BlockSize
	for first := 0; first < len(data); first += block {
		for at := first; at+size <= min(first+block, len(data)); at += size {
			if !b.changes(at, size) {
				continue
			}
			if err := r.write(off+int64(at), data[at:at+size], t); err != nil {
				return err
			}
		}
	}
	return nil
}

// changes reports whether the item has any of n bytes of its buffer.
func (b *bufferItem) changes(at, n int) bool {
	return slices.ContainsFunc(b.chunks, func(c chunk) bool { return at < c.off+len(c.data) && c.off < at+n })
}

// unlinkedPointers replays an item for a buffer of inodes: of all that it has, just their
// pointers to the next unlinked inode. The rest of an inode has items of its own.
func (r *replayer) unlinkedPointers(b *bufferItem, off int64, data []byte) error {
	size, field := r.g.InodeSize, int(format.DiNextUnlinked)
	for at := 0; at+size <= len(data); at += size {
		i := slices.IndexFunc(b.chunks, func(c chunk) bool { return at+field >= c.off && at+field+4 <= c.off+len(c.data) })
		if i < 0 {
			continue
		}
		next := format.U32[format.AGIno](0).Get(b.chunks[i].data[at+field-b.chunks[i].off:])
		if next == 0 {
			return format.Corrupt("inode", "next_unlinked", next, "an inode or null").At(r.place(off + int64(at)))
		}
		inode := data[at : at+size]
		err := r.amend(off+int64(at), inode, format.TypeInode, func() { format.DiNextUnlinked.Put(inode, next) })
		if err != nil {
			return err
		}
	}
	return nil
}
