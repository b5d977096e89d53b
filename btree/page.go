package btree

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// The methods here change single pages. Each announces the bytes before it writes them. The
// root in a fork is changed as well, but has nobody to announce it to: its inode is the
// caller's.

// most is how many entries a page holds.
func (p *page) most() int {
	if p.inFork() {
		return format.RootMaxRecs(len(p.b))
	}
	return p.node.Kind.MaxRecs(len(p.b), p.node.Level)
}

// least is how many it must hold when it is neither the root nor the only child of one in a
// fork.
func (p *page) least() int { return p.most() / 2 }

func (p *page) inFork() bool { return p.block == p.node.Kind.Null() }

// change announces n bytes from off of a page.
func (e *Editor) change(p *page, off, n int) error {
	if n == 0 || p.inFork() {
		return nil
	}
	b, err := e.Pages.Change(p.block, off, n)
	if err != nil {
		return e.wrap(p.block, err)
	}
	p.b, p.node = b, e.Kind.NodeOf(b)
	return nil
}

// changeEntries announces entries i up to j.
func (e *Editor) changeEntries(p *page, i, j int) error {
	k := e.Kind
	if p.node.Level == 0 {
		return e.change(p, k.HeaderSize()+i*k.RecSize, (j-i)*k.RecSize)
	}
	if err := e.change(p, k.HeaderSize()+i*k.KeySize, (j-i)*k.KeySize); err != nil {
		return err
	}
	return e.change(p, k.HeaderSize()+p.most()*k.KeySize+i*k.PtrSize(), (j-i)*k.PtrSize())
}

// changeKey announces key i of a node.
func (e *Editor) changeKey(p *page, i int) error {
	return e.change(p, e.Kind.HeaderSize()+i*e.Kind.KeySize, e.Kind.KeySize)
}

func (e *Editor) setLen(p *page, n int) error {
	if p.inFork() {
		format.RootNumRecs.Put(p.b, uint16(n))
		p.node.n = n
		return nil
	}
	if err := e.change(p, int(format.ShortNumRecs), 2); err != nil {
		return err
	}
	format.ShortNumRecs.Put(p.b, uint16(n))
	p.node.n = n
	return nil
}

// move copies count entries of m from i on to entries at and following; both nodes may be the
// same.
func (n Node) move(at int, m Node, i, count int) {
	k := n.Kind
	if n.Level == 0 {
		copy(n.recs[at*k.RecSize:], m.recs[i*k.RecSize:(i+count)*k.RecSize])
		return
	}
	copy(n.recs[at*k.KeySize:], m.recs[i*k.KeySize:(i+count)*k.KeySize])
	size := k.PtrSize()
	copy(n.ptrs[at*size:], m.ptrs[i*size:(i+count)*size])
}

// gap makes room for count entries at i, to be filled in.
func (e *Editor) gap(p *page, i, count int) error {
	n := p.node.n
	if err := e.changeEntries(p, i, n+count); err != nil {
		return err
	}
	if err := e.setLen(p, n+count); err != nil {
		return err
	}
	p.node.move(i+count, p.node, i, n-i)
	return nil
}

// cut removes count entries from i on.
func (e *Editor) cut(p *page, i, count int) error {
	n := p.node.n - count
	if err := e.changeEntries(p, i, n); err != nil {
		return err
	}
	p.node.move(i, p.node, i+count, n-i)
	return e.setLen(p, n)
}

// shiftLeft moves the first count entries of right to the end of its neighbour left.
func (e *Editor) shiftLeft(left, right *page, count int) error {
	n := left.node.n
	if err := e.gap(left, n, count); err != nil {
		return err
	}
	left.node.move(n, right.node, 0, count)
	return e.cut(right, 0, count)
}

// shiftRight moves the last count entries of left to the front of its neighbour right.
func (e *Editor) shiftRight(left, right *page, count int) error {
	if err := e.gap(right, 0, count); err != nil {
		return err
	}
	n := left.node.n - count
	right.node.move(0, left.node, n, count)
	return e.setLen(left, n)
}

// addChild inserts entry i, for child, into parent.
func (e *Editor) addChild(parent *page, i int, child *page) error {
	if err := e.gap(parent, i, 1); err != nil {
		return err
	}
	child.node.summary(parent.node.Key(i))
	parent.node.setPtr(i, child.block)
	return nil
}

// setRight and setLeft change one of a block's links.
func (e *Editor) setRight(p *page, right uint64) error {
	if e.Kind.Long {
		if err := e.change(p, int(format.LongRightSib), 8); err != nil {
			return err
		}
		format.LongRightSib.Put(p.b, format.FSBlock(right))
		return nil
	}
	if err := e.change(p, int(format.ShortRightSib), 4); err != nil {
		return err
	}
	format.ShortRightSib.Put(p.b, format.AGBlock(right))
	return nil
}

func (e *Editor) setLeft(p *page, left uint64) error {
	if e.Kind.Long {
		if err := e.change(p, int(format.LongLeftSib), 8); err != nil {
			return err
		}
		format.LongLeftSib.Put(p.b, format.FSBlock(left))
		return nil
	}
	if err := e.change(p, int(format.ShortLeftSib), 4); err != nil {
		return err
	}
	format.ShortLeftSib.Put(p.b, format.AGBlock(left))
	return nil
}

// take gets a new block for the given level, with no entries.
func (e *Editor) take(near uint64, level int) (page, error) {
	block, b, err := e.Pages.New(near)
	if err != nil {
		return page{}, fmt.Errorf("%s: new block: %w", e.Kind.Name, err)
	}
	k := e.Kind
	k.header(b, level, 0, k.Null(), k.Null(), k.home(e.Geo, e.AG, e.Owner, block))
	return page{node: k.NodeOf(b), block: block, b: b}, nil
}

func (e *Editor) give(block uint64) error {
	if err := e.Pages.Free(block); err != nil {
		return e.wrap(block, err)
	}
	return nil
}
