package btree

import "iter"

// Range gives, in order, the records that touch any point from key from to key to, both
// included: those with a low key not above to and a high key not below from. The keys are as in
// a node, LowSize bytes or more. A record covers blocks, inodes or offsets; in Cntbt it is
// nothing but its own point. As in All, a record is valid until the next one is asked for.
//
// In an overlapping kind the keys are points of three parts, and so records with other owners
// come along that begin before from's block and end behind it; the caller sorts them out.
func (t *Tree) Range(from, to []byte) iter.Seq2[[]byte, error] {
	lo, hi := t.Kind.key(from), t.Kind.key(to)
	if t.Kind.Overlapping {
		return t.overlapping(lo, hi)
	}
	return func(yield func([]byte, error) bool) {
		c := t.start(lo, false)
		for {
			rec, ok, err := c.Next()
			switch {
			case err != nil:
				yield(nil, err)
				return
			case !ok || hi.less(t.Kind.low(rec)):
				return
			case !t.Kind.high(rec).less(lo) && !yield(rec, nil):
				return
			}
		}
	}
}

// overlapping goes down only where a node's high key says that something reaches lo.
func (t *Tree) overlapping(lo, hi order) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		c := t.open()
		if c.err == nil {
			_, c.err = c.overlapping(c.top, lo, hi, yield)
		}
		if c.err != nil {
			yield(nil, c.err)
		}
	}
}

// overlapping gives what lies below path[level]. more is false when nothing further is wanted.
func (c *Cursor) overlapping(level int, lo, hi order, yield func([]byte, error) bool) (more bool, err error) {
	s := &c.path[level]
	for s.i = 0; s.i < s.node.Len() && !hi.less(s.node.low(s.i)); s.i++ {
		if s.node.high(s.i).less(lo) {
			continue
		}
		if level == 0 {
			more = yield(s.node.Rec(s.i), nil)
		} else if err = c.jump(level); err == nil {
			more, err = c.overlapping(level-1, lo, hi, yield)
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// jump is descend to a child that need not be the right neighbour of the last one.
func (c *Cursor) jump(level int) error {
	for l := range level {
		c.path[l].block = c.tree.Kind.Null()
	}
	return c.descend(level)
}
