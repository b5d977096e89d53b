package dabtree

import "github.com/cowfs/cowfs/format"

// Fork says where a tree's blocks lie and takes them when they are finished.
type Fork struct {
	Geo   *format.Geometry
	Owner format.Ino
	Base  format.FileOff // of the tree's root, in filesystem blocks
	Size  int            // of a tree block, in bytes: a power of two from the block size on
	// Daddr is the disk address of the tree block at a file offset.
	Daddr func(format.FileOff) format.Daddr
	// Write takes a finished block; b is valid during the call only.
	Write func(off format.FileOff, b []byte) error
}

// Off is the file offset of the tree's block i in filesystem blocks. The root is block 0, nodes
// follow level by level, leaves come last.
func (f *Fork) Off(i int) format.FileOff {
	return f.Base + format.FileOff(i)*format.FileOff(f.Size>>f.Geo.BlockLog)
}

// NodeCap is the number of entries in a node of size bytes.
func NodeCap(size int) int { return (size - format.DaNode.Size) / format.DaNodeEntry.Size }

// Nodes is the number of nodes above n leaves, with blocks of size bytes.
func Nodes(n, size int) int {
	total := 0
	for _, l := range levels(n, size) {
		total += l
	}
	return total
}

// levels is the number of nodes on each level above n leaves, from the lowest.
func levels(n, size int) []int {
	var out []int
	for n > 1 {
		n = (n + NodeCap(size) - 1) / NodeCap(size)
		out = append(out, n)
	}
	return out
}

// PutInfo fills in the header that all blocks of a tree share; left and right are the
// neighbours on the level, 0 when there is none.
func (f *Fork) PutInfo(b []byte, t *format.BlockType, off, left, right format.FileOff) {
	format.DaForw.Put(b, uint32(right))
	format.DaBack.Put(b, uint32(left))
	t.Stamp(f.Geo, b, format.BlockOf(f.Owner, f.Daddr(off)))
}

// Siblings are the file offsets of the neighbours of block i in the run of count blocks that
// starts at first: 0 where there is none.
func (f *Fork) Siblings(i, first, count int) (left, right format.FileOff) {
	if i > first {
		left = f.Off(i - 1)
	}
	if i < first+count-1 {
		right = f.Off(i + 1)
	}
	return left, right
}

// WriteNodes writes the nodes over leaves of which high holds the highest hashes. The leaves
// are blocks Nodes(len(high)) and on of the tree.
func (f *Fork) WriteNodes(high []format.Hash) error {
	below := Nodes(len(high), f.Size) // first block of the level below
	b := make([]byte, f.Size)
	for level, count := range levels(len(high), f.Size) {
		first := below - count
		next := make([]format.Hash, count)
		for i := range count {
			lo, hi := share(len(high), count, i)
			clear(b)
			left, right := f.Siblings(first+i, first, count)
			f.PutInfo(b, format.TypeDirNode, f.Off(first+i), left, right) // those of attributes look the same
			format.DaNodeCount.Put(b, uint16(hi-lo))
			format.DaNodeLevel.Put(b, uint16(level+1))
			for j := lo; j < hi; j++ {
				e := b[format.DaNode.Size+(j-lo)*format.DaNodeEntry.Size:]
				format.DaEntryHash.Put(e, high[j])
				format.DaEntryBefore.Put(e, uint32(f.Off(below+j)))
			}
			next[i] = high[hi-1]
			format.SetChecksum(b, format.DaCRC)
			if err := f.Write(f.Off(first+i), b); err != nil {
				return err
			}
		}
		high, below = next, first
	}
	return nil
}

// share divides n things evenly over parts and returns the range of part i.
func share(n, parts, i int) (lo, hi int) { return n * i / parts, n * (i + 1) / parts }
