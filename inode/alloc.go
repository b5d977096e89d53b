package inode

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Allocator gives out inodes and takes them back.
type Allocator struct {
	groups *space.Groups
	geo    *format.Geometry
	rotor  format.AGNumber // where the next directory goes
	trees  [2]btree.Editor // memory for those of the group at hand: inobt, finobt
	spare  uint64          // blocks that may become inodes, at least; see mayAdd
}

// NewAllocator makes an allocator of a volume.
func NewAllocator(g *format.Geometry, groups *space.Groups) *Allocator {
	return &Allocator{groups: groups, geo: g}
}

// group is the inodes of an allocation group in a transaction.
type group struct {
	a   *Allocator
	tx  *txn.Tx
	no  format.AGNumber
	agi *txn.Buf
}

func (a *Allocator) group(tx *txn.Tx, no format.AGNumber) (*group, error) {
	b, err := tx.Read(a.geo.SectorOffset(no, 2), format.TypeAGI, format.InGroup(no))
	if err != nil {
		return nil, err
	}
	return &group{a, tx, no, b}, nil
}

func (g *group) get(f format.U32[uint32]) uint32 { return f.Get(g.agi.Data) }

func (g *group) set(f format.U32[uint32], v uint32) {
	if g.get(f) != v {
		f.Put(g.tx.Change(g.agi, int(f), 4), v)
	}
}

func (g *group) add(f format.U32[uint32], n int) { g.set(f, uint32(int64(g.get(f))+int64(n))) }

// tree opens inobt, or finobt with free set.
func (g *group) tree(free bool) *btree.Editor {
	k, t, blocks := btree.Inobt, format.TypeInobt, format.AGIIBlocks
	root, level := format.AGIRoot, format.AGILevel
	if free {
		k, t, blocks = btree.Finobt, format.TypeFinobt, format.AGIFBlocks
		root, level = format.AGIFreeRoot, format.AGIFreeLevel
	}
	pages := g.a.groups.Pages(g.tx, g.no, t, format.OwnInobt, free, func(n int) {
		if g.a.geo.HasInobtCount() {
			g.add(blocks, n)
		}
	})
	e := &g.a.trees[0]
	if free {
		e = &g.a.trees[1]
	}
	e.Kind, e.Geo, e.AG, e.Pages = k, g.a.geo, g.no, pages
	e.Root, e.Levels = uint64(root.Get(g.agi.Data)), int(g.get(level))
	return e
}

// store writes down where a tree's root is now.
func (g *group) store(e *btree.Editor) {
	root, level := format.AGIRoot, format.AGILevel
	if e.Kind == btree.Finobt {
		root, level = format.AGIFreeRoot, format.AGIFreeLevel
	}
	g.set(format.U32[uint32](root), uint32(e.Root))
	g.set(level, uint32(e.Levels))
}

func inoKey(i format.AGIno) []byte {
	b := make([]byte, format.InobtKey.Size)
	format.InoRecStart.Put(b, i)
	return b
}

// exchange replaces the record of a chunk in both trees; the zero chunk stands for none.
func (g *group) exchange(old, new *chunk) error {
	if err := g.exchangeIn(false, old, new); err != nil {
		return err
	}
	if !g.a.geo.HasFinobt() {
		return nil
	}
	inFree := func(c *chunk) *chunk {
		if c != nil && c.freeCount() > 0 {
			return c
		}
		return nil
	}
	return g.exchangeIn(true, inFree(old), inFree(new))
}

func (g *group) exchangeIn(free bool, old, new *chunk) (err error) {
	t := g.tree(free)
	switch {
	case old == nil && new == nil:
		return nil
	case old == nil:
		err = t.Insert(new.pack(g.a.geo))
	case new == nil:
		err = t.Delete(old.pack(g.a.geo))
	default:
		err = t.Update(old.pack(g.a.geo), new.pack(g.a.geo))
	}
	if err != nil {
		return fmt.Errorf("inode chunk %d of group %d: %w", cmpStart(old, new), g.no, err)
	}
	g.store(t)
	return nil
}

func cmpStart(old, new *chunk) format.AGIno {
	if old != nil {
		return old.start
	}
	return new.start
}

// New takes a free inode: for a directory in a group of its own choice, for anything else close
// to the directory dir. The inode is in use from then on, with a mode and all else as Init
// makes it.
func (a *Allocator) New(tx *txn.Tx, dir format.Ino, isDir bool) (format.Ino, error) {
	start, near := a.geo.SplitIno(dir)
	if isDir {
		start = a.rotor % format.AGNumber(a.geo.AGCount)
		a.rotor++
	}
	var full error
	for i := range format.AGNumber(a.geo.AGCount) {
		no := (start + i) % format.AGNumber(a.geo.AGCount)
		if no != start || isDir {
			near = 0
		}
		ino, err := a.newIn(tx, no, near)
		if err == nil || !errors.Is(err, space.ErrNoSpace) {
			return ino, err
		}
		full = err
	}
	return 0, full
}

func (a *Allocator) newIn(tx *txn.Tx, no format.AGNumber, near format.AGIno) (format.Ino, error) {
	g, err := a.group(tx, no)
	if err != nil {
		return 0, err
	}
	c, err := g.withFree(near)
	if err != nil {
		return 0, err
	}
	if c == nil {
		if c, err = g.newChunk(); err != nil {
			return 0, err
		}
	}
	i, ok := c.firstFree()
	if !ok {
		return 0, g.corrupt("freecount", g.get(format.AGIFreeCount), "chunks with free inodes")
	}
	taken := *c
	taken.free &^= 1 << i
	if err := g.exchange(c, &taken); err != nil {
		return 0, err
	}
	g.add(format.AGIFreeCount, -1)
	return a.geo.Ino(no, c.start+format.AGIno(i)), nil
}

// withFree finds a chunk with free inodes, from near on if there is one. Nil means none.
func (g *group) withFree(near format.AGIno) (*chunk, error) {
	if g.get(format.AGIFreeCount) == 0 {
		return nil, nil
	}
	free := g.a.geo.HasFinobt()
	for _, from := range []format.AGIno{near &^ (format.InodesPerChunk - 1), 0} {
		t := g.tree(free)
		rec, err := t.SeekGE(inoKey(from))
		for ; err == nil && rec != nil; rec, err = t.Next() {
			if c := unpackChunk(g.a.geo, rec); c.freeCount() > 0 {
				return &c, nil
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, g.corrupt("freecount", g.get(format.AGIFreeCount), "no more than the trees know of")
}

func (g *group) corrupt(field string, got, want any) error {
	return format.Corrupt("agi", field, got, want).At(format.InGroup(g.no))
}
