package check

import (
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// treeWalk goes over all of a B+tree. Unlike btree.Tree it does not stop at the first thing that
// is wrong: it reports all of it, and gives the records of what can be read.
//
// A block is read when its magic number, checksum, level and number of records are right and, in
// the tree of a fork, its owner; in a group's tree the checksum may be wrong if nothing else is. What
// lies below others is left out. Wrong keys, links and
// addresses are reported and not followed. As long as keys ascend no block can be met twice;
// from the first thing on that is wrong, the walk remembers where it was. So it ends, whatever
// the image holds.
type treeWalk struct {
	w    *worker
	kind *btree.Kind
	ag   format.AGNumber // of a tree of a group
	ino  format.Ino      // that has a tree of a fork
	at   Place           // of the tree as a whole; findings keep its Ino and Offset

	root   uint64
	levels int    // 1 when the root is a leaf
	fork   []byte // holds the root instead, as in btree.Tree

	// owner has the tree's blocks, which the walk reports with own unless it is the zero owner.
	// block is called for each of them, if it is not nil.
	owner space.Owner
	block func(block uint64)
	// visit is called for each record, leaf by leaf. In a sound tree this is the kind's order;
	// records out of order are given as they lie. The record is valid during the call.
	visit func(rec []byte)

	blocks uint32 // that were read
	here   uint64 // the leaf that visit is called for, and the record's place in it
	index  int

	*treePath
	partial bool // something could not be read
	top     int
	last    btree.Point // of the records so far, the last one's low key
	any     bool        // there was a record
}

// treePath is where a walk stands, and its memory, which the next one uses again.
type treePath struct {
	level   [format.MaxBtreeLevels + 1]treeLevel
	met     []uint64            // blocks read so far
	visited map[uint64]struct{} // the same, when something is wrong; else nil
}

// treeLevel is what a walk knows of one level.
type treeLevel struct {
	node  btree.Node
	block uint64
	prev  neighbour // the block read before on this level

	buf         []byte // blocks below the node above: these of its entries
	first, have int
}

// neighbour is the block to the left of the next one.
type neighbour struct {
	block   uint64 // Null at the left edge
	right   uint64 // its link to the right
	known   bool   // which block it is
	hasLink bool   // right was read
}

// treeBufs are the paths of a worker that are not in use.
type treeBufs []*treePath

func (b *treeBufs) take() *treePath {
	if n := len(*b); n > 0 {
		p := (*b)[n-1]
		*b = (*b)[:n-1]
		return p
	}
	return new(treePath)
}

func (b *treeBufs) give(p *treePath) {
	p.met, p.visited = p.met[:0], nil
	*b = append(*b, p)
}

// run walks the tree. It reports whether all of it was read.
func (t *treeWalk) run() (complete bool) {
	t.treePath = t.w.tree.take()
	defer func() { t.w.tree.give(t.treePath) }()
	null := t.kind.Null()
	for i := range t.level {
		l := &t.level[i]
		l.prev, l.have = neighbour{block: null, known: true}, 0
	}
	if t.fork != nil {
		t.forkRoot()
	} else {
		t.blockRoot()
	}
	if t.w.stopped() {
		return false
	}
	for i := range t.top + 1 {
		if p := t.level[i].prev; p.hasLink && p.right != null {
			t.sibling(p.block, "rightsib", p.right, null)
		}
	}
	return !t.partial
}

func (t *treeWalk) forkRoot() {
	n := t.kind.RootOf(t.fork)
	if n.Level < 1 || n.Level > format.MaxBtreeLevels {
		t.report(BtreeLevel, t.kind.Null(), "level", n.Level, format.MaxBtreeLevels)
		t.partial = true
		return
	}
	if got := int(format.RootNumRecs.Get(t.fork)); got < 1 || got > n.Len() {
		t.report(BtreeNumRecs, t.kind.Null(), "numrecs", got, n.Len())
		t.partial = true
		return
	}
	t.top = n.Level - 1 // the highest level that has blocks
	l := &t.level[n.Level]
	l.node, l.block = n, t.kind.Null()
	t.children(n.Level)
}

func (t *treeWalk) blockRoot() {
	if t.levels < 1 || t.levels > format.MaxBtreeLevels {
		t.report(BtreeLevel, t.kind.Null(), "levels", t.levels, format.MaxBtreeLevels)
		t.partial = true
		return
	}
	t.top = t.levels - 1
	if !t.valid(t.root) {
		t.report(BtreePointer, t.kind.Null(), "root", t.root, nil)
		t.partial = true
		return
	}
	l := &t.level[t.top]
	l.buf = t.room(l.buf, 1)
	if !t.w.read(l.buf, t.offset(t.root), t.place(t.root)) || !t.enter(t.top, t.root, l.buf) {
		t.lost(t.top, t.root)
		return
	}
	t.contents(t.top)
}

// children goes to all children of the node on a level. high is the greatest high key of all
// records below, as far as it can be known; only overlapping kinds have one.
func (t *treeWalk) children(level int) (high btree.Point) {
	up := &t.level[level]
	if up.node.Unsorted(1) >= 0 {
		t.remember() // wrong keys below, or something unreadable
	}
	t.level[level-1].have = 0
	for i := 0; i < up.node.Len() && !t.w.stopped(); i++ {
		if t.kind == btree.Rmapbt {
			t.keyFlags(up, i)
		}
		h := t.child(level, i)
		if t.kind.Overlapping && (i == 0 || high.Compare(h) < 0) {
			high = h
		}
	}
	return high
}

// keyFlags judges the keys of a node of rmapbt: an extent is found whether it was written or not, so
// keys don't say that.
func (t *treeWalk) keyFlags(up *treeLevel, i int) {
	key := up.node.Key(i)
	for _, half := range [...]struct {
		code  *Code
		field string
		word  format.U64[uint64]
	}{{BtreeKey, "extentflag", format.RmapKeyOffset}, {BtreeHighKey, "extentflag_hi", format.RmapHighKeyOffset}} {
		if half.word.Get(key)&format.RmapUnwritten != 0 {
			t.report(half.code, up.block, indexed("keys", i)+"."+half.field, 1, 0)
		}
	}
}

// child goes to one child of the node on a level.
func (t *treeWalk) child(level, i int) (high btree.Point) {
	up := &t.level[level]
	if t.kind.Overlapping {
		high = up.node.High(i)
	}
	block := up.node.Ptr(i)
	if !t.valid(block) {
		t.report(BtreePointer, up.block, indexed("ptrs", i), block, nil)
		t.unknownBelow(level)
		t.level[level-1].prev.known = false
		return high
	}
	if t.visited != nil {
		if _, twice := t.visited[block]; twice {
			t.report(BtreeTwice, up.block, indexed("ptrs", i), block, nil)
			t.unknownBelow(level)
			t.level[level-1].prev.known = false
			return high
		}
	}
	b := t.fetch(level, i)
	if b == nil || !t.enter(level-1, block, b) {
		t.lost(level-1, block)
		return high
	}
	n := t.level[level-1].node
	if got, want := up.node.Low(i), n.Low(0); got.Compare(want) != 0 {
		t.report(BtreeKey, up.block, indexed("keys", i), got, want)
	}
	got := high
	if h := t.contents(level - 1); t.kind.Overlapping {
		if high = h; got.Compare(high) != 0 {
			t.report(BtreeHighKey, up.block, indexed("keys", i), got, high)
		}
	}
	return high
}

// contents goes over what the block on a level holds. high is as in children.
func (t *treeWalk) contents(level int) (high btree.Point) {
	if level > 0 {
		return t.children(level)
	}
	l := &t.level[0]
	n := l.node
	if n.Len() == 0 {
		return high
	}
	if t.any && t.last.Compare(n.Low(0)) >= 0 {
		t.report(BtreeOrder, l.block, "recs[0]", n.Low(0), t.last)
	}
	for i := n.Unsorted(1); i >= 0; i = n.Unsorted(i + 1) {
		t.report(BtreeOrder, l.block, indexed("recs", i), n.Low(i), n.Low(i-1))
	}
	t.last, t.any = n.Low(n.Len()-1), true
	t.here = l.block
	if t.visit != nil {
		for t.index = range n.Len() {
			t.visit(n.Rec(t.index))
		}
	}
	if t.kind.Overlapping {
		high = n.MaxHigh()
	}
	return high
}

// lost takes note that the block which should be next on a level can't be read.
func (t *treeWalk) lost(level int, block uint64) {
	t.unknownBelow(level)
	_, met := t.visited[block]
	t.level[level].prev = neighbour{block: block, known: !met}
}

// unknownBelow takes note that there is something missing below a level.
func (t *treeWalk) unknownBelow(level int) {
	t.partial = true
	t.remember()
	for l := range level {
		t.level[l].prev = neighbour{}
	}
}

// remember makes sure that no block is read twice from now on.
func (t *treeWalk) remember() {
	if t.visited != nil {
		return
	}
	t.visited = make(map[uint64]struct{}, len(t.met))
	for _, b := range t.met {
		t.visited[b] = struct{}{}
	}
}
