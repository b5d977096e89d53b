package dabtree

import (
	"fmt"
	"iter"
	"sort"

	"github.com/cowfs/cowfs/format"
)

// Tree is a tree to be read. It is a plain value, safe for concurrent use when Read is.
//
// Whatever the blocks hold, reading ends and takes memory for one block at a time. What is
// wrong gives an error of class format.ErrCorrupt.
type Tree struct {
	Geo   *format.Geometry
	Owner format.Ino
	Base  format.FileOff // of the root, in filesystem blocks
	Size  int            // of a tree block, in bytes
	// Node and Leaf are the types of the tree's blocks. Lone, when not nil, is that of a root
	// which is the only leaf.
	Node, Leaf, Lone *format.BlockType
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
			if next == mark {
				err = t.corrupt(t.Leaf, off, "forw", fmt.Sprintf("a loop through block %d", next), "a chain that ends")
			} else {
				err = t.next(off, next, b)
			}
			if err != nil {
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
func (t *Tree) next(off, next format.FileOff, b []byte) error {
	if _, err := t.read(next, b, 1); err != nil {
		return err
	}
	if back := format.FileOff(format.DaBack.Get(b)); back != off {
		return t.corrupt(t.Leaf, next, "back", back, off)
	}
	return nil
}

// descend reads into b the first leaf that can hold hash h. ok is false when all hashes of the
// tree are below h.
func (t *Tree) descend(h format.Hash, b []byte) (off format.FileOff, ok bool, err error) {
	off = t.Base
	above := 0 // level of the node above; 0 at the root
	for {
		kind, err := t.read(off, b, above)
		if err != nil {
			return 0, false, err
		}
		if kind != t.Node {
			return off, true, nil
		}
		level := int(format.DaNodeLevel.Get(b))
		if above != 0 && level != above-1 {
			return 0, false, t.corrupt(t.Node, off, "nhdr.level", level, above-1)
		}
		entry := func(i int) []byte { return b[format.DaNode.Size+i*format.DaNodeEntry.Size:] }
		n := int(format.DaNodeCount.Get(b))
		i := sort.Search(n, func(i int) bool { return format.DaEntryHash.Get(entry(i)) >= h })
		if i == n {
			return 0, false, nil
		}
		off, above = format.FileOff(format.DaEntryBefore.Get(entry(i))), level
	}
}

// read reads and checks a block that lies below a node of level above, or is the root when that
// is 0.
func (t *Tree) read(off format.FileOff, b []byte, above int) (*format.BlockType, error) {
	daddr, err := t.Read(off, b)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", t.Leaf, err)
	}
	kind := t.Node
	switch magic := uint32(format.DaMagic.Get(b)); {
	case above == 1 || above == 0 && magic == t.Leaf.Magic:
		kind = t.Leaf
	case above == 0 && t.Lone != nil && magic == t.Lone.Magic:
		kind = t.Lone
	}
	return kind, format.Verify(t.Geo, kind, b, t.place(daddr))
}

func (t *Tree) place(daddr format.Daddr) format.Place {
	return format.BlockOf(t.Owner, daddr)
}

// corrupt is an error about the block at offset off of the fork.
func (t *Tree) corrupt(kind *format.BlockType, off format.FileOff, field string, got, want any) error {
	return format.Corrupt(fmt.Sprintf("%v at offset %d", kind, off), field, got, want).At(t.place(format.NullPlace.Daddr))
}
