package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// hashTree goes over the hash tree of a directory or of attributes and judges how its blocks hang
// together. What leaves hold is the business of who has the tree.
type hashTree struct {
	fork *forkScan
	base format.FileOff // of the root, in filesystem blocks
	unit int            // filesystem blocks of a block
	// node and leaf are the types of blocks. lone, when not nil, is that of a root which is the
	// only leaf.
	node, leaf, lone *format.BlockType
	codes            *treeCodes
	// judge judges a block by itself and reports whether it can be read.
	judge func(typ *format.BlockType, b []byte, at Place, start format.FSBlock) bool
	// visit looks at a leaf. It returns the hashes of its first and last entry; ok is false when
	// it has none, or they can't be known.
	visit func(typ *format.BlockType, b []byte, at Place) (first, last format.Hash, ok bool)

	root    *format.BlockType // what the root is; nil when it can't be read
	partial bool
	met     map[format.FileOff]struct{} // blocks, when the root is a node
	blocks  []format.FileOff            // the same in order of the walk
	level   [format.MaxDaDepth]hashLevel
	last    format.Hash // of the leaves so far
	any     bool
}

// hashLevel is what is known of a level: 0 are the leaves.
type hashLevel struct {
	buf   []byte
	prev  format.FileOff // the block before; 0 at the left edge
	forw  format.FileOff // what it names as the next one
	known bool           // which block that is
	links bool           // prev was read
	place Place          // of prev
}

// treeCodes are the codes of what is wrong with a hash tree.
type treeCodes struct{ pointer, level, key, sibling, order *Code }

// run walks the tree. It reports whether all of it could be read.
func (t *hashTree) run() (complete bool) {
	t.root, t.partial, t.any = nil, false, false
	t.blocks = t.blocks[:0]
	t.met = nil
	for i := range t.level {
		t.level[i] = hashLevel{buf: t.level[i].buf, known: true}
	}
	b, at, start, ok := t.fetch(t.base, InInode(t.fork.f.ino))
	if !ok {
		return false
	}
	typ := t.node
	switch magic := uint32(format.DaMagic.Get(b)); {
	case magic == t.leaf.Magic:
		typ = t.leaf
	case t.lone != nil && magic == t.lone.Magic:
		typ = t.lone
	}
	if typ != t.node {
		t.root = typ
		t.leafBlock(typ, t.base, b, at, start)
	} else {
		t.met = map[format.FileOff]struct{}{t.base: {}}
		if t.nodeBlock(t.base, b, at, start, -1) {
			t.root = typ
		}
	}
	for i := range t.level {
		if l := &t.level[i]; l.links && l.forw != 0 {
			t.sayLink(l.place, "forw", l.forw, 0)
		}
	}
	return !t.partial
}

// fetch reads the block at an offset, which something at says. Where it can't, that is reported.
func (t *hashTree) fetch(off format.FileOff, at Place) (b []byte, place Place, start format.FSBlock, ok bool) {
	if t.fork.mapped(off, t.unit) < t.unit {
		t.partial = true
		t.say(t.codes.pointer, at, "before", off, "a block that the fork has")
		return nil, at, 0, false
	}
	b, start, ok = t.fork.block(off, t.unit, false)
	if !ok {
		t.partial = true
	}
	return b, t.fork.placeOf(off, start, t.unit), start, ok
}

func (t *hashTree) say(code *Code, at Place, field string, got, want any) {
	t.fork.f.w.report(Finding{Code: code, Structure: t.node.Name, Field: field, Place: at, Got: text(got), Want: text(want)})
}

func (t *hashTree) sayLink(at Place, field string, got, want format.FileOff) {
	t.say(t.codes.sibling, at, field, got, want)
}

// lost takes note that a block on a level, and what is below it, can't be read.
func (t *hashTree) lost(level int) {
	t.partial = true
	for i := range level + 1 {
		t.level[i].known, t.level[i].links = false, false
	}
}

// links compares a block's links with its neighbours on the level.
func (t *hashTree) links(level int, off format.FileOff, b []byte, at Place) {
	l := &t.level[level]
	forw, back := format.FileOff(format.DaForw.Get(b)), format.FileOff(format.DaBack.Get(b))
	if l.known && back != l.prev {
		t.sayLink(at, "back", back, l.prev)
	}
	if l.links && l.forw != off {
		t.sayLink(l.place, "forw", l.forw, off)
	}
	l.prev, l.forw, l.known, l.links, l.place = off, forw, true, true, at
}

// nodeBlock goes over a node, which is in b. want is its level, -1 when it is the root.
func (t *hashTree) nodeBlock(off format.FileOff, b []byte, at Place, start format.FSBlock, want int) (ok bool) {
	ok = t.judge(t.node, b, at, start)
	level, n := int(format.DaNodeLevel.Get(b)), int(format.DaNodeCount.Get(b))
	if ok && want >= 0 && level != want {
		t.say(t.codes.level, at, "nhdr.level", level, want)
		ok = false
	}
	if !ok || level < 1 || level >= format.MaxDaDepth || n == 0 || n > format.DaNodeRoom(len(b)) {
		t.lost(max(want, 0))
		return false
	}
	t.blocks = append(t.blocks, off)
	t.links(level, off, b, at)
	l := &t.level[level]
	l.buf = append(l.buf[:0], b...) // what follows reads other blocks
	for i := range n {
		if t.fork.f.w.stopped() {
			t.partial = true
			return true
		}
		e := l.buf[format.DaNode.Size+i*format.DaNodeEntry.Size:]
		t.child(level-1, i, format.FileOff(format.DaEntryBefore.Get(e)), format.DaEntryHash.Get(e), at)
	}
	return true
}

// child goes to a child on a level, whose greatest hash should be key.
func (t *hashTree) child(level, i int, off format.FileOff, key format.Hash, parent Place) {
	_, twice := t.met[off]
	if off <= t.base || (off-t.base)%format.FileOff(t.unit) != 0 || twice {
		t.say(t.codes.pointer, parent, fmt.Sprintf("nbtree[%d].before", i), off, "a block of the tree, once")
		t.lost(level)
		return
	}
	t.met[off] = struct{}{}
	b, at, start, ok := t.fetch(off, parent)
	if !ok {
		t.lost(level)
		return
	}
	if level > 0 {
		ok = t.nodeBlock(off, b, at, start, level)
	} else {
		ok = t.leafBlock(t.leaf, off, b, at, start)
	}
	if ok && t.whole(level) && t.last != key {
		t.say(t.codes.key, parent, fmt.Sprintf("nbtree[%d].hashval", i), hex(uint32(key)), hex(uint32(t.last)))
	}
}

// whole reports whether the last block of each level below was read, so that last is its hash.
func (t *hashTree) whole(level int) bool {
	for i := range level + 1 {
		if !t.level[i].links {
			return false
		}
	}
	return true
}

// leafBlock goes over a leaf.
func (t *hashTree) leafBlock(typ *format.BlockType, off format.FileOff, b []byte, at Place, start format.FSBlock) (ok bool) {
	if !t.judge(typ, b, at, start) {
		t.lost(0)
		return false
	}
	t.blocks = append(t.blocks, off)
	t.links(0, off, b, at)
	first, last, ok := t.visit(typ, b, at)
	if !ok {
		return false
	}
	if t.any && first < t.last {
		t.say(t.codes.order, at, "", hex(uint32(first)), fmt.Sprintf("%s or more, as in the leaf before", hex(uint32(t.last))))
	}
	t.last, t.any = last, true
	return true
}
