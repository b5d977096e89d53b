package repair

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// mapsPerChange is how many mappings one transaction adds.
const mapsPerChange = 128

// restore writes the forks anew that could not stay as they were. Their blocks are theirs
// already.
func (m *model) restore(ctx context.Context) error {
	if len(m.remaps) == 0 {
		return nil
	}
	e, err := newEditor(m.dev, m.geo)
	if err != nil {
		return err
	}
	ids := slices.SortedFunc(maps.Keys(m.remaps), func(a, b forkID) int {
		return cmp.Or(cmp.Compare(a.ino, b.ino), cmp.Compare(btoi(a.attr), btoi(b.attr)))
	})
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.restoreFork(e, id, m.remaps[id]); err != nil {
			return fmt.Errorf("inode %d: %w", id.ino, err)
		}
	}
	return e.close()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m *model) restoreFork(e *editor, id forkID, r *remap) error {
	which := inode.Data
	if id.attr {
		which = inode.Attr
	}
	for len(r.maps) > 0 {
		n := min(len(r.maps), mapsPerChange)
		err := e.do(func(tx *txn.Tx) error {
			ed, err := inode.Edit(tx, e.groups, id.ino)
			if err != nil {
				return err
			}
			blocks := uint64(0)
			f := ed.Fork(which)
			for _, x := range r.maps[:n] {
				if err := f.Map(x); err != nil {
					return err
				}
				blocks += uint64(x.Count)
			}
			b := ed.Modify()
			format.DiNBlocks.Put(b, format.DiNBlocks.Get(b)+blocks)
			return nil
		})
		if err != nil {
			return err
		}
		r.maps = r.maps[n:]
	}
	m.report.inode(id.ino, fmt.Sprintf("write the %v anew", which), "")
	for _, x := range r.copies {
		if err := m.copy(e, id, x); err != nil {
			return err
		}
	}
	return nil
}

// copy gives a file blocks of its own for a mapping of blocks that somebody else keeps, with the
// same content.
func (m *model) copy(e *editor, id forkID, x format.Mapping) error {
	for x.Count > 0 {
		var got format.Mapping
		err := e.do(func(tx *txn.Tx) error {
			ed, err := inode.Edit(tx, e.groups, id.ino)
			if err != nil {
				return err
			}
			most := min(x.Count, uint32(scanUnit>>m.geo.BlockLog))
			if got, err = ed.Fork(inode.Data).Grow(x.Off, 1, most, x.Unwritten, true); err != nil || x.Unwritten {
				return err
			}
			p := make([]byte, int(got.Count)<<m.geo.BlockLog)
			if _, err := m.dev.ReadAt(p, m.geo.Offset(x.Start)); err != nil {
				return err
			}
			return tx.WriteData(p, m.geo.Offset(got.Start))
		})
		if err != nil {
			return err
		}
		x = cut(x, x.Off+format.FileOff(got.Count), x.End())
	}
	return nil
}
