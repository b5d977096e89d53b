package cow

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Sharer changes which files share which blocks, within a transaction. What it does goes by
// steps, each as much as one transaction may hold: the caller goes on with the rest in another
// one. After each the volume is sound.
//
// It knows the data forks only: dirty pages must have been written back, and staged blocks of the
// ranges dealt with.
type Sharer struct {
	Tx     *txn.Tx
	Groups *space.Groups
	Counts *refcount.Counts
}

// Range is blocks of one file that become those of another.
type Range struct {
	Src, Dst format.FileOff
	Count    uint64
}

// advance takes n blocks off the start.
func (r *Range) advance(n uint64) {
	r.Src += format.FileOff(n)
	r.Dst += format.FileOff(n)
	r.Count -= n
}

// step is how many extents one transaction deals with: each may change a block of every tree, and
// all of them must fit into the part of the log that a checkpoint may take.
func (s *Sharer) step() int { return max(32, min(1024, int(s.Tx.Geo.LogBlocks)/16)) }

// mayShare refuses files whose blocks can't be shared.
func (s *Sharer) mayShare(e *inode.Editor) error {
	switch {
	case !e.Of(s.Tx):
		return fmt.Errorf("inode %d: %w", e.Ino, errOther)
	case !s.Tx.Geo.HasReflink():
		return errReflink
	case e.Mode()&format.ModeType != format.ModeReg:
		return fmt.Errorf("inode %d: %w", e.Ino, ErrNotRegular)
	case format.DiFlags.Get(e.Raw())&format.FlagRealtime != 0:
		return fmt.Errorf("inode %d: %w", e.Ino, errRealtime)
	}
	return nil
}

// release gives up blocks that were taken out of a file.
func (s *Sharer) release(e *inode.Editor) func(format.Mapping) error {
	return func(m format.Mapping) error { return Release(s.Tx, s.Groups, s.Counts, e, m) }
}

// give makes a file a further owner of blocks, at offsets where it has none.
func (s *Sharer) give(e *inode.Editor, m format.Mapping) error {
	for m.Count > 0 {
		done, err := s.Counts.Share(s.Tx, space.Extent{Start: m.Start, Count: m.Count})
		if err != nil {
			return err
		}
		now := m.Part(m.Off, m.Off+format.FileOff(done))
		if err := e.Fork(inode.Data).Attach(now); err != nil {
			return err
		}
		m = m.Part(now.End(), m.End())
	}
	return nil
}

// giveAll makes a file a further owner of blocks at many offsets, in order, in one hole of it.
func (s *Sharer) giveAll(e *inode.Editor, list []format.Mapping) error {
	blocks := make([]space.Extent, len(list))
	for i, m := range list {
		blocks[i] = space.Extent{Start: m.Start, Count: m.Count}
	}
	slices.SortFunc(blocks, func(a, b space.Extent) int { return cmp.Compare(a.Start, b.Start) })
	if err := s.Counts.ShareAll(s.Tx, blocks); err != nil {
		return err
	}
	return e.Fork(inode.Data).AttachAll(list)
}

// Shared gives the first blocks of a file's mapping that other files have too; ok is false when
// there are none.
func (s *Sharer) Shared(e *inode.Editor, m format.Mapping) (part format.Mapping, ok bool, err error) {
	if !e.Reflink() || m.Count == 0 {
		return m, false, nil
	}
	x, err := s.Counts.FindShared(s.Tx, space.Extent{Start: m.Start, Count: m.Count})
	if err != nil || x.Count == 0 {
		return m, false, err
	}
	off := m.Off + format.FileOff(x.Start-m.Start)
	return m.Part(off, off+format.FileOff(x.Count)), true, nil
}

// stretch is the blocks of a file from an offset on that are one mapping, or a hole.
type stretch struct {
	n      uint64 // blocks
	mapped bool
	whole  format.Mapping // that they are a part of
	m      format.Mapping // what is mapped
}

// stretchAt returns the stretch at off, no more than most blocks of it.
func stretchAt(e *inode.Editor, off format.FileOff, most uint64) (stretch, error) {
	m, ok, err := e.Fork(inode.Data).From(off)
	switch {
	case err != nil:
		return stretch{}, err
	case !ok || uint64(m.Off) >= uint64(off)+most:
		return stretch{n: most}, nil
	case m.Off > off:
		return stretch{n: uint64(m.Off - off)}, nil
	}
	end := min(m.End(), off+format.FileOff(most))
	return stretch{n: uint64(end - off), mapped: true, whole: m, m: m.Part(off, end)}, nil
}

// written reports whether the stretch has data.
func (p stretch) written() bool { return p.mapped && !p.m.Unwritten }

// unwritten reports whether it has blocks without data.
func (p stretch) unwritten() bool { return p.mapped && p.m.Unwritten }
