package btree

import "github.com/cowfs/cowfs/format"

// Cursor goes through the records of a tree in order. It belongs to one goroutine. After an
// error it gives the same error for ever.
type Cursor struct {
	tree *Tree
	path [format.MaxBtreeLevels + 1]step // by level; path[0] is the leaf
	top  int                             // level of the root
	err  error
}

// step is where a cursor stands on one level.
type step struct {
	node  Node
	block uint64
	i     int    // the entry gone through; in a leaf, the next one to give
	buf   []byte // the block, unless it is the root in a fork
}

// Seek returns a cursor whose first record is the first one that is not below key, which is as
// in a node: LowSize bytes or more.
func (t *Tree) Seek(key []byte) *Cursor { return t.start(t.Kind.key(key), true) }

// SeekLE returns a cursor whose first record is the last one that is not above key, or the
// tree's first one if all are above. It is the way to the record which contains a point.
func (t *Tree) SeekLE(key []byte) *Cursor { return t.start(t.Kind.key(key), false) }

// Next returns the next record, valid until the cursor is moved again; ok is false behind the
// last one.
func (c *Cursor) Next() (rec []byte, ok bool, err error) {
	leaf := &c.path[0]
	for c.err == nil && leaf.i >= leaf.node.Len() {
		if ok, c.err = c.nextLeaf(); !ok {
			return nil, false, c.err
		}
	}
	if c.err != nil {
		return nil, false, c.err
	}
	leaf.i++
	return leaf.node.Rec(leaf.i - 1), true, nil
}

// open returns a cursor that stands at the root only.
func (t *Tree) open() *Cursor {
	c := &Cursor{tree: t}
	buf := make([]byte, t.Geo.BlockSize)
	n, block, err := t.root(buf)
	if err != nil {
		c.err = err
		return c
	}
	c.top = n.Level
	c.path[c.top] = step{node: n, block: block, buf: buf}
	return c
}

// start descends to a leaf. With atLeast it goes to the first record that is not below o,
// otherwise to the last that is not above it.
func (t *Tree) start(o order, atLeast bool) *Cursor {
	c := t.open()
	if c.err != nil {
		return c
	}
	for level := c.top; ; level-- {
		s := &c.path[level]
		// The last entry not above o. A record equal to o or above it is there or further on.
		s.i = max(s.node.search(o, false)-1, 0)
		if level == 0 {
			break
		}
		if c.err = c.descend(level); c.err != nil {
			return c
		}
	}
	if atLeast {
		c.path[0].i = c.path[0].node.search(o, true)
	}
	return c
}

// descend reads the child that path[level] stands at and checks it against all that the path
// says of it. The block that the level below held until then, if any, must be its left
// neighbour.
func (c *Cursor) descend(level int) error {
	t, s, below := c.tree, &c.path[level], &c.path[level-1]
	prev, link := t.Kind.Null(), t.Kind.Null()
	if below.buf == nil {
		below.buf = make([]byte, t.Geo.BlockSize)
	} else {
		prev = below.block
		_, link = t.Kind.siblings(below.buf)
	}
	var err error
	below.i, below.block = 0, s.node.Ptr(s.i)
	if below.node, err = t.read(below.block, level-1, false, below.buf); err != nil {
		return err
	}
	if err := c.checkKeys(level); err != nil {
		return err
	}
	if prev != t.Kind.Null() {
		if err := t.sibling(prev, "rightsib", link, below.block); err != nil {
			return err
		}
	}
	return c.checkLinks(level, prev)
}

// nextLeaf moves to the beginning of the next leaf. ok is false when there is none.
func (c *Cursor) nextLeaf() (ok bool, err error) {
	level := 1
	for ; level <= c.top; level++ {
		if s := &c.path[level]; s.i < s.node.Len()-1 {
			s.i++
			break
		}
	}
	if level > c.top {
		return false, nil
	}
	for ; level > 0; level-- {
		if err := c.descend(level); err != nil {
			return false, err
		}
	}
	return true, nil
}
