package cow

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Accounted lists the staged extents that the CoW forks on disk account for, in order: those that
// they map, and the blocks of their trees. What is staged besides has been left by a crash.
func (s *Forks) Accounted(tx *txn.Tx) ([]space.Extent, error) {
	files, err := s.All(tx)
	if err != nil {
		return nil, err
	}
	src := inode.Source{Geo: s.geo, Dev: tx.View()}
	var list []space.Extent
	for _, ino := range files {
		i, err := src.Read(ino)
		if err != nil {
			return nil, err
		}
		fork, err := i.Fork(inode.Cow)
		if err != nil {
			return nil, err
		}
		for m, err := range fork.All() {
			if err != nil {
				return nil, err
			}
			list = append(list, space.Extent{Start: m.Start, Count: m.Count})
		}
		if fork.Tree() == nil {
			continue
		}
		err = fork.Tree().Walk(func(_ int, block uint64, _ []byte) error {
			list = append(list, space.Extent{Start: format.FSBlock(block), Count: 1})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b space.Extent) int { return cmp.Compare(a.Start, b.Start) })
	return list, nil
}

// DropLeaked frees staged extents of a group that are not among those accounted for, as a mount
// does with all that a crash has left behind, and returns how many blocks that were. more says that
// there are others, to be freed in another transaction.
func (s *Forks) DropLeaked(tx *txn.Tx, no format.AGNumber, accounted []space.Extent) (freed uint64, more bool, err error) {
	var leaks []space.Extent
	for x, err := range s.counts.Staged(tx, no) {
		if err != nil {
			return 0, false, err
		}
		if leaks = append(leaks, without(x, accounted)...); len(leaks) > maxRemap {
			leaks, more = leaks[:maxRemap], true
			break
		}
	}
	for _, x := range leaks {
		if err := s.counts.FreeStaging(tx, x, true); err != nil {
			return freed, false, err
		}
		freed += uint64(x.Count)
	}
	return freed, more, nil
}

// without is the parts of an extent that are not among others, which are in order.
func without(x space.Extent, others []space.Extent) (out []space.Extent) {
	i, _ := slices.BinarySearchFunc(others, x.Start, func(y space.Extent, at format.FSBlock) int { return cmp.Compare(y.End(), at+1) })
	at := x.Start
	for ; i < len(others) && others[i].Start < x.End(); i++ {
		if at < others[i].Start {
			out = append(out, space.Extent{Start: at, Count: uint32(others[i].Start - at)})
		}
		at = max(at, others[i].End())
	}
	if at < x.End() {
		out = append(out, space.Extent{Start: at, Count: uint32(x.End() - at)})
	}
	return out
}
