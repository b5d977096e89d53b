package btree

import "bytes"

// The keys that a path's nodes have for what is below them.

// setKey makes entry i of parent have the key that says what is in child, and reports whether
// it was another one. An empty child keeps its key.
func (e *Editor) setKey(parent *page, i int, child *page) (changed bool, err error) {
	k := e.Kind
	key := e.key[:k.KeySize]
	child.node.summary(key)
	if child.node.n == 0 || bytes.Equal(parent.node.Key(i), key) {
		return false, nil
	}
	if err := e.changeKey(parent, i); err != nil {
		return false, err
	}
	copy(parent.node.Key(i), key)
	return true, nil
}

// fixKeys brings the keys above the path's leaf up to date after it changed.
func (e *Editor) fixKeys() error {
	for level := 0; level < e.top; level++ {
		parent := &e.path[level+1]
		if changed, err := e.setKey(parent, parent.i, &e.path[level]); err != nil || !changed {
			return err
		}
	}
	return nil
}

// widenKeys is fixKeys after nothing but the current record came in. It need not look at the
// other ones.
func (e *Editor) widenKeys() error {
	k, leaf := e.Kind, &e.path[0]
	key := e.key[:k.KeySize]
	k.node(leaf.node.Rec(leaf.i), key)
	lowSize := k.LowSize()
	for level := 1; level <= e.top; level++ {
		p := &e.path[level]
		lower := k.key(key).less(p.node.low(p.i))
		higher := k.Overlapping && p.node.high(p.i).less(k.key(key[lowSize:]))
		if !lower && !higher {
			return nil
		}
		if err := e.changeKey(p, p.i); err != nil {
			return err
		}
		if lower {
			copy(p.node.Key(p.i), key[:lowSize])
		}
		if higher {
			copy(p.node.Key(p.i)[lowSize:], key[lowSize:])
		}
	}
	return nil
}

// inner reports whether the keys above don't depend on the current record: it is not the first
// of its leaf, nor the one that reaches highest.
func (e *Editor) inner() bool {
	leaf := &e.path[0]
	switch {
	case e.top == 0:
		return true
	case leaf.i == 0:
		return false
	case !e.Kind.Overlapping:
		return true
	}
	parent := &e.path[1]
	return leaf.node.high(leaf.i).less(parent.node.high(parent.i))
}
