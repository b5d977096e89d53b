package dabtree

import (
	"bytes"
	"fmt"
	"slices"
	"sort"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Blocks is a fork of metadata in a transaction: blocks of one size, that of a directory or of
// attributes, at offsets that count in filesystem blocks.
type Blocks interface {
	// Read returns the block at an offset, which holds one of the types.
	Read(off format.FileOff, types ...*format.BlockType) (*txn.Buf, error)
	// Change announces changes of a block; see txn.Tx.Change.
	Change(b *txn.Buf, off, n int) []byte
	// New gives the fork a zeroed block of a type at an offset that has none.
	New(off format.FileOff, t *format.BlockType) (*txn.Buf, error)
	// Replace makes the block at an offset a zeroed one of another type.
	Replace(off format.FileOff, t *format.BlockType) (*txn.Buf, error)
	// Free takes the block at an offset away.
	Free(off format.FileOff) error
	// Mapped gives the offset of the first block from off on.
	Mapped(off format.FileOff) (at format.FileOff, ok bool, err error)
	// Unmapped gives the first of n offsets in a row, from off on, that have no blocks.
	Unmapped(off format.FileOff, n int) (format.FileOff, error)
}

// Rewrite gives a block new content. Only what differs counts as changed.
func Rewrite(blocks Blocks, b *txn.Buf, content []byte) {
	for i := 0; i < len(content); i += format.LogBufChunk {
		if part := content[i : i+format.LogBufChunk]; !bytes.Equal(part, b.Data[i:i+format.LogBufChunk]) {
			copy(blocks.Change(b, i, format.LogBufChunk)[i:], part)
		}
	}
}

// Editor is a tree open for changes. The entries of leaves are the business of its user, who
// tells it when a leaf's highest hash changes, when one is split and when one is empty.
type Editor struct {
	Geo    *format.Geometry
	Owner  format.Ino
	Base   format.FileOff // of the root, in filesystem blocks
	Blocks Blocks
	// Node and Leaf are the types of the tree's blocks.
	Node, Leaf *format.BlockType
}

// maxDepth bounds how deep a tree may be.
const maxDepth = 8

// Path leads from the root to a leaf.
type Path struct {
	nodes []step // from the root
	Off   format.FileOff
	Leaf  *txn.Buf
}

// step is a node, and the entry of it that was taken.
type step struct {
	off format.FileOff
	b   *txn.Buf
	i   int
}

func entry(b *txn.Buf, i int) []byte {
	return b.Data[format.DaNode.Size+i*format.DaNodeEntry.Size:][:format.DaNodeEntry.Size]
}

func (s *step) count() int { return int(format.DaNodeCount.Get(s.b.Data)) }

// Find leads to the first leaf that can hold hash h; to the last one when all are below h.
func (e *Editor) Find(h format.Hash) (*Path, error) {
	p := &Path{Off: e.Base}
	for {
		b, err := e.Blocks.Read(p.Off, e.Leaf, e.Node)
		if err != nil {
			return nil, err
		}
		if b.Type == e.Leaf {
			p.Leaf = b
			return p, nil
		}
		if err := e.checkNode(p, b); err != nil {
			return nil, err
		}
		s := step{off: p.Off, b: b}
		n := s.count()
		s.i = sort.Search(n, func(i int) bool { return format.DaEntryHash.Get(entry(b, i)) >= h })
		s.i = min(s.i, n-1)
		p.nodes = append(p.nodes, s)
		p.Off = format.FileOff(format.DaEntryBefore.Get(entry(b, s.i)))
	}
}

// checkNode makes sure that going down ends.
func (e *Editor) checkNode(p *Path, b *txn.Buf) error {
	level := int(format.DaNodeLevel.Get(b.Data))
	want := level
	if k := len(p.nodes); k > 0 {
		want = int(format.DaNodeLevel.Get(p.nodes[k-1].b.Data)) - 1
	}
	if level != want || level < 1 || level > maxDepth || format.DaNodeCount.Get(b.Data) == 0 {
		return e.corrupt(b, "nhdr.level", fmt.Sprintf("%d with %d entries", level, format.DaNodeCount.Get(b.Data)), want)
	}
	return nil
}

func (e *Editor) corrupt(b *txn.Buf, field string, got, want any) error {
	return format.Corrupt(b.Type.Name, field, got, want).At(b.Place(e.Owner))
}

// Next moves on to the leaf to the right; ok is false when there is none.
func (e *Editor) Next(p *Path) (ok bool, err error) {
	level := len(p.nodes) - 1
	for level >= 0 && p.nodes[level].i == p.nodes[level].count()-1 {
		level--
	}
	if level < 0 {
		return false, nil
	}
	p.nodes[level].i++
	p.nodes = p.nodes[:level+1]
	for {
		s := &p.nodes[len(p.nodes)-1]
		p.Off = format.FileOff(format.DaEntryBefore.Get(entry(s.b, s.i)))
		b, err := e.Blocks.Read(p.Off, e.Leaf, e.Node)
		if err != nil {
			return false, err
		}
		if b.Type == e.Leaf {
			p.Leaf = b
			return true, nil
		}
		if err := e.checkNode(p, b); err != nil {
			return false, err
		}
		p.nodes = append(p.nodes, step{off: p.Off, b: b})
	}
}

// SetHigh stores the highest hash of the path's leaf in the nodes above it.
func (e *Editor) SetHigh(p *Path, h format.Hash) {
	for k := len(p.nodes) - 1; k >= 0; k-- {
		s := &p.nodes[k]
		if format.DaEntryHash.Get(entry(s.b, s.i)) != h {
			at := format.DaNode.Size + s.i*format.DaNodeEntry.Size
			format.DaEntryHash.Put(e.Blocks.Change(s.b, at, 4)[at:], h)
		}
		if s.i < s.count()-1 {
			return
		}
	}
}

// Split makes a new leaf to the right of the path's, zeroed but for its header, and returns it.
// high is to be its highest hash, low that of the path's leaf from now on. The path leads to the
// left one of both still, though it may lie elsewhere: a root that is a leaf is moved, because
// the root stays where it is.
func (e *Editor) Split(p *Path, low, high format.Hash) (*Path, error) {
	if len(p.nodes) == 0 {
		if err := e.lowerRoot(p); err != nil {
			return nil, err
		}
	}
	off, b, err := e.newBlock(e.Leaf)
	if err != nil {
		return nil, err
	}
	if err := e.link(p.Off, p.Leaf, off, b); err != nil {
		return nil, err
	}
	e.SetHigh(p, low)
	right := &Path{Off: off, Leaf: b}
	return right, e.insert(p, right, len(p.nodes)-1, off, high)
}

// lowerRoot moves the root to a block of its own and makes a node with one entry of it.
func (e *Editor) lowerRoot(p *Path) error {
	old, level := p.Leaf, 1
	if len(p.nodes) > 0 {
		old = p.nodes[0].b
		level = int(format.DaNodeLevel.Get(old.Data)) + 1
	}
	off, b, err := e.newBlock(old.Type)
	if err != nil {
		return err
	}
	bno := format.DaBno.Get(b.Data)
	copy(b.Data, old.Data)
	format.DaBno.Put(b.Data, bno)
	root, err := e.Blocks.Replace(e.Base, e.Node)
	if err != nil {
		return err
	}
	e.header(root)
	format.DaNodeCount.Put(root.Data, 1)
	format.DaNodeLevel.Put(root.Data, uint16(level))
	format.DaEntryBefore.Put(entry(root, 0), uint32(off))
	if len(p.nodes) == 0 {
		p.Leaf, p.Off = b, off
	} else {
		p.nodes[0].b, p.nodes[0].off = b, off
		last := step{b: b}
		format.DaEntryHash.Put(entry(root, 0), format.DaEntryHash.Get(entry(b, last.count()-1)))
	}
	p.nodes = append([]step{{off: e.Base, b: root}}, p.nodes...)
	return nil
}

// newBlock takes the first free offset behind the root.
func (e *Editor) newBlock(t *format.BlockType) (format.FileOff, *txn.Buf, error) {
	off, err := e.Blocks.Unmapped(e.Base, 1)
	if err != nil {
		return 0, nil, err
	}
	b, err := e.Blocks.New(off, t)
	if err == nil {
		e.header(b)
	}
	return off, b, err
}

// header fills in what a block says of itself.
func (e *Editor) header(b *txn.Buf) {
	b.Type.Stamp(e.Geo, b.Data, b.Place(e.Owner))
}

// link puts a new block into the chain of its level, to the right of another.
func (e *Editor) link(left format.FileOff, l *txn.Buf, off format.FileOff, b *txn.Buf) error {
	next := format.DaForw.Get(l.Data)
	format.DaBack.Put(b.Data, uint32(left))
	format.DaForw.Put(b.Data, next)
	format.DaForw.Put(e.Blocks.Change(l, int(format.DaForw), 4), uint32(off))
	if next == 0 {
		return nil
	}
	return e.setBack(format.FileOff(next), uint32(off), l.Type)
}

func (e *Editor) setBack(off format.FileOff, back uint32, t *format.BlockType) error {
	r, err := e.Blocks.Read(off, t)
	if err == nil {
		format.DaBack.Put(e.Blocks.Change(r, int(format.DaBack), 4), back)
	}
	return err
}

// insert adds the entry of a new block, the right neighbour of the one that the path takes at a
// level, and fills in right's path down to there.
func (e *Editor) insert(p, right *Path, level int, off format.FileOff, h format.Hash) error {
	s := &p.nodes[level]
	if s.count() == NodeCap(len(s.b.Data)) {
		below := len(p.nodes) - level
		if err := e.splitNode(p, level); err != nil {
			return err
		}
		level = len(p.nodes) - below // the root may have been lowered
		s = &p.nodes[level]
	}
	n, i := s.count(), s.i+1
	at := format.DaNode.Size + i*format.DaNodeEntry.Size
	d := e.Blocks.Change(s.b, at, (n-i+1)*format.DaNodeEntry.Size)
	copy(d[at+format.DaNodeEntry.Size:], d[at:format.DaNode.Size+n*format.DaNodeEntry.Size])
	format.DaEntryHash.Put(d[at:], h)
	format.DaEntryBefore.Put(d[at:], uint32(off))
	format.DaNodeCount.Put(e.Blocks.Change(s.b, int(format.DaNodeCount), 2), uint16(n+1))

	right.nodes = append(slices.Clone(p.nodes[:level]), step{s.off, s.b, i})
	if i == n { // the node has a new highest hash
		up := &Path{nodes: right.nodes}
		e.SetHigh(up, h)
	}
	return nil
}

// splitNode moves the upper half of a full node to a new one; the path goes on through the
// half that it took.
func (e *Editor) splitNode(p *Path, level int) error {
	if level == 0 {
		if len(p.nodes) >= maxDepth {
			return e.corrupt(p.nodes[0].b, "nhdr.level", "a tree that is too deep", maxDepth)
		}
		if err := e.lowerRoot(p); err != nil {
			return err
		}
		level = 1
	}
	s := &p.nodes[level]
	off, b, err := e.newBlock(e.Node)
	if err != nil {
		return err
	}
	if err := e.link(s.off, s.b, off, b); err != nil {
		return err
	}
	n := s.count()
	keep := n / 2
	copy(b.Data[format.DaNode.Size:], s.b.Data[format.DaNode.Size+keep*format.DaNodeEntry.Size:][:(n-keep)*format.DaNodeEntry.Size])
	format.DaNodeCount.Put(b.Data, uint16(n-keep))
	format.DaNodeLevel.Put(b.Data, format.DaNodeLevel.Get(s.b.Data))
	format.DaNodeCount.Put(e.Blocks.Change(s.b, int(format.DaNodeCount), 2), uint16(keep))

	high := format.DaEntryHash.Get(entry(b, n-keep-1))
	e.SetHigh(&Path{nodes: p.nodes[:level]}, format.DaEntryHash.Get(entry(s.b, keep-1)))
	above := &Path{nodes: slices.Clone(p.nodes[:level])}
	var right Path
	if err := e.insert(above, &right, level-1, off, high); err != nil {
		return err
	}
	// The path leads through the half that has its entry. Above, it may have changed as well.
	half, nodes := p.nodes[level], above.nodes
	if half.i >= keep {
		half, nodes = step{off, b, half.i - keep}, right.nodes
	}
	p.nodes = slices.Concat(nodes, []step{half}, p.nodes[level+1:])
	return nil
}

// Remove takes the path's leaf out of the tree and frees it. The root as the only leaf stays.
func (e *Editor) Remove(p *Path) error {
	if len(p.nodes) == 0 {
		return nil
	}
	if err := e.unlink(p.Leaf); err != nil {
		return err
	}
	if err := e.Blocks.Free(p.Off); err != nil {
		return err
	}
	return e.removeEntry(p.nodes)
}

// unlink takes a block out of the chain of its level.
func (e *Editor) unlink(b *txn.Buf) error {
	back, forw := format.DaBack.Get(b.Data), format.DaForw.Get(b.Data)
	if back != 0 {
		l, err := e.Blocks.Read(format.FileOff(back), b.Type)
		if err != nil {
			return err
		}
		format.DaForw.Put(e.Blocks.Change(l, int(format.DaForw), 4), forw)
	}
	if forw != 0 {
		return e.setBack(format.FileOff(forw), back, b.Type)
	}
	return nil
}

// removeEntry removes the entry that the last of nodes takes.
func (e *Editor) removeEntry(nodes []step) error {
	k := len(nodes) - 1
	s := &nodes[k]
	n := s.count()
	if n == 1 && k > 0 {
		if err := e.unlink(s.b); err != nil {
			return err
		}
		if err := e.Blocks.Free(s.off); err != nil {
			return err
		}
		return e.removeEntry(nodes[:k])
	}
	if n == 1 {
		return e.corrupt(s.b, "nhdr.count", 1, "a root with two entries or more")
	}
	at := format.DaNode.Size + s.i*format.DaNodeEntry.Size
	d := e.Blocks.Change(s.b, at, (n-s.i)*format.DaNodeEntry.Size)
	copy(d[at:], d[at+format.DaNodeEntry.Size:format.DaNode.Size+n*format.DaNodeEntry.Size])
	format.DaNodeCount.Put(e.Blocks.Change(s.b, int(format.DaNodeCount), 2), uint16(n-1))
	if s.i == n-1 {
		e.SetHigh(&Path{nodes: nodes[:k]}, format.DaEntryHash.Get(entry(s.b, n-2)))
	}
	if n == 2 && k == 0 {
		return e.raiseRoot(s.b)
	}
	return nil
}

// raiseRoot makes the root's only child the root.
func (e *Editor) raiseRoot(root *txn.Buf) error {
	for {
		off := format.FileOff(format.DaEntryBefore.Get(entry(root, 0)))
		child, err := e.Blocks.Read(off, e.Leaf, e.Node)
		if err != nil {
			return err
		}
		b, err := e.Blocks.Replace(e.Base, child.Type)
		if err != nil {
			return err
		}
		bno := format.Daddr(b.Off >> format.BasicBlockLog)
		copy(b.Data, child.Data)
		format.DaBno.Put(b.Data, bno)
		if err := e.Blocks.Free(off); err != nil {
			return err
		}
		s := step{b: b}
		if b.Type != e.Node || s.count() > 1 {
			return nil
		}
		root = b
	}
}
