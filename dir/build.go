package dir

import (
	"slices"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
)

// Builder writes a directory in block, leaf or node form, in one pass over its entries. Its
// memory is one block and 8 bytes an entry.
type Builder struct {
	Geo    *format.Geometry
	Ino    format.Ino
	Parent format.Ino
	Shape  Shape
	// Daddr is the disk address of the directory block at a file offset in filesystem blocks.
	Daddr func(format.FileOff) format.Daddr
	// Write takes a finished directory block; b is valid during the call only.
	Write func(off format.FileOff, b []byte) error

	buf   []byte
	fill  int
	data  int      // number of the current data block
	index []uint64 // hash<<32 | address
	bests []uint16
}

// Start begins the directory with "." and "..". n is the number of entries to come.
func (b *Builder) Start(n int) {
	b.buf = make([]byte, b.Geo.DirBlockSize)
	b.index = make([]uint64, 0, n+2)
	b.bests = make([]uint16, 0, b.Shape.Data)
	b.data = 0
	b.begin()
	b.put(".", b.Ino, format.FTDir)
	b.put("..", b.Parent, format.FTDir)
}

// Add appends an entry.
func (b *Builder) Add(name string, ino format.Ino, t format.FType) error {
	if b.fill+format.DirEntrySize(len(name)) > len(b.buf) {
		if err := b.endData(len(b.buf)); err != nil {
			return err
		}
		b.data++
		b.begin()
	}
	b.put(name, ino, t)
	return nil
}

// Finish writes what is left: the last data block, the index, the free space index.
func (b *Builder) Finish() error {
	slices.Sort(b.index)
	if b.Shape.Form == Block {
		return b.endBlock()
	}
	if err := b.endData(len(b.buf)); err != nil {
		return err
	}
	if b.Shape.Form == Leaf {
		return b.writeLeaf()
	}
	if err := b.writeIndex(); err != nil {
		return err
	}
	return b.writeFree()
}

func (b *Builder) off(i int) format.FileOff {
	return format.FileOff(i) << b.Geo.DirBlkLog
}

func (b *Builder) begin() {
	clear(b.buf)
	b.fill = format.DirData.Size
}

func (b *Builder) put(name string, ino format.Ino, t format.FType) {
	e := b.buf[b.fill:]
	size := format.DirEntrySize(len(name))
	format.DirEntryIno.Put(e, ino)
	format.DirEntryNameLen.Put(e, uint8(len(name)))
	copy(e[format.DirEntry.Size:], name)
	e[format.DirEntry.Size+len(name)] = byte(t)
	tag := format.U16[uint16](size - 2)
	tag.Put(e, uint16(b.fill))

	addr := (uint64(b.data)*uint64(len(b.buf)) + uint64(b.fill)) / format.DirAlign
	b.index = append(b.index, uint64(format.DirHash(b.Geo, name))<<32|addr)
	b.fill += size
}

// endData makes the bytes from the last entry to end one free range, and writes the block.
func (b *Builder) endData(end int) error {
	b.bests = append(b.bests, uint16(end-b.fill))
	b.putUnused(end)
	return b.emit(format.TypeDirData, b.off(b.data))
}

func (b *Builder) putUnused(end int) {
	if n := end - b.fill; n > 0 {
		u := b.buf[b.fill:end]
		format.DirUnusedTag.Put(u, format.DirFreeTag)
		format.DirUnusedLen.Put(u, uint16(n))
		tag := format.U16[uint16](n - 2)
		tag.Put(u, uint16(b.fill))
		off, length := format.DirBest(0)
		off.Put(b.buf, uint16(b.fill))
		length.Put(b.buf, uint16(n))
	}
}

// emit completes the block in the buffer and writes it.
func (b *Builder) emit(t *format.BlockType, off format.FileOff) error {
	t.Stamp(b.Geo, b.buf, format.BlockOf(b.Ino, b.Daddr(off)))
	t.SetChecksum(b.buf)
	return b.Write(off, b.buf)
}

// endBlock writes the one block of block form, with index and tail at its end.
func (b *Builder) endBlock() error {
	tail := b.buf[len(b.buf)-format.DirBlockTail.Size:]
	format.DirTailCount.Put(tail, uint32(len(b.index)))
	start := len(b.buf) - len(tail) - len(b.index)*format.DirLeafEntry.Size
	putIndex(b.buf[start:], b.index)
	b.putUnused(start)
	return b.emit(format.TypeDirBlock, 0)
}

func putIndex(p []byte, index []uint64) {
	for i, e := range index {
		format.U64[uint64](i*format.DirLeafEntry.Size).Put(p, e)
	}
}

