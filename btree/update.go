package btree

import "fmt"

// Update replaces the record with the key of was by rec, in place when it keeps its place in
// the order, otherwise by deleting and inserting. The error is of class ErrNotFound when there
// is none, and of class ErrExists when the key of rec is another record's.
func (e *Editor) Update(was, rec []byte) error {
	from, to := e.Kind.low(was), e.Kind.low(rec)
	found, err := e.find(from)
	if err != nil {
		return err
	}
	if !found {
		return e.notFound(from)
	}
	stays, err := e.stays(from, to)
	if err != nil {
		return err
	}
	if stays {
		return e.replace(rec)
	}
	if found, err = e.find(to); err != nil {
		return err
	}
	if found {
		return fmt.Errorf("%s: %v: %w", e.Kind.Name, to, ErrExists)
	}
	if err := e.Delete(was); err != nil {
		return err
	}
	return e.Insert(rec)
}

// stays reports whether the current record, of order from, is the right place for one of order
// to.
func (e *Editor) stays(from, to order) (bool, error) {
	if from == to {
		return true, nil
	}
	leaf := &e.path[0]
	if from.less(to) {
		if leaf.i < leaf.node.n-1 {
			return to.less(leaf.node.low(leaf.i + 1)), nil
		}
		up, bounded := e.bound(1)
		return !bounded || to.less(up), nil
	}
	if leaf.i > 0 {
		return leaf.node.low(leaf.i - 1).less(to), nil
	}
	path := e.path
	e.placed = true
	before, err := e.Prev()
	e.path, e.placed = path, false
	return before == nil || e.Kind.low(before).less(to), err
}

// replace overwrites the current record.
func (e *Editor) replace(rec []byte) error {
	leaf := &e.path[0]
	inner := e.inner()
	if err := e.changeEntries(leaf, leaf.i, leaf.i+1); err != nil {
		return err
	}
	copy(leaf.node.Rec(leaf.i), rec[:e.Kind.RecSize])
	if inner {
		return e.widenKeys()
	}
	return e.fixKeys()
}
