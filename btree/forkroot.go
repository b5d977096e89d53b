package btree

import (
	"bytes"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Build makes the tree anew, of records that lie in recs one behind the other, in order. With
// Fork the root is written there, above one leaf to begin with; otherwise it is a new block,
// and recs may be empty. What was in the fork, usually those records, is overwritten: recs must
// lie elsewhere. near is a block to be close to.
func (e *Editor) Build(recs []byte, near uint64) error {
	k := e.Kind
	if len(recs)%k.RecSize != 0 {
		return fmt.Errorf("%s: %d bytes are no whole number of records", k.Name, len(recs))
	}
	if e.Fork != nil && (!k.Long || format.RootMaxRecs(len(e.Fork)) == 0) {
		return fmt.Errorf("%s: no room for a root in a fork of %d bytes", k.Name, len(e.Fork))
	}
	e.placed, e.warm = false, false
	leaf, err := e.take(near, 0)
	if err != nil {
		return err
	}
	n := min(len(recs)/k.RecSize, leaf.most())
	if err := e.gap(&leaf, 0, n); err != nil {
		return err
	}
	copy(leaf.node.recs, recs[:n*k.RecSize])
	if i := leaf.node.unsorted(); i >= 0 {
		return fmt.Errorf("%s: %w: record %d", k.Name, ErrOrder, i)
	}
	if e.Fork == nil {
		e.Root, e.Levels = leaf.block, 1
	} else {
		e.top = 1
		e.setForkRoot(1, 0)
		if err := e.addChild(&e.path[1], 0, &leaf); err != nil {
			return err
		}
	}
	for n *= k.RecSize; n < len(recs); n += k.RecSize {
		if err := e.Insert(recs[n : n+k.RecSize]); err != nil {
			return err
		}
	}
	return nil
}

// Flatten takes the tree apart: it appends all records to dst, gives back all blocks, and
// returns dst. A root in a fork stays as it is, for the records to be written over it; Root and
// Levels become 0.
func (e *Editor) Flatten(dst []byte) ([]byte, error) {
	if err := e.open(); err != nil {
		return dst, err
	}
	dst, err := e.flatten(e.top, dst)
	e.Root, e.Levels = 0, 0
	return dst, err
}

func (e *Editor) flatten(level int, dst []byte) ([]byte, error) {
	p := &e.path[level]
	if level == 0 {
		dst = append(dst, p.node.recs[:p.node.n*e.Kind.RecSize]...)
	} else {
		for p.i = 0; p.i < p.node.n; p.i++ {
			if err := e.descend(level); err != nil {
				return dst, err
			}
			var err error
			if dst, err = e.flatten(level-1, dst); err != nil {
				return dst, err
			}
		}
	}
	if p.inFork() {
		return dst, nil
	}
	return dst, e.give(p.block)
}

// Resize moves the root from Fork to fork, which has another size and may overlap it. When the
// entries don't fit any more, they move to a block below the root.
func (e *Editor) Resize(fork []byte) error {
	if format.RootMaxRecs(len(fork)) == 0 {
		return fmt.Errorf("%s: no room for a root in a fork of %d bytes", e.Kind.Name, len(fork))
	}
	e.Fork = bytes.Clone(e.Fork)
	if err := e.open(); err != nil {
		return err
	}
	root := e.path[e.top]
	if n := root.node.n; n <= format.RootMaxRecs(len(fork)) {
		e.Fork = fork
		e.setForkRoot(e.top, n)
		e.path[e.top].node.move(0, root.node, 0, n)
		return e.pullUp()
	}
	if err := e.mayGrow(); err != nil {
		return err
	}
	block, err := e.take(root.node.Ptr(0), e.top)
	if err != nil {
		return err
	}
	e.Fork = fork
	return e.pushDown(&block)
}
