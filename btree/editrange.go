package btree

import "iter"

// Range gives, in order, the records that touch any point from key from to key to, as
// Tree.Range does. The tree must not change meanwhile. The current record stays what it is.
func (e *Editor) Range(from, to []byte) iter.Seq2[[]byte, error] {
	lo, hi := e.Kind.key(from), e.Kind.key(to)
	return func(yield func([]byte, error) bool) {
		root, err := e.root()
		if err == nil {
			_, err = e.touching(root, lo, hi, order{}, false, yield)
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// touching gives what lies below p, where all keys are below up, if bounded. more is false when
// nothing further is wanted.
func (e *Editor) touching(p page, lo, hi, up order, bounded bool, yield func([]byte, error) bool) (more bool, err error) {
	n := p.node
	i := 0
	if !e.Kind.Overlapping {
		i = max(n.search(lo, false)-1, 0)
	}
	for ; i < n.Len() && !hi.less(n.low(i)); i++ {
		if (n.Level == 0 || e.Kind.Overlapping) && n.high(i).less(lo) {
			continue
		}
		if n.Level == 0 {
			if !yield(n.Rec(i), nil) {
				return false, nil
			}
			continue
		}
		childUp, childBounded := up, bounded
		if i < n.Len()-1 {
			childUp, childBounded = n.low(i+1), true
		}
		child, err := e.read(n.Ptr(i), n.Level-1)
		if err == nil {
			err = e.checkKeys(&child, &p, i, childUp, childBounded)
		}
		if err == nil {
			more, err = e.touching(child, lo, hi, childUp, childBounded, yield)
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}
