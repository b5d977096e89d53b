package dir

import (
	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
)

// Form is one of the forms in which a directory is stored.
type Form uint8

// The forms, from the smallest to the largest.
const (
	Short Form = iota
	Block
	Leaf
	Node
)

// String names the form.
func (f Form) String() string { return [...]string{"short", "block", "leaf", "node"}[f] }

// Shape is the form and the space that a directory takes.
type Shape struct {
	Form Form
	Size int // bytes in the inode; shortform only

	// Directory blocks. In block form Data is 1 and the others are 0. Index counts leaves and
	// the hash nodes above them.
	Data, Index, Free int
}

// Blocks is the number of directory blocks.
func (s Shape) Blocks() int { return s.Data + s.Index + s.Free }

// Bytes is the size of the directory as its inode gives it: the end of its data space, or the
// bytes of a shortform one.
func (s Shape) Bytes(g *format.Geometry) uint64 {
	if s.Form == Short {
		return uint64(s.Size)
	}
	return uint64(s.Data) * uint64(g.DirBlockSize)
}

// Range is a run of directory blocks in a directory's fork.
type Range struct {
	Off   format.FileOff // filesystem blocks
	Count int            // directory blocks
}

// Ranges returns the runs of the fork that have blocks, in order of offset.
func (s Shape) Ranges(g *format.Geometry) []Range {
	out := []Range{{0, s.Data}}
	if s.Index > 0 {
		out = append(out, Range{leafOff(g), s.Index})
	}
	if s.Free > 0 {
		out = append(out, Range{freeOff(g), s.Free})
	}
	return out
}

func leafOff(g *format.Geometry) format.FileOff { return format.DirLeafSpace >> g.BlockLog }
func freeOff(g *format.Geometry) format.FileOff { return format.DirFreeSpace >> g.BlockLog }

// Sizer finds the Shape of a directory from the lengths of its names, given in the order in
// which Builder will get them.
type Sizer struct {
	g     *format.Geometry
	count int
	names int // bytes of all names
	data  int // full data blocks so far
	fill  int // bytes used in the current one
}

// NewSizer starts with an empty directory.
func NewSizer(g *format.Geometry) Sizer { return Sizer{g: g, fill: format.DirFirstOffset} }

// Add counts an entry with a name of n bytes.
func (z *Sizer) Add(n int) {
	size := format.DirEntrySize(n)
	if z.fill+size > z.g.DirBlockSize {
		z.data++
		z.fill = format.DirData.Size
	}
	z.fill += size
	z.names += n
	z.count++
}

// Count is the number of entries added.
func (z *Sizer) Count() int { return z.count }

// shortSize is the size in shortform with inode numbers of inoSize bytes.
func (z *Sizer) shortSize(inoSize int) int {
	return format.DirSFSize(inoSize) + z.names + z.count*format.DirSFEntrySize(0, inoSize)
}

// Shape returns the smallest form that fits: shortform when room bytes of the inode can hold
// it with inode numbers of inoSize bytes (4 or 8).
func (z *Sizer) Shape(room, inoSize int) Shape {
	if n := z.shortSize(inoSize); n <= room && z.count <= maxShort {
		return Shape{Form: Short, Size: n}
	}
	entries := z.count + 2 // . and ..
	if z.data == 0 && z.fill+entries*format.DirLeafEntry.Size+format.DirBlockTail.Size <= z.g.DirBlockSize {
		return Shape{Form: Block, Data: 1}
	}
	data := z.data + 1
	if format.DirLeaf.Size+entries*format.DirLeafEntry.Size+2*data+format.DirLeafTailSize <= z.g.DirBlockSize {
		return Shape{Form: Leaf, Data: data, Index: 1}
	}
	return Shape{Form: Node, Data: data, Index: indexBlocks(z.g, entries), Free: ceil(data, bestsPerBlock(z.g))}
}

// maxShort is the number of entries that a shortform header can count.
const maxShort = 255

func leafCap(g *format.Geometry) int {
	return (g.DirBlockSize - format.DirLeaf.Size) / format.DirLeafEntry.Size
}

func bestsPerBlock(g *format.Geometry) int { return (g.DirBlockSize - format.DirFree.Size) / 2 }

// indexBlocks is the number of blocks of a node form index: leaves and the nodes above them.
func indexBlocks(g *format.Geometry, entries int) int {
	leaves := ceil(entries, leafCap(g))
	return leaves + dabtree.Nodes(leaves, g.DirBlockSize)
}

func ceil(a, b int) int { return (a + b - 1) / b }
