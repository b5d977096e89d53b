package btree

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Delete removes the record with the key of rec, whatever else it holds. The error is of class
// ErrNotFound when there is none.
//
// A block that is then less than half full takes entries from a neighbour below the same
// parent, or is joined with it. Of a tree with its root in a fork the last leaf stays when it
// is empty: such a tree must not be stored, Flatten ends it.
func (e *Editor) Delete(rec []byte) error {
	o := e.Kind.low(rec)
	found, err := e.find(o)
	if err != nil {
		return err
	}
	if !found {
		return e.notFound(o)
	}
	return e.remove()
}

func (e *Editor) notFound(o order) error {
	return fmt.Errorf("%s: %v: %w", e.Kind.Name, o, ErrNotFound)
}

// remove removes the current record.
func (e *Editor) remove() error {
	e.warm = false
	leaf := &e.path[0]
	if leaf.node.n == 1 && e.top > 1 && e.path[1].node.n == 1 {
		// A healthy tree never comes to this.
		return e.tree().corruptBlock(e.path[1].block, "numrecs", 1, "2 at least")
	}
	inner := e.inner()
	if err := e.cut(leaf, leaf.i, 1); err != nil {
		return err
	}
	for level := 0; level < e.top; level++ {
		p, parent := &e.path[level], &e.path[level+1]
		changed, joined := false, false
		var err error
		if !inner || level > 0 {
			if changed, err = e.setKey(parent, parent.i, p); err != nil {
				return err
			}
		}
		if p.node.n < p.least() {
			if joined, err = e.refill(level); err != nil {
				return err
			}
		}
		if !changed && !joined {
			break
		}
	}
	if e.Fork != nil {
		return e.pullUp()
	}
	return e.lowerRoot()
}

// refill gives the underfull path[level] entries of a neighbour, or joins the two and removes
// one child from the parent, where that is possible.
func (e *Editor) refill(level int) (joined bool, err error) {
	p := &e.path[level]
	var only page
	d := 0
	for _, side := range [2]int{1, -1} {
		from, ok, err := e.sibling(level, side)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if from.node.n > from.least() {
			return false, e.borrow(level, &from, side)
		}
		if d == 0 {
			only, d = from, side
		}
	}
	switch {
	case d > 0:
		return true, e.join(level, p, &only, e.path[level+1].i)
	case d < 0:
		return true, e.join(level, &only, p, e.path[level+1].i-1)
	}
	return false, nil // the only child of a root
}

// borrow makes path[level] and its neighbour from, which lies in direction d, equally full.
func (e *Editor) borrow(level int, from *page, d int) (err error) {
	p, parent := &e.path[level], &e.path[level+1]
	count := max((from.node.n-p.node.n)/2, 1)
	if d > 0 {
		err = e.shiftLeft(p, from, count)
	} else {
		err = e.shiftRight(from, p, count)
	}
	if err != nil {
		return err
	}
	if _, err := e.setKey(parent, parent.i, p); err != nil {
		return err
	}
	_, err = e.setKey(parent, parent.i+d, from)
	return err
}

// join moves all entries of right to left, its neighbour and entry i of their parent, and gives
// right back. One of the two is path[level].
func (e *Editor) join(level int, left, right *page, i int) error {
	parent := &e.path[level+1]
	here := *left
	// rightOf looks from the path.
	parent.i, e.path[level] = i+1, *right
	next, linked, err := e.rightOf(level)
	if err != nil {
		return err
	}
	gone := e.path[level]
	e.path[level], parent.i = here, i
	p := &e.path[level]
	n := p.node.n
	if err := e.gap(p, n, gone.node.n); err != nil {
		return err
	}
	p.node.move(n, gone.node, 0, gone.node.n)
	if err := e.setRight(p, next.block); err != nil {
		return err
	}
	if linked {
		if err := e.setLeft(&next, p.block); err != nil {
			return err
		}
	}
	if err := e.cut(parent, i+1, 1); err != nil {
		return err
	}
	if _, err := e.setKey(parent, i, p); err != nil {
		return err
	}
	return e.give(gone.block)
}

// lowerRoot removes the root block while it has but one child, which takes its place.
func (e *Editor) lowerRoot() error {
	for e.top > 0 && e.path[e.top].node.n == 1 {
		root := &e.path[e.top]
		root.i = 0
		if err := e.descend(e.top); err != nil {
			return err
		}
		child := &e.path[e.top-1]
		if err := e.checkAlone(child); err != nil {
			return err
		}
		if err := e.give(root.block); err != nil {
			return err
		}
		e.top--
		e.Root, e.Levels = child.block, e.top+1
	}
	return nil
}

// pullUp moves the entries of the only child of the root in the fork up there, when it is no
// leaf and they fit.
func (e *Editor) pullUp() error {
	for {
		root := &e.path[e.top]
		if e.top < 2 || root.node.n > 1 {
			return nil
		}
		root.i = 0
		if err := e.descend(e.top); err != nil {
			return err
		}
		child := e.path[e.top-1]
		if child.node.n > format.RootMaxRecs(len(e.Fork)) {
			return nil
		}
		if err := e.checkAlone(&child); err != nil {
			return err
		}
		e.top--
		e.setForkRoot(e.top, child.node.n)
		e.path[e.top].node.move(0, child.node, 0, child.node.n)
		if err := e.give(child.block); err != nil {
			return err
		}
	}
}
