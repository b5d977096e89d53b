package btree

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Pages is where an Editor reads the blocks of its tree, announces what it changes, and gets and
// gives back blocks. A transaction implements it.
//
// Blocks are FSBlocks in a long kind, else AGBlocks. Checksums and LSNs are the
// implementation's business.
type Pages interface {
	// Read returns the current content of a block, checked when it came from the device. The
	// slice stays readable until the transaction ends; it must not be written to.
	Read(block uint64) ([]byte, error)
	// Change announces that n bytes from off of a block change, and returns the whole block, to
	// be written to in that range only.
	Change(block uint64, off, n int) ([]byte, error)
	// New takes a block for the tree, close to block near if possible. It is zeroed, and all of
	// it counts as changed.
	New(near uint64) (block uint64, b []byte, err error)
	// Free gives back a block of the tree.
	Free(block uint64) error
}

// ErrExists is the class of errors about a record whose key is in the tree already.
var ErrExists = errors.New("record exists")

// ErrNotFound is the class of errors about a record that is not in the tree.
var ErrNotFound = errors.New("no such record")

// errPosition is returned when there is no record to go on from.
var errPosition = errors.New("no position in the tree since it was changed")

// Editor is a tree open for changes. It belongs to one goroutine, and can be used for one
// operation after the other without allocating memory for each.
//
// Root and Levels, or the bytes of Fork, change as the root splits and collapses. The caller
// stores them where they belong: in the AGF, the AGI or the inode.
//
// An operation that fails with ErrExists or ErrNotFound has changed nothing. After any other
// error blocks may have been changed in part, and the Editor's fields are not valid: the
// transaction must be cancelled. Insert takes the blocks that it needs before it changes
// anything, so that when New fails the tree and the fields are as before.
//
// Blocks are trusted less than Pages would allow: each that is used must be of the tree's
// kind, of the level it is reached at and within the keys of its parent, and the links to it
// must fit. An error of class format.ErrCorrupt says which is not. So every operation ends,
// whatever the blocks hold.
type Editor struct {
	Kind *Kind
	Geo  *format.Geometry
	// AG is the group of a short kind's tree; it owns the blocks.
	AG format.AGNumber
	// Owner is the inode that owns a long kind's tree.
	Owner format.Ino
	Pages Pages
	// Root is the root's block and Levels the number of levels, 1 when the root is a leaf.
	Root   uint64
	Levels int
	// Fork, when not nil, holds the root instead: the whole of an inode's room for the fork.
	// Root and Levels are not used then.
	Fork []byte

	follow bool                            // see Follow
	warm   bool                            // path leads to the leaf of the last operation, and follow is on
	path   [format.MaxBtreeLevels + 1]page // by level; path[0] is the leaf
	top    int                             // level of the root
	placed bool                            // path leads to a current record, or next to one
	fresh  [format.MaxBtreeLevels + 1]page // blocks taken for an insert
	key    [maxKeySize]byte                // room for a key
}

// maxKeySize is the size of the largest kind's key.
const maxKeySize = 40

// page is a block of a tree, or the root in a fork, in the hands of an Editor.
type page struct {
	node  Node
	block uint64 // Null if it is the root in a fork
	b     []byte // the block or the fork
	i     int    // the entry that the path goes through; in a leaf, the current one
}

// Follow says, with on, that nobody else changes the tree or cancels changes until Follow is called
// again without. Operations on records that lie close together then need not go down from the
// root each time.
func (e *Editor) Follow(on bool) { e.follow, e.warm = on, false }

// open reads the root.
func (e *Editor) open() error {
	e.placed, e.warm = false, false
	root, err := e.root()
	if err != nil {
		return err
	}
	e.top = root.node.Level
	e.path[e.top] = root
	return nil
}

func (e *Editor) root() (page, error) {
	t := e.tree()
	if e.Fork != nil {
		n, err := t.forkRoot()
		if err == nil && n.Level >= format.MaxBtreeLevels {
			err = t.corrupt("root level", n.Level, fmt.Sprintf("1 to %d", format.MaxBtreeLevels-1))
		}
		return page{node: n, block: e.Kind.Null(), b: e.Fork}, err
	}
	if e.Levels < 1 || e.Levels > format.MaxBtreeLevels {
		return page{}, t.corrupt("levels", e.Levels, fmt.Sprintf("1 to %d", format.MaxBtreeLevels))
	}
	p, err := e.read(e.Root, e.Levels-1)
	if err != nil {
		return page{}, err
	}
	return p, e.checkAlone(&p)
}

// checkAlone checks that a block has no neighbours.
func (e *Editor) checkAlone(p *page) error {
	t := e.tree()
	left, right := e.Kind.siblings(p.b)
	if err := t.sibling(p.block, "leftsib", left, e.Kind.Null()); err != nil {
		return err
	}
	return t.sibling(p.block, "rightsib", right, e.Kind.Null())
}

