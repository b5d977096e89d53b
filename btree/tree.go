package btree

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cowfs/cowfs/format"
)

// Tree is a tree to be read. It is a plain value without state: any number of goroutines may
// read it at once, each with its own cursor.
//
// Whatever bytes Dev holds, reading ends, in records or in an error, and takes memory for one
// block per level. What is wrong in the image gives an error of class format.ErrCorrupt that
// names kind and block; other errors are Dev's.
type Tree struct {
	Kind *Kind
	Geo  *format.Geometry
	// Dev holds the volume, its first byte at offset 0.
	Dev io.ReaderAt
	// AG is the group of a short kind's tree; it owns the blocks.
	AG format.AGNumber
	// Owner is the inode that owns a long kind's tree.
	Owner format.Ino
	// Root is the root's block and Levels the number of levels, 1 when the root is a leaf.
	Root   uint64
	Levels int
	// Fork, when not nil, holds the root instead: the whole of an inode's room for the fork.
	// Root and Levels are not used then.
	Fork []byte
}

// All gives the records in order. A record is valid until the next one is asked for. After an
// error, which comes with a nil record, there is nothing more.
func (t *Tree) All() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		c := t.start(order{}, true)
		for {
			rec, ok, err := c.Next()
			if err != nil {
				yield(nil, err)
				return
			}
			if !ok || !yield(rec, nil) {
				return
			}
		}
	}
}

// root returns the topmost node, reading it into b if it is a block.
func (t *Tree) root(b []byte) (Node, uint64, error) {
	if t.Fork != nil {
		n, err := t.forkRoot()
		return n, t.Kind.Null(), err
	}
	if t.Levels < 1 || t.Levels > format.MaxBtreeLevels {
		return Node{}, 0, t.corrupt("levels", t.Levels, fmt.Sprintf("1 to %d", format.MaxBtreeLevels))
	}
	n, err := t.read(t.Root, t.Levels-1, true, b)
	if err != nil {
		return Node{}, 0, err
	}
	left, right := t.Kind.siblings(b)
	if err := t.sibling(t.Root, "leftsib", left, t.Kind.Null()); err != nil {
		return Node{}, 0, err
	}
	return n, t.Root, t.sibling(t.Root, "rightsib", right, t.Kind.Null())
}

// forkRoot checks and returns the root in the fork.
func (t *Tree) forkRoot() (Node, error) {
	if !t.Kind.Long || len(t.Fork) < format.RootBlock.Size {
		return Node{}, fmt.Errorf("%s: no root in a fork of %d bytes", t.Kind.Name, len(t.Fork))
	}
	n := t.Kind.RootOf(t.Fork)
	if n.Level < 1 || n.Level > format.MaxBtreeLevels {
		return Node{}, t.corrupt("root level", n.Level, fmt.Sprintf("1 to %d", format.MaxBtreeLevels))
	}
	if got, most := int(format.RootNumRecs.Get(t.Fork)), format.RootMaxRecs(len(t.Fork)); got < 1 || got > most {
		return Node{}, t.corrupt("root numrecs", got, fmt.Sprintf("1 to %d", most))
	}
	if i := n.unsorted(); i >= 0 {
		return Node{}, t.corrupt("root key", fmt.Sprintf("key %d not above the one before", i), nil)
	}
	return n, nil
}

// read reads a block of the given level into b and checks all that can be judged from the block
// alone.
func (t *Tree) read(block uint64, level int, root bool, b []byte) (Node, error) {
	if !t.valid(block) {
		return Node{}, t.corruptBlock(block, "block number", t.number(block), "a block behind the headers of a group")
	}
	off := t.offset(block)
	if n, err := t.Dev.ReadAt(b, off); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Node{}, fmt.Errorf("%s: read at byte %d: %w", t.name(block), off, err)
	}
	if err := t.verify(block, level, root, b); err != nil {
		return Node{}, err
	}
	return t.Kind.NodeOf(b), nil
}

// valid reports whether a block of this number can be part of the tree.
func (t *Tree) valid(block uint64) bool {
	if t.Kind.Long {
		return t.Geo.Allocatable(format.FSBlock(block), 1)
	}
	return block <= uint64(format.NullAGBlock) && t.Geo.AllocatableAG(t.AG, format.AGBlock(block))
}

// offset is a block's place in bytes.
func (t *Tree) offset(block uint64) int64 {
	if t.Kind.Long {
		return t.Geo.Offset(format.FSBlock(block))
	}
	return t.Geo.AGOffset(t.AG, format.AGBlock(block))
}
