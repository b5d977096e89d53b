package cow

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Release gives up the blocks of a mapping that was taken out of a file's data fork: those that
// no other file shares are free then.
func Release(tx *txn.Tx, groups *space.Groups, counts *refcount.Counts, e *inode.Editor, m format.Mapping) error {
	regular := e.Mode()&format.ModeType == format.ModeReg
	if !regular || format.DiFlags2.Get(e.Raw())&format.Flag2Reflink == 0 {
		return e.Release(m, regular)
	}
	for m.Count > 0 {
		done, gone, err := counts.Decrease(tx, space.Extent{Start: m.Start, Count: m.Count})
		if err != nil {
			return err
		}
		now := m.Part(m.Off, m.Off+format.FileOff(done))
		m = m.Part(now.End(), m.End())
		for _, x := range gone {
			free := now.Part(now.Off+format.FileOff(x.Start-now.Start), now.Off+format.FileOff(x.End()-now.Start))
			if err := disown(tx, groups, e, now.Part(now.Off, free.Off)); err != nil {
				return err
			}
			if err := e.Release(free, true); err != nil {
				return err
			}
			now = now.Part(free.End(), now.End())
		}
		if err := disown(tx, groups, e, now); err != nil {
			return err
		}
	}
	return nil
}

// disown says that a file does not have blocks any more that others still have.
func disown(tx *txn.Tx, groups *space.Groups, e *inode.Editor, m format.Mapping) error {
	if m.Count == 0 {
		return nil
	}
	return groups.Unmap(tx, space.Extent{Start: m.Start, Count: m.Count}, space.ForkOwner(e.Ino, false, m.Off, m.Unwritten))
}
