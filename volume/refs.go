package volume

import (
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
)

// Refs divides blocks of one group into runs with the same number of owners, in order, and calls
// visit for each. Without reflink all blocks have one.
func (v *Volume) Refs(start format.FSBlock, count uint32, visit func(start format.FSBlock, count, refs uint32) error) error {
	g := v.Geo
	at, end := g.AGB(start), g.AGB(start)+format.AGBlock(count)
	ag := g.AG(start)
	give := func(to format.AGBlock, refs uint32) error {
		if at >= to {
			return nil
		}
		from := at
		at = to
		return visit(g.FSB(ag, from), uint32(to-from), refs)
	}
	if !g.HasReflink() {
		return give(end, 1)
	}
	tree, err := v.Tree(btree.Refcountbt, ag)
	if err != nil {
		return err
	}
	var lo, hi [4]byte
	format.RefcStart.Put(lo[:], uint32(at))
	format.RefcStart.Put(hi[:], uint32(end-1))
	for rec, err := range tree.Range(lo[:], hi[:]) {
		if err != nil {
			return err
		}
		r, cow := refcount.Unpack(rec)
		if cow || r.End() <= at || r.Start >= end {
			continue
		}
		if err := give(max(at, r.Start), 1); err != nil {
			return err
		}
		if err := give(min(end, r.End()), r.Refs); err != nil {
			return err
		}
	}
	return give(end, 1)
}
