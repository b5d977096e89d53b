package btree

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Insert adds a record of RecSize bytes. The error is of class ErrExists when one with the same
// key is there.
//
// A full leaf first hands records on to a neighbour with room, and is split when there is none;
// likewise the nodes above it. A leaf that fills up at its end hands on as many as the
// neighbour holds, so that records that come in order leave full blocks behind.
func (e *Editor) Insert(rec []byte) error {
	o := e.Kind.low(rec)
	found, err := e.find(o)
	if err != nil {
		return err
	}
	if found {
		return fmt.Errorf("%s: %v: %w", e.Kind.Name, o, ErrExists)
	}
	leaf := &e.path[0]
	if leaf.node.n == leaf.most() {
		e.warm = false
		if err := e.makeRoom(); err != nil {
			return err
		}
	}
	if err := e.gap(leaf, leaf.i, 1); err != nil {
		return err
	}
	copy(leaf.node.Rec(leaf.i), rec[:e.Kind.RecSize])
	if leaf.node.n == 1 {
		return e.fixKeys()
	}
	return e.widenKeys()
}

// makeRoom sees to it that the path's leaf has room for one more entry, at its current one. It
// finds out how far up blocks must be split, takes the new blocks, and then goes down again
// from there.
func (e *Editor) makeRoom() error {
	level, grow := 0, false
	var s shift
	for ; ; level++ {
		p := &e.path[level]
		if p.node.n < p.most() {
			break
		}
		if grow = level == e.top; grow {
			break
		}
		var err error
		if s, err = e.planShift(level); err != nil {
			return err
		}
		if s.count > 0 {
			break
		}
	}
	if err := e.takeFor(level, grow); err != nil {
		return err
	}
	switch {
	case grow && e.Fork != nil:
		if err := e.pushDown(&e.fresh[level]); err != nil {
			return err
		}
	case grow:
		if err := e.newRoot(&e.fresh[level+1]); err != nil {
			return err
		}
		if err := e.split(level); err != nil {
			return err
		}
	case s.count > 0:
		if err := e.shift(level, &s); err != nil {
			return err
		}
	}
	for level--; level >= 0; level-- {
		if err := e.split(level); err != nil {
			return err
		}
	}
	return nil
}

// takeFor takes the blocks for splitting all levels below level, and with grow those for
// splitting the root, which is on that level.
func (e *Editor) takeFor(level int, grow bool) error {
	last := level - 1
	if grow {
		if err := e.mayGrow(); err != nil {
			return err
		}
		if last = level; e.Fork == nil {
			last++ // the root's second half, and a root above it
		}
	}
	for l := 0; l <= last; l++ {
		if err := e.takeFresh(l); err != nil {
			return err
		}
	}
	return nil
}

// mayGrow checks that the tree can have one more level.
func (e *Editor) mayGrow() error {
	if e.top+1 >= format.MaxBtreeLevels {
		return e.tree().corrupt("levels", e.top+2, fmt.Sprintf("%d at most", format.MaxBtreeLevels))
	}
	return nil
}

// takeFresh takes a new block for a level, fresh[level], close to the path.
func (e *Editor) takeFresh(level int) (err error) {
	near := &e.path[min(level, e.top)]
	if near.inFork() {
		near = &e.path[e.top-1]
	}
	e.fresh[level], err = e.take(near.block, level)
	return err
}

// target is where an entry is about to be inserted in path[level]: a record at the current one,
// a child behind the current one, which is the child that was split.
func (e *Editor) target(level int) int { return e.path[level].i + min(level, 1) }

// shift is a plan to move entries of a full page to a neighbour below the same parent.
type shift struct {
	to    page
	d     int // where the neighbour is, -1 left or +1 right
	count int // 0: not possible
}

// planShift looks for a neighbour that can make room in path[level].
func (e *Editor) planShift(level int) (shift, error) {
	p, at := &e.path[level], e.target(level)
	order := [2]int{1, -1}
	if at == p.node.n {
		order = [2]int{-1, 1}
	}
	for _, d := range order {
		to, ok, err := e.sibling(level, d)
		if err != nil {
			return shift{}, err
		}
		if !ok {
			continue
		}
		if count := shiftCount(p, at, d, to.most()-to.node.n); count > 0 {
			return shift{to, d, count}, nil
		}
	}
	return shift{}, nil
}

