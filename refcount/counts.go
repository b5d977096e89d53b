package refcount

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Counts is the numbers of owners of all blocks of a volume that is open for writing. On a
// volume without reflink every block in use has one.
type Counts struct {
	geo    *format.Geometry
	groups *space.Groups
	open   map[format.AGNumber]*group
}

// New returns the counts of a volume.
func New(g *format.Geometry, groups *space.Groups) *Counts {
	return &Counts{geo: g, groups: groups, open: map[format.AGNumber]*group{}}
}

// group is the tree of a group. It is kept for the memory it has; where the tree is, it learns
// from the AGF at each use.
type group struct {
	c    *Counts
	no   format.AGNumber
	tx   *txn.Tx
	agf  *txn.Buf
	tree btree.Editor
}

// errReflink is the error for sharing blocks where that is not possible.
var errReflink = fmt.Errorf("%w: the volume has no reflink", format.ErrUnsupported)

func (c *Counts) group(tx *txn.Tx, no format.AGNumber) (*group, error) {
	if !c.geo.HasReflink() {
		return nil, errReflink
	}
	agf, err := c.groups.AGF(tx, no)
	if err != nil {
		return nil, err
	}
	a := c.open[no]
	if a == nil {
		a = &group{c: c, no: no, tree: btree.Editor{Kind: btree.Refcountbt, Geo: c.geo, AG: no}}
		c.open[no] = a
	}
	a.tx, a.agf = tx, agf
	a.tree.Pages = c.groups.Pages(tx, no, format.TypeRefcount, format.OwnRefc, true, a.count)
	a.tree.Root = uint64(format.AGFRefcntRoot.Get(agf.Data))
	a.tree.Levels = int(format.AGFRefcntLevel.Get(agf.Data))
	return a, nil
}

// groupOf returns the group of an extent, which must lie within it, and the extent's first and
// last block there; the last is the one behind it.
func (c *Counts) groupOf(tx *txn.Tx, e space.Extent) (a *group, start, end format.AGBlock, err error) {
	if err := space.Check(c.geo, e); err != nil {
		return nil, 0, 0, err
	}
	start = c.geo.AGB(e.Start)
	a, err = c.group(tx, c.geo.AG(e.Start))
	return a, start, start + format.AGBlock(e.Count), err
}

// extent is blocks of the group.
func (a *group) extent(start, end format.AGBlock) space.Extent {
	return space.Extent{Start: a.c.geo.FSB(a.no, start), Count: uint32(end - start)}
}

// count notes that the tree has n blocks more.
func (a *group) count(n int) {
	a.set(format.AGFRefcntBlks, format.AGFRefcntBlks.Get(a.agf.Data)+uint32(n))
}

func (a *group) set(f format.U32[uint32], v uint32) {
	if f.Get(a.agf.Data) != v {
		f.Put(a.tx.Change(a.agf, int(f), 4), v)
	}
}

// maxRecords limits the records that one call looks at and changes.
const maxRecords = 64

// touching returns the records of a domain that touch the blocks from start up to end or their
// neighbours. If there are too many, the last one that it returns begins at or behind stop, and
// what lies further on must be dealt with another time; else stop is end.
func (a *group) touching(start, end format.AGBlock, cow bool) (found []Record, stop format.AGBlock, err error) {
	rec, err := a.tree.SeekLE(treeKey(start-1, cow))
	if err == nil && rec == nil {
		rec, err = a.tree.Next()
	}
	for ; err == nil && rec != nil; rec, err = a.tree.Next() {
		r, staged := Unpack(rec)
		if staged && !cow || staged == cow && r.Start > end {
			break
		}
		if staged != cow { // the last of the shared ones
			continue
		}
		if err := a.check(r, cow); err != nil {
			return nil, 0, err
		}
		if r.End() < start {
			continue
		}
		found = append(found, r)
		if len(found) > maxRecords && r.Start < end {
			return found, r.Start, nil
		}
	}
	return found, end, err
}

// check refuses a record that can't be true.
func (a *group) check(r Record, cow bool) error {
	size := uint64(a.c.geo.AGLen(a.no))
	switch {
	case r.Count == 0 || uint64(r.Start)+uint64(r.Count) > size || r.Start < a.c.geo.HeaderBlocks():
		return a.corrupt(r, "blocks of the group")
	case cow != (r.Refs == 1) || r.Refs == 0:
		return a.corrupt(fmt.Sprintf("%v with %d owners", r, r.Refs), "1 owner if staged, else 2 or more")
	}
	return nil
}

func treeKey(b format.AGBlock, cow bool) []byte {
	k := make([]byte, format.RefcountKey.Size)
	format.RefcStart.Put(k, key(b, cow))
	return k
}

// exchange replaces records of a domain by others in the same place. Both are in order.
func (a *group) exchange(old, now []Record, cow bool) error {
	was, rec := make([]byte, format.RefcountRec.Size), make([]byte, format.RefcountRec.Size)
	for len(old) > 0 || len(now) > 0 {
		var err error
		switch {
		case len(now) == 0 || len(old) > 0 && old[0].Start < now[0].Start:
			old[0].Put(was, cow)
			err = a.tree.Delete(was)
			old = old[1:]
		case len(old) == 0 || now[0].Start < old[0].Start:
			now[0].Put(rec, cow)
			err = a.tree.Insert(rec)
			now = now[1:]
		default:
			if old[0] != now[0] {
				now[0].Put(rec, cow)
				err = a.tree.Update(rec, rec)
			}
			old, now = old[1:], now[1:]
		}
		switch {
		case errors.Is(err, btree.ErrNotFound), errors.Is(err, btree.ErrExists):
			return a.corrupt(err, "what the tree said before")
		case err != nil:
			return err
		}
	}
	a.store()
	return nil
}

// store writes root and height of the tree back to the AGF.
func (a *group) store() {
	a.set(format.U32[uint32](format.AGFRefcntRoot), uint32(a.tree.Root))
	a.set(format.AGFRefcntLevel, uint32(a.tree.Levels))
}

func (a *group) corrupt(got, want any) error {
	return format.Corrupt("refcountbt", "record", got, want).At(format.InGroup(a.no))
}
