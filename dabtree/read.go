package dabtree

import (
	"fmt"
	"iter"
	"sort"

	"github.com/cowfs/cowfs/format"
)

// maxDepth is the number of levels of nodes that a tree can have.
const maxDepth = 5

// Tree is a tree to be read. It is a plain value, safe for concurrent use when Read is.
//
// Whatever the blocks hold, reading ends and takes memory for one block at a time. What is
// wrong gives an error of class format.ErrCorrupt.
type Tree struct {
	Geo   *format.Geometry
	Name  string // what errors call it, e.g. "directory index"
	Owner format.Ino
	Base  format.FileOff // of the root, in filesystem blocks
	Size  int            // of a tree block, in bytes
	Leaf  uint16         // magic number of leaves
	Lone  uint16         // of a root that is a leaf, if another one than Leaf is possible there
	// Read fills b with the tree block at a file offset and returns its disk address.
	Read func(off format.FileOff, b []byte) (format.Daddr, error)
}

// Leaves gives the leaves in order, from the first that can hold an entry of hash h. A block
// is valid until the next one is asked for. An error, which comes with a nil block, ends the
// sequence.
func (t *Tree) Leaves(h format.Hash) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		b := make([]byte, t.Size)
		off, ok, err := t.descend(h, b)
		if err != nil {
			yield(nil, err)
		}
		if err != nil || !ok {
			return
		}
		// A chain that comes back to where it was is found after Brent: mark moves up to the
		// current block whenever the number of steps since it was set doubles.
		mark, steps, limit := off, 0, 1
		for yield(b, nil) {
			next := format.FileOff(format.DaForw.Get(b))
			if next == 0 {
				return
			}
			if err := t.next(off, next, mark, b); err != nil {
				yield(nil, err)
				return
			}
			off = next
			if steps++; steps == limit {
				mark, steps, limit = off, 0, 2*limit
			}
		}
	}
}

// next reads the leaf at next, which the one at off names as its right neighbour.
func (t *Tree) next(off, next, mark format.FileOff, b []byte) error {
	if next == mark {
		return t.corrupt(next, 0, "forw", fmt.Sprintf("a loop of blocks through %d", next), "a chain that ends")
	}
	daddr, err := t.ReadBlock(next, b)
	if err != nil {
		return err
	}
	if m := format.DaMagic.Get(b); m != t.Leaf {
		return t.corrupt(next, daddr, "magic", hex(m), hex(t.Leaf))
	}
	if back := format.FileOff(format.DaBack.Get(b)); back != off {
		return t.corrupt(next, daddr, "back", back, off)
	}
	return nil
}

// descend reads into b the first leaf that can hold hash h. ok is false when all hashes of the
// tree are below h.
func (t *Tree) descend(h format.Hash, b []byte) (off format.FileOff, ok bool, err error) {
	off = t.Base
	for above := maxDepth + 1; ; {
		daddr, err := t.ReadBlock(off, b)
		if err != nil {
			return 0, false, err
		}
		isRoot := above > maxDepth
		if m := format.DaMagic.Get(b); m == t.Leaf && (isRoot || above == 1) || isRoot && t.Lone != 0 && m == t.Lone {
			return off, true, nil
		} else if m != format.DaNodeMagic {
			return 0, false, t.corrupt(off, daddr, "magic", hex(m), hex(t.Leaf)+" or "+hex(uint16(format.DaNodeMagic)))
		}
		level := int(format.DaNodeLevel.Get(b))
		if level < 1 || level >= above || !isRoot && level != above-1 {
			return 0, false, t.corrupt(off, daddr, "level", level, fmt.Sprintf("one below %d", above))
		}
		n := int(format.DaNodeCount.Get(b))
		if n < 1 || n > NodeCap(t.Size) {
			return 0, false, t.corrupt(off, daddr, "count", n, fmt.Sprintf("1 to %d", NodeCap(t.Size)))
		}
		entry := func(i int) []byte { return b[format.DaNode.Size+i*format.DaNodeEntry.Size:] }
		i := sort.Search(n, func(i int) bool { return format.DaEntryHash.Get(entry(i)) >= h })
		if i == n {
			return 0, false, nil
		}
		off = format.FileOff(format.DaEntryBefore.Get(entry(i)))
		above = level
	}
}

// ReadBlock reads a block of the tree, leaf or node, and checks the header that all have.
func (t *Tree) ReadBlock(off format.FileOff, b []byte) (format.Daddr, error) {
	daddr, err := t.Read(off, b)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.Name, err)
	}
	switch {
	case !format.ChecksumOK(b, format.DaCRC):
		err = t.corrupt(off, daddr, "crc", hex(format.DaCRC.Get(b)), hex(format.Checksum(b, format.DaCRC)))
	case format.DaUUID.Get(b) != t.Geo.MetaUUID:
		err = t.corrupt(off, daddr, "uuid", format.DaUUID.Get(b), t.Geo.MetaUUID)
	case format.DaOwner.Get(b) != t.Owner:
		err = t.corrupt(off, daddr, "owner", format.DaOwner.Get(b), t.Owner)
	case format.DaBno.Get(b) != daddr:
		err = t.corrupt(off, daddr, "bno", format.DaBno.Get(b), daddr)
	}
	return daddr, err
}

// corrupt is an error about the block at offset off of the fork; daddr 0 is an unknown address.
func (t *Tree) corrupt(off format.FileOff, daddr format.Daddr, field string, got, want any) error {
	p := format.NullPlace
	p.Ino = t.Owner
	if daddr != 0 {
		p.Daddr = daddr
	}
	return format.Corrupt(fmt.Sprintf("%s block %d", t.Name, off), field, got, want).At(p)
}

func hex[T ~uint16 | ~uint32](v T) string { return fmt.Sprintf("%#x", v) }