// tree is e for the methods that only name and place things.
func (e *Editor) tree() *Tree {
	return &Tree{Kind: e.Kind, Geo: e.Geo, AG: e.AG, Owner: e.Owner, Root: e.Root, Levels: e.Levels, Fork: e.Fork}
}

// wrap adds to an error of Pages which block it is about.
func (e *Editor) wrap(block uint64, err error) error {
	return fmt.Errorf("%s: %w", e.tree().name(block), err)
}

// read reads a block and checks that it can be one of the tree's, of the given level.
func (e *Editor) read(block uint64, level int) (page, error) {
	k, t := e.Kind, e.tree()
	if !t.valid(block) {
		return page{}, t.corruptBlock(block, "block number", t.number(block), "a block behind the headers of a group")
	}
	b, err := e.Pages.Read(block)
	if err != nil {
		return page{}, e.wrap(block, err)
	}
	if got := format.ShortMagic.Get(b); got != k.Magic {
		return page{}, t.corruptBlock(block, "magic", hex32(uint32(got)), hex32(uint32(k.Magic)))
	}
	if got := int(format.ShortLevel.Get(b)); got != level {
		return page{}, t.corruptBlock(block, "level", got, level)
	}
	least := min(level, 1)
	if got, most := int(format.ShortNumRecs.Get(b)), k.MaxRecs(len(b), level); got < least || got > most {
		return page{}, t.corruptBlock(block, "numrecs", got, fmt.Sprintf("%d to %d", least, most))
	}
	return page{node: k.NodeOf(b), block: block, b: b}, nil
}

// descend reads the child that path[level] stands at into path[level-1].
func (e *Editor) descend(level int) (err error) {
	e.path[level-1], err = e.child(level, e.path[level].i)
	return err
}

// child reads child i of path[level] and compares its keys with those above it. As in
// Cursor.checkKeys this makes the keys of a level ascend, so that nothing is reached twice.
func (e *Editor) child(level, i int) (page, error) {
	parent := &e.path[level]
	p, err := e.read(parent.node.Ptr(i), level-1)
	if err != nil {
		return page{}, err
	}
	up, bounded := order{}, i < parent.node.Len()-1
	if bounded {
		up = parent.node.low(i + 1)
	} else {
		up, bounded = e.bound(level + 1)
	}
	return p, e.checkKeys(&p, parent, i, up, bounded)
}

// checkKeys compares a block with entry i of its parent and with the key that all of its own
// are below, if bounded.
func (e *Editor) checkKeys(p, parent *page, i int, up order, bounded bool) error {
	t, n := e.tree(), p.node
	if n.Len() == 0 {
		// Only the last leaf below a root in a fork may be empty, before it is flattened.
		if parent.block == e.Kind.Null() && parent.node.Len() == 1 {
			return nil
		}
		return t.corruptBlock(p.block, "numrecs", 0, "1 at least")
	}
	if got, want := n.low(0), parent.node.low(i); got != want {
		return t.corruptBlock(p.block, "first key", got, fmt.Sprintf("%v as in entry %d of %s", want, i, t.name(parent.block)))
	}
	if last := n.low(n.Len() - 1); bounded && !last.less(up) {
		return t.corruptBlock(p.block, "last key", last, fmt.Sprintf("below %v, the next one above", up))
	}
	return nil
}

// bound is the key that all keys below path[level-1] are less than, as path[level] and the
// levels above it have it. ok is false at the right edge of the tree.
func (e *Editor) bound(level int) (o order, ok bool) {
	for ; level <= e.top; level++ {
		if p := &e.path[level]; p.i < p.node.Len()-1 {
			return p.node.low(p.i + 1), true
		}
	}
	return order{}, false
}

// find goes to the leaf where a record of order o is or would be: its current entry is the
// first that is not below o.
func (e *Editor) find(o order) (found bool, err error) {
	if e.placed = false; !e.near(o) {
		if err := e.goDown(o); err != nil {
			return false, err
		}
		e.warm = e.follow
	}
	leaf := &e.path[0]
	leaf.i = leaf.node.search(o, true)
	return leaf.i < leaf.node.Len() && leaf.node.low(leaf.i) == o, nil
}

// goDown goes from the root to the leaf where a record of order o is or would be.
func (e *Editor) goDown(o order) error {
	if err := e.open(); err != nil {
		return err
	}
	for level := e.top; level > 0; level-- {
		p := &e.path[level]
		p.i = max(p.node.search(o, false)-1, 0)
		if err := e.descend(level); err != nil {
			return err
		}
	}
	return nil
}

// near reports whether path leads to that leaf already.
func (e *Editor) near(o order) bool {
	if !e.warm || e.path[0].node.n == 0 || o.less(e.path[0].node.low(0)) {
		return false
	}
	up, bounded := e.bound(1)
	return !bounded || o.less(up)
}
