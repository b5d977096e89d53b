package cow

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Clone makes blocks of dst those of src, as many as one transaction may deal with, from the start
// of the range on, and takes them off the range. What dst had there is given up. Holes of src
// become holes, and so do unwritten blocks, except that unwritten blocks of dst stay. The ranges
// must not overlap; src and dst are the same Editor when they are one file.
//
// Sizes are the caller's business. Both files are marked as sharing blocks.
func (s *Sharer) Clone(src, dst *inode.Editor, r *Range) error {
	for _, e := range []*inode.Editor{src, dst} {
		if err := s.mayShare(e); err != nil {
			return err
		}
		e.SetReflink(true)
	}
	for left := s.step(); left > 0 && r.Count > 0; left-- {
		n, err := s.cloneIntoHole(src, dst, r, left)
		if err != nil {
			return err
		}
		if left -= n; n > 0 {
			continue
		}
		from, err := stretchAt(src, r.Src, r.Count)
		if err != nil {
			return err
		}
		to, err := stretchAt(dst, r.Dst, from.n)
		if err != nil {
			return err
		}
		if err := s.clone(dst, from, to, r.Dst); err != nil {
			return err
		}
		r.advance(to.n)
	}
	return nil
}

// fewMappings is how many mappings it takes for a clone to deal with all of them together.
const fewMappings = 4

// cloneIntoHole does what it can of a clone at once, up to most mappings of src: where dst has
// nothing. It returns how many mappings that were; 0 says that they are to be cloned one by one.
func (s *Sharer) cloneIntoHole(src, dst *inode.Editor, r *Range, most int) (int, error) {
	hole, err := stretchAt(dst, r.Dst, r.Count)
	if err != nil || hole.mapped || most < fewMappings || src == dst {
		return 0, err
	}
	end := r.Src + format.FileOff(hole.n)
	list, err := src.Fork(inode.Data).In(r.Src, end, most)
	if err != nil || len(list) < fewMappings {
		return 0, err
	}
	reached := end
	if len(list) == most {
		reached = min(end, list[most-1].End())
	}
	given := make([]format.Mapping, 0, len(list))
	for i, m := range list {
		if i > 0 && list[i-1].End() == m.Off && list[i-1].Start+format.FSBlock(list[i-1].Count) == m.Start {
			return 0, nil // the owners' records join
		}
		if m = m.Part(max(m.Off, r.Src), min(m.End(), end)); m.Unwritten {
			continue
		}
		m.Off = m.Off - r.Src + r.Dst
		given = append(given, m)
	}
	if err := s.giveAll(dst, given); err != nil {
		return 0, err
	}
	r.advance(uint64(reached - r.Src))
	return len(list), nil
}

// clone makes the stretch to of dst, at off, what the stretch from is, which is no shorter.
func (s *Sharer) clone(dst *inode.Editor, from, to stretch, off format.FileOff) error {
	if from.mapped && to.mapped && from.m.Start == to.m.Start {
		if from.m.Unwritten != to.m.Unwritten {
			return format.Corrupt("inode", "mapping", fmt.Sprintf("%+v", to.m), "the same state as of another owner").At(format.InInode(dst.Ino))
		}
		return nil
	}
	if from.unwritten() && to.unwritten() {
		return nil
	}
	if to.mapped {
		if err := dst.Punch(to.whole, to.m.Off, to.m.End(), s.release(dst)); err != nil {
			return err
		}
	}
	if !from.written() {
		return nil
	}
	return s.give(dst, format.Mapping{Off: off, Start: from.m.Start, Count: uint32(to.n)})
}
