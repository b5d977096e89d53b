package btree

// Get returns the record whose low key is key, nil when there is none. Keys are as in a node,
// LowSize bytes or more.
//
// A record is valid until the tree is changed, and must not be written to. This and the
// methods below make the record that they return the current one, from which Next and Prev go
// on. Insert, Delete and Update end that: seek again after them.
func (e *Editor) Get(key []byte) (rec []byte, err error) {
	found, err := e.find(e.Kind.key(key))
	if err != nil || !found {
		return nil, err
	}
	e.placed = true
	return e.current(), nil
}

// SeekGE returns the first record that is not below key, nil when there is none.
func (e *Editor) SeekGE(key []byte) (rec []byte, err error) {
	if _, err := e.find(e.Kind.key(key)); err != nil {
		return nil, err
	}
	e.placed = true
	e.path[0].i--
	return e.Next()
}

// SeekLE returns the last record that is not above key, nil when there is none. It is the way
// to the record that contains a point.
func (e *Editor) SeekLE(key []byte) (rec []byte, err error) {
	found, err := e.find(e.Kind.key(key))
	if err != nil {
		return nil, err
	}
	e.placed = true
	if found {
		return e.current(), nil
	}
	return e.Prev()
}

// First returns the first record, nil when the tree is empty.
func (e *Editor) First() (rec []byte, err error) { return e.edge(1) }

// Last returns the last record, nil when the tree is empty. In Cntbt it is the longest extent.
func (e *Editor) Last() (rec []byte, err error) { return e.edge(-1) }

// Next returns the record behind the current one, nil when there is none. It then stands behind
// the last record, and Prev would return that.
func (e *Editor) Next() (rec []byte, err error) { return e.step(1) }

// Prev returns the record before the current one, nil when there is none. It then stands before
// the first record, and Next would return that.
func (e *Editor) Prev() (rec []byte, err error) { return e.step(-1) }

func (e *Editor) current() []byte { return e.path[0].node.Rec(e.path[0].i) }

// edge goes to the first record with d = 1, to the last with d = -1.
func (e *Editor) edge(d int) (rec []byte, err error) {
	if err := e.open(); err != nil {
		return nil, err
	}
	if err := e.down(e.top, d); err != nil {
		return nil, err
	}
	e.placed = true
	return e.step(d)
}

// down goes from path[level] to the leaf at its edge, and there before the first or, with
// d = -1, behind the last record.
func (e *Editor) down(level, d int) error {
	for ; ; level-- {
		p := &e.path[level]
		if p.i = 0; d < 0 {
			p.i = p.node.Len() - 1
		}
		if level == 0 {
			p.i -= d
			return nil
		}
		if err := e.descend(level); err != nil {
			return err
		}
	}
}

// step goes to the next record with d = 1, to the previous with d = -1.
func (e *Editor) step(d int) (rec []byte, err error) {
	if !e.placed {
		return nil, errPosition
	}
	for {
		leaf := &e.path[0]
		if i := leaf.i + d; i >= 0 && i < leaf.node.Len() {
			leaf.i = i
			return leaf.node.Rec(i), nil
		}
		level := 1
		for ; level <= e.top; level++ {
			if i := e.path[level].i + d; i >= 0 && i < e.path[level].node.Len() {
				break
			}
		}
		if level > e.top {
			if leaf.i = -1; d > 0 {
				leaf.i = leaf.node.Len()
			}
			return nil, nil
		}
		warm := e.warm
		e.placed, e.warm = false, false // until the leaf is reached
		e.path[level].i += d
		if err := e.descend(level); err != nil {
			return nil, err
		}
		if err := e.down(level-1, d); err != nil {
			return nil, err
		}
		e.placed, e.warm = true, warm
	}
}
