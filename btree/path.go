package btree

import "fmt"

// checkKeys compares the keys of the block below path[level] with those of the nodes above it.
// Together with the order within blocks, this makes the first keys of the blocks of a level
// ascend strictly, so that nothing can be reached twice.
func (c *Cursor) checkKeys(level int) error {
	t, s, below := c.tree, &c.path[level], &c.path[level-1]
	n := below.node
	if got, want := n.low(0), s.node.low(s.i); got != want {
		return t.corruptBlock(below.block, "first key", got, fmt.Sprintf("%v as in entry %d of %s", want, s.i, t.name(s.block)))
	}
	if up, ok := c.bound(level); ok && !n.low(n.Len()-1).less(up) {
		return t.corruptBlock(below.block, "last key", n.low(n.Len()-1), fmt.Sprintf("below %v, the next in %s", up, t.name(s.block)))
	}
	if !t.Kind.Overlapping {
		return nil
	}
	if got, want := n.maxHigh(), s.node.high(s.i); got != want {
		return t.corruptBlock(below.block, "high key", got, fmt.Sprintf("%v as in entry %d of %s", want, s.i, t.name(s.block)))
	}
	return nil
}

// bound is the key that all keys below path[level] are less than: that of the next entry there
// or, behind the last, further up. ok is false at the right edge of the tree.
func (c *Cursor) bound(level int) (o order, ok bool) {
	for ; level <= c.top; level++ {
		if s := &c.path[level]; s.i < s.node.Len()-1 {
			return s.node.low(s.i + 1), true
		}
	}
	return order{}, false
}

// checkLinks compares the sibling links of the block below path[level] with its neighbours, as
// far as these are known: from the parent, or for the left one as the block read before, prev.
func (c *Cursor) checkLinks(level int, prev uint64) error {
	t, s, below := c.tree, &c.path[level], &c.path[level-1]
	null := t.Kind.Null()
	left, right := t.Kind.siblings(below.buf)
	switch {
	case s.i > 0:
		prev = s.node.Ptr(s.i - 1)
	case c.first(level):
		prev = null
	case prev == null: // not known, but there is one
		if prev = left; left == null {
			return t.corruptBlock(below.block, "leftsib", "null", "a neighbour")
		}
	}
	if err := t.sibling(below.block, "leftsib", left, prev); err != nil {
		return err
	}
	if s.i < s.node.Len()-1 {
		return t.sibling(below.block, "rightsib", right, s.node.Ptr(s.i+1))
	}
	if _, more := c.bound(level); !more {
		return t.sibling(below.block, "rightsib", right, null)
	}
	if right == null {
		return t.corruptBlock(below.block, "rightsib", "null", "a neighbour")
	}
	return nil
}

// first reports whether the path stands at the left edge of the tree from level up.
func (c *Cursor) first(level int) bool {
	for ; level <= c.top; level++ {
		if c.path[level].i > 0 {
			return false
		}
	}
	return true
}

// sibling compares a link with what it must be.
func (t *Tree) sibling(block uint64, field string, got, want uint64) error {
	if got == want {
		return nil
	}
	return t.corruptBlock(block, field, t.number(got), t.number(want))
}
