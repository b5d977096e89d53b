package btree

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Load writes a whole tree in bulk: one pass over the records in key order, every block
// written once. Blocks are as full as an even distribution allows.
//
// Besides one block it needs memory for the keys of one level at a time, KeySize bytes for
// each leaf at most, and allocates nothing per record or block.
type Load struct {
	Kind *Kind
	Geo  *format.Geometry
	// AG is the group of a short kind's tree; it owns the blocks.
	AG format.AGNumber
	// Owner is the inode that owns a long kind's tree.
	Owner format.Ino
	// Block gives the place of the tree's i-th block: an FSBlock in a long kind, else an
	// AGBlock. Leaves come first, left to right, then the level above, the root last; Shape
	// tells how many there are. It is asked several times for the same block and must always
	// answer the same.
	Block func(i int) uint64
	// Write takes the i-th block, complete with its checksum. Blocks come in order. The slice
	// is valid during the call only.
	Write func(i int, block []byte) error
}

// ErrOrder is the class of errors about records that do not come in strictly ascending order of
// their keys.
var ErrOrder = errors.New("records out of order")

// Run writes a tree of n records with its root in a block. rec puts the i-th record into b,
// RecSize bytes; it is called once for each i, ascending. n may be 0: the tree is an empty
// leaf. It returns the root's block number and the number of levels as an AGF counts them, 1
// for a single leaf.
func (l *Load) Run(n int, rec func(i int, b []byte)) (root uint64, levels int, err error) {
	shape := Shape(l.Kind, l.Geo.BlockSize, n, 0)
	if _, err := l.run(shape, n, rec); err != nil {
		return 0, 0, err
	}
	return l.Block(Blocks(shape) - 1), len(shape), nil
}

// RunInode is Run for a tree whose root lies in an inode: the top level is written into fork,
// the whole of the inode's room for it. n must not be 0. levels includes the root in the
// inode, so it is at least 2.
func (l *Load) RunInode(n int, rec func(i int, b []byte), fork []byte) (levels int, err error) {
	rootMax := format.RootMaxRecs(len(fork))
	switch {
	case !l.Kind.Long:
		return 0, fmt.Errorf("%s: a root in an inode is for fork trees only", l.Kind.Name)
	case rootMax == 0:
		return 0, fmt.Errorf("%s: a fork of %d bytes has no room for a root", l.Kind.Name, len(fork))
	case n == 0:
		return 0, fmt.Errorf("%s: a root in an inode cannot be empty", l.Kind.Name)
	}
	shape := Shape(l.Kind, l.Geo.BlockSize, n, rootMax)
	keys, err := l.run(shape, n, rec)
	if err != nil {
		return 0, err
	}
	clear(fork)
	top := shape[len(shape)-1]
	format.RootLevel.Put(fork, uint16(len(shape)))
	format.RootNumRecs.Put(fork, uint16(top))
	l.entries(l.Kind.RootOf(fork), keys, Blocks(shape)-top)
	return len(shape) + 1, nil
}

// run writes the levels of shape and returns the keys of the blocks of the last one.
func (l *Load) run(shape []int, n int, rec func(i int, b []byte)) (keys []byte, err error) {
	if n < 0 {
		return nil, fmt.Errorf("%s: %d records", l.Kind.Name, n)
	}
	if len(shape) > format.MaxBtreeLevels {
		return nil, fmt.Errorf("%s: %d records make a tree of %d levels, %d is the limit", l.Kind.Name, n, len(shape), format.MaxBtreeLevels)
	}
	k, b := l.Kind, make([]byte, l.Geo.BlockSize)
	// The keys of the level below are used up from the left while those of this level, which
	// are fewer, take their place.
	keys = make([]byte, shape[0]*k.KeySize)
	prev := order{}
	below, first := n, 0 // entries of the level, its first block
	for level, count := range shape {
		for j := range count {
			lo, hi := share(below, count, j)
			node := l.block(b, level, hi-lo, first, count, j)
			if level == 0 {
				for i := lo; i < hi; i++ {
					r := node.Rec(i - lo)
					rec(i, r)
					o := k.low(r)
					if i > 0 && !prev.less(o) {
						return nil, fmt.Errorf("%s: %w: record %d", k.Name, ErrOrder, i)
					}
					prev = o
				}
			} else {
				l.entries(node, keys[lo*k.KeySize:], first-below+lo)
			}
			node.summary(keys[j*k.KeySize:][:k.KeySize])
			format.SetChecksum(b, k.crcField())
			if err := l.Write(first+j, b); err != nil {
				return nil, fmt.Errorf("%s block %d: %w", k.Name, l.Block(first+j), err)
			}
		}
		below, first = count, first+count
	}
	return keys[:below*k.KeySize], nil
}

// block begins block j of the count blocks of a level, whose first is block number first of the
// tree. It will have n entries.
func (l *Load) block(b []byte, level, n, first, count, j int) Node {
	clear(b)
	left, right := l.Kind.Null(), l.Kind.Null()
	if j > 0 {
		left = l.Block(first + j - 1)
	}
	if j < count-1 {
		right = l.Block(first + j + 1)
	}
	l.Kind.header(b, level, n, left, right, l.Kind.home(l.Geo, l.AG, l.Owner, l.Block(first+j)))
	return l.Kind.NodeOf(b)
}

// entries fills node with keys and with pointers to the tree's blocks from child on.
func (l *Load) entries(node Node, keys []byte, child int) {
	copy(node.recs, keys[:node.n*l.Kind.KeySize])
	for i := range node.n {
		node.setPtr(i, l.Block(child+i))
	}
}

// summary writes the key that the parent of n has for it; zeroes when n is empty.
func (n Node) summary(key []byte) {
	if n.n == 0 {
		clear(key)
		return
	}
	k := n.Kind
	if n.Level > 0 {
		copy(key, n.Key(0))
	} else {
		k.node(n.Rec(0), key)
	}
	if k.Overlapping {
		k.put(key[k.LowSize():], n.maxHigh())
	}
}
