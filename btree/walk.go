package btree

// Walk calls visit for each block of the tree once: a parent before its children, children from
// left to right. level 0 is a leaf; NodeOf(b) reads the block. A root in a fork is no block and
// is not visited. The slice is valid during the call. Walk ends at the first error, visit's
// included.
func (t *Tree) Walk(visit func(level int, block uint64, b []byte) error) error {
	c := t.open()
	if c.err != nil {
		return c.err
	}
	if t.Fork == nil {
		if err := visit(c.top, c.path[c.top].block, c.path[c.top].buf); err != nil {
			return err
		}
	}
	return c.walk(c.top, visit)
}

func (c *Cursor) walk(level int, visit func(level int, block uint64, b []byte) error) error {
	if level == 0 {
		return nil
	}
	s, below := &c.path[level], &c.path[level-1]
	for s.i = 0; s.i < s.node.Len(); s.i++ {
		if err := c.descend(level); err != nil {
			return err
		}
		if err := visit(level-1, below.block, below.buf); err != nil {
			return err
		}
		if err := c.walk(level-1, visit); err != nil {
			return err
		}
	}
	return nil
}