// shiftCount is how many entries of a full page should go to a neighbour that has room for room,
// when one is to be inserted at entry at. 0 means that it does not work out: the new entry must
// find room in the page where the one before it is then.
func shiftCount(p *page, at, d, room int) int {
	n := p.node.n
	count := (room + 1) / 2 // both sides are then equally full
	if d < 0 && at == n || d > 0 && at <= 1 {
		count = room // entries come in order
	}
	count = min(count, n-p.least())
	if follows := d < 0 && at <= count || d > 0 && at > n-count; follows && count == room {
		return 0
	}
	return count
}

// shift carries out a plan. path[level] follows its target.
func (e *Editor) shift(level int, s *shift) (err error) {
	p, parent, at := &e.path[level], &e.path[level+1], e.target(level)
	n, had := p.node.n, s.to.node.n
	if s.d < 0 {
		err = e.shiftLeft(&s.to, p, s.count)
	} else {
		err = e.shiftRight(p, &s.to, s.count)
	}
	if err != nil {
		return err
	}
	if _, err := e.setKey(parent, parent.i, p); err != nil {
		return err
	}
	if _, err := e.setKey(parent, parent.i+s.d, &s.to); err != nil {
		return err
	}
	switch {
	case s.d < 0 && at <= s.count:
		s.to.i = p.i + had
	case s.d > 0 && at > n-s.count:
		s.to.i = p.i - (n - s.count)
	case s.d < 0:
		p.i -= s.count
		return nil
	default:
		return nil
	}
	*p = s.to
	parent.i += s.d
	return nil
}

// split moves the upper half of path[level] to fresh[level], right of it. path[level] is then
// the half with its target.
func (e *Editor) split(level int) error {
	p, parent, half := &e.path[level], &e.path[level+1], &e.fresh[level]
	n, at := p.node.n, e.target(level)
	keep := n / 2
	if at > keep {
		keep = n - n/2
	}
	next, linked, err := e.rightOf(level)
	if err != nil {
		return err
	}
	if err := e.setLinks(half, p.block, next.block); err != nil {
		return err
	}
	if err := e.shiftRight(p, half, n-keep); err != nil {
		return err
	}
	if err := e.setRight(p, half.block); err != nil {
		return err
	}
	if linked {
		if err := e.setLeft(&next, half.block); err != nil {
			return err
		}
	}
	if _, err := e.setKey(parent, parent.i, p); err != nil {
		return err
	}
	if err := e.addChild(parent, parent.i+1, half); err != nil {
		return err
	}
	if at > keep {
		half.i = p.i - keep
		*p = *half
		parent.i++
	}
	return nil
}

// newRoot puts a root block above the one there is.
func (e *Editor) newRoot(root *page) error {
	if err := e.addChild(root, 0, &e.path[e.top]); err != nil {
		return err
	}
	root.i = 0
	e.top++
	e.path[e.top] = *root
	e.Root, e.Levels = root.block, e.top+1
	return nil
}

// pushDown moves the entries of the root in the fork to a block below it.
func (e *Editor) pushDown(p *page) error {
	root := &e.path[e.top]
	n := root.node.n
	if err := e.gap(p, 0, n); err != nil {
		return err
	}
	p.node.move(0, root.node, 0, n)
	p.i = root.i
	e.path[e.top] = *p
	e.top++
	e.setForkRoot(e.top, 0)
	return e.addChild(&e.path[e.top], 0, p)
}

// setForkRoot starts the root in the fork anew, and puts it in the path.
func (e *Editor) setForkRoot(level, n int) {
	clear(e.Fork)
	format.RootLevel.Put(e.Fork, uint16(level))
	format.RootNumRecs.Put(e.Fork, uint16(n))
	e.path[level] = page{node: e.Kind.RootOf(e.Fork), block: e.Kind.Null(), b: e.Fork}
}