func (b *Builder) fork() *dabtree.Fork {
	return &dabtree.Fork{
		Geo: b.Geo, Owner: b.Ino, Base: leafOff(b.Geo), Size: b.Geo.DirBlockSize,
		Daddr: b.Daddr, Write: b.Write,
	}
}

// writeLeaf writes the one leaf of leaf form, with the free space index in its tail.
func (b *Builder) writeLeaf() error {
	f := b.fork()
	clear(b.buf)
	f.PutInfo(b.buf, format.TypeDirLeaf1, f.Base, 0, 0)
	format.DirLeafCount.Put(b.buf, uint16(len(b.index)))
	putIndex(b.buf[format.DirLeaf.Size:], b.index)
	tail := len(b.buf) - format.DirLeafTailSize
	format.U32[uint32](tail).Put(b.buf, uint32(len(b.bests)))
	b.putBests(b.buf[tail-2*len(b.bests):], b.bests)
	format.SetChecksum(b.buf, format.DaCRC)
	return b.Write(f.Base, b.buf)
}

func (b *Builder) putBests(p []byte, bests []uint16) {
	for i, n := range bests {
		format.U16[uint16](2*i).Put(p, n)
	}
}

// writeIndex writes leaves and nodes of node form.
func (b *Builder) writeIndex() error {
	f := b.fork()
	leaves := ceil(len(b.index), leafCap(b.Geo))
	first := dabtree.Nodes(leaves, f.Size)
	high := make([]format.Hash, leaves)
	for i := range leaves {
		part := b.index[len(b.index)*i/leaves : len(b.index)*(i+1)/leaves]
		high[i] = format.Hash(part[len(part)-1] >> 32)
		clear(b.buf)
		left, right := f.Siblings(first+i, first, leaves)
		f.PutInfo(b.buf, format.TypeDirLeafN, f.Off(first+i), left, right)
		format.DirLeafCount.Put(b.buf, uint16(len(part)))
		putIndex(b.buf[format.DirLeaf.Size:], part)
		format.SetChecksum(b.buf, format.DaCRC)
		if err := b.Write(f.Off(first+i), b.buf); err != nil {
			return err
		}
	}
	return f.WriteNodes(high)
}

// writeFree writes the blocks of the free space index.
func (b *Builder) writeFree() error {
	per := bestsPerBlock(b.Geo)
	for i := range b.Shape.Free {
		part := b.bests[i*per : min((i+1)*per, len(b.bests))]
		off := freeOff(b.Geo) + b.off(i)
		clear(b.buf)
		format.DirFreeFirstDB.Put(b.buf, uint32(i*per))
		format.DirFreeNValid.Put(b.buf, uint32(len(part)))
		format.DirFreeNUsed.Put(b.buf, uint32(len(part)))
		b.putBests(b.buf[format.DirFree.Size:], part)
		if err := b.emit(format.TypeDirFree, off); err != nil {
			return err
		}
	}
	return nil
}

// ShortWriter encodes a directory in shortform.
type ShortWriter struct {
	buf     []byte
	inoSize int
	fill    int
	offset  int // where the next entry would lie in block form
	count   int
	wide    int // inode numbers that need 8 bytes
}

// NewShort starts a shortform directory in buf, the data fork. wide tells whether any inode
// number, the parent's included, is larger than 32 bits: then all take 8 bytes.
func NewShort(buf []byte, parent format.Ino, wide bool) *ShortWriter {
	w := &ShortWriter{buf: buf, inoSize: 4, offset: format.DirFirstOffset}
	if wide {
		w.inoSize = 8
	}
	w.putIno(format.DirSF.Size, parent)
	w.fill = format.DirSFSize(w.inoSize)
	return w
}

func (w *ShortWriter) putIno(at int, ino format.Ino) {
	if w.inoSize == 8 {
		format.U64[format.Ino](at).Put(w.buf, ino)
	} else {
		format.U32[uint32](at).Put(w.buf, uint32(ino))
	}
	if ino>>32 != 0 {
		w.wide++
	}
}

// Add appends an entry; buf must have room for it.
func (w *ShortWriter) Add(name string, ino format.Ino, t format.FType) {
	e := w.buf[w.fill:]
	e[0] = byte(len(name))
	format.U16[uint16](1).Put(e, uint16(w.offset))
	copy(e[3:], name)
	e[3+len(name)] = byte(t)
	w.putIno(w.fill+3+len(name)+1, ino)
	w.fill += format.DirSFEntrySize(len(name), w.inoSize)
	w.offset += format.DirEntrySize(len(name))
	w.count++
}

// Finish writes the header and returns the bytes used, which is the directory's size.
func (w *ShortWriter) Finish() int {
	format.DirSFCount.Put(w.buf, uint8(w.count))
	format.DirSFI8Count.Put(w.buf, uint8(w.wide))
	return w.fill
}
