package cow

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// maxCopy is how many bytes of file data one transaction copies.
const maxCopy = 16 << 20

// Unshare gives a file blocks of its own, with the same data, for those from off up to end that
// other files have too, as far as one transaction may. It returns the offset up to which it has
// come.
func (s *Sharer) Unshare(e *inode.Editor, off, end format.FileOff) (format.FileOff, error) {
	if !e.Reflink() {
		return end, nil
	}
	left, room := s.step(), uint64(maxCopy>>s.Tx.Geo.BlockLog)
	for looked := 0; off < end; looked++ {
		if left == 0 || room == 0 || looked > 64*s.step() {
			return off, nil
		}
		p, err := stretchAt(e, off, uint64(end-off))
		if err != nil {
			return off, err
		}
		off += format.FileOff(p.n)
		if !p.mapped {
			continue
		}
		part, shared, err := s.Shared(e, p.m)
		if err != nil {
			return off, err
		}
		if !shared {
			continue
		}
		part.Count = uint32(min(uint64(part.Count), room))
		if part.Count, err = s.copyOut(e, p.whole, part); err != nil {
			return off, err
		}
		left, room, off = left-1, room-uint64(part.Count), part.End()
	}
	return off, nil
}

// copyOut moves a part of a mapping to new blocks. It returns how many, as space may be in pieces.
func (s *Sharer) copyOut(e *inode.Editor, whole, part format.Mapping) (uint32, error) {
	near := part.Start
	if m, ok, err := e.Fork(inode.Data).Before(part.Off); err != nil {
		return 0, err
	} else if ok && m.End() == part.Off {
		near = m.Start + format.FSBlock(m.Count) // where the last stretch went, most often
	}
	x, err := s.Groups.Alloc(s.Tx, space.Request{Min: 1, Max: part.Count, Near: s.inside(near), Data: true})
	if err != nil {
		return 0, err
	}
	now := format.Mapping{Off: part.Off, Start: x.Start, Count: x.Count, Unwritten: part.Unwritten}
	if !part.Unwritten {
		if err := s.copyData(part.Start, x); err != nil {
			return 0, fmt.Errorf("inode %d: copy block %d: %w", e.Ino, part.Off, err)
		}
	}
	if err := e.Punch(whole, now.Off, now.End(), s.release(e)); err != nil {
		return 0, err
	}
	return x.Count, e.Fork(inode.Data).Attach(now)
}

// inside is a block to be close to; one behind a group's end is none.
func (s *Sharer) inside(near format.FSBlock) format.FSBlock {
	if g := s.Tx.Geo; !g.ValidFSB(near, 1) {
		return g.FSB(min(g.AG(near), format.AGNumber(g.AGCount-1)), 0)
	}
	return near
}

// copyData copies file data to an extent.
func (s *Sharer) copyData(from format.FSBlock, to space.Extent) error {
	g := s.Tx.Geo
	src, dst := g.Offset(from), g.Offset(to.Start)
	b := make([]byte, min(int64(to.Count)<<g.BlockLog, 1<<20))
	for n := int64(to.Count) << g.BlockLog; n > 0; {
		b := b[:min(n, int64(len(b)))]
		if _, err := s.Tx.Device().ReadAt(b, src); err != nil {
			return err
		}
		if err := s.Tx.WriteData(b, dst); err != nil {
			return err
		}
		src, dst, n = src+int64(len(b)), dst+int64(len(b)), n-int64(len(b))
	}
	return nil
}

// ClearFlag takes the mark of sharing blocks off a file, if none of its blocks is shared any more.
// It reports whether the file has no mark now.
func (s *Sharer) ClearFlag(e *inode.Editor) (bool, error) {
	if !e.Reflink() {
		return true, nil
	}
	for off := format.FileOff(0); ; {
		m, ok, err := e.Fork(inode.Data).From(off)
		if err != nil {
			return false, err
		}
		if !ok {
			break
		}
		if _, shared, err := s.Shared(e, m); err != nil || shared {
			return false, err
		}
		off = m.End()
	}
	e.SetReflink(false)
	return true, nil
}
