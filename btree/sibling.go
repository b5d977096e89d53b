package btree

// sibling reads the neighbour of path[level] below the same parent: the left one with d = -1,
// the right one with d = 1. ok is false when there is none.
func (e *Editor) sibling(level, d int) (p page, ok bool, err error) {
	parent, here := &e.path[level+1], &e.path[level]
	i := parent.i + d
	if i < 0 || i >= parent.node.Len() {
		return page{}, false, nil
	}
	if p, err = e.child(level+1, i); err != nil {
		return page{}, false, err
	}
	left, right := here, &p
	if d < 0 {
		left, right = right, left
	}
	return p, true, e.checkLink(left, right)
}

// checkLink checks that two neighbours name each other.
func (e *Editor) checkLink(left, right *page) error {
	t := e.tree()
	_, link := e.Kind.siblings(left.b)
	if err := t.sibling(left.block, "rightsib", link, right.block); err != nil {
		return err
	}
	link, _ = e.Kind.siblings(right.b)
	return t.sibling(right.block, "leftsib", link, left.block)
}

// rightOf reads the block that path[level] names as its right neighbour, whoever its parent
// is. At the right edge of the tree ok is false and the page's block Null.
func (e *Editor) rightOf(level int) (p page, ok bool, err error) {
	here, t := &e.path[level], e.tree()
	_, link := e.Kind.siblings(here.b)
	up, bounded := e.bound(level + 1)
	if !bounded {
		return page{block: e.Kind.Null()}, false, t.sibling(here.block, "rightsib", link, e.Kind.Null())
	}
	if p, err = e.read(link, level); err != nil {
		return page{}, false, err
	}
	if p.node.Len() == 0 || p.node.low(0) != up {
		return page{}, false, t.corruptBlock(here.block, "rightsib", t.number(link), "the block that its parent has next")
	}
	return p, true, e.checkLink(here, &p)
}

// setLinks sets both links of a new block.
func (e *Editor) setLinks(p *page, left, right uint64) error {
	if err := e.setLeft(p, left); err != nil {
		return err
	}
	return e.setRight(p, right)
}
