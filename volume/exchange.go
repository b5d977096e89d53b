package volume

import (
	"fmt"
	"math"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/journal"
)

// finishExchange does what is left of an exchange of mappings. That can be more than fits in a
// transaction: each ends the intent, and announces the rest anew.
func (w *Writer) finishExchange(i *journal.Intent) error {
	for left := i.Exchange; left != nil; {
		err := w.change(func(o *op) error {
			x := *left
			done, err := o.exchange(&x)
			if err != nil {
				return err
			}
			o.tx.Note(i.Done())
			if left = nil; !done {
				left = &x
				o.tx.Note((&journal.Intent{Type: i.Type, ID: i.ID, Exchange: left}).Item())
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("finish %v: %w", i, err)
		}
	}
	return nil
}

// exchange goes on with an exchange as far as one transaction may, and takes what it has done off
// the ranges.
func (o *op) exchange(x *journal.Exchange) (done bool, err error) {
	s, err := o.swap(x)
	if err != nil {
		return false, err
	}
	for n := 0; x.Count > 0; n++ {
		if n == perChange {
			return false, nil
		}
		if err := s.step(); err != nil {
			return false, err
		}
	}
	if x.Flags&format.XMISetSizes != 0 {
		s.sides[0].e.SetSize(x.Size1)
		s.sides[1].e.SetSize(x.Size2)
	}
	if x.Flags&format.XMIClearReflink1 != 0 {
		s.sides[0].e.SetReflink(false)
	}
	if x.Flags&format.XMIClearReflink2 != 0 {
		s.sides[1].e.SetReflink(false)
	}
	return true, nil
}

// swap is an exchange under way.
type swap struct {
	x     *journal.Exchange
	sides [2]side
}

// maxFileOff is more than the offset of any block of a file: a mapping has 54 bits for it.
const maxFileOff format.FileOff = 1 << 54

// side is one of the two ranges.
type side struct {
	e   *inode.Editor
	f   *inode.ForkEditor
	off *format.FileOff
}

// swap opens both files of an exchange, and checks what the log says of them.
func (o *op) swap(x *journal.Exchange) (*swap, error) {
	if bad := x.Flags &^ format.XMIKnown; bad != 0 {
		return nil, fmt.Errorf("%w: exchange with flags %#x", format.ErrUnsupported, bad)
	}
	if lo, hi := min(x.Off1, x.Off2), max(x.Off1, x.Off2); x.Ino1 == x.Ino2 && uint64(hi-lo) < x.Count {
		return nil, format.Corrupt("log item", "startoff2", x.Off2, "ranges that are apart").At(format.InInode(x.Ino1))
	}
	if x.Flags&format.XMISetSizes != 0 && max(x.Size1, x.Size2) > math.MaxInt64 {
		return nil, format.Corrupt("log item", "isize", max(x.Size1, x.Size2), "the size of a file").At(format.InInode(x.Ino1))
	}
	s := &swap{x: x}
	if err := s.sides[0].open(o, x.Ino1, x.Gen1, &x.Off1, x); err != nil {
		return nil, err
	}
	s.sides[1] = s.sides[0]
	if x.Ino1 == x.Ino2 {
		s.sides[1].off = &x.Off2
	} else if err := s.sides[1].open(o, x.Ino2, x.Gen2, &x.Off2, x); err != nil {
		return nil, err
	}
	if s.sides[0].e.Reflink() || s.sides[1].e.Reflink() { // blocks that are shared stay it
		s.sides[0].e.SetReflink(true)
		s.sides[1].e.SetReflink(true)
	}
	return s, nil
}

func (s *side) open(o *op, ino format.Ino, gen uint32, off *format.FileOff, x *journal.Exchange) (err error) {
	if s.e, err = o.edit(ino); err != nil {
		return err
	}
	switch {
	case s.e.Gen() != gen:
		return format.Corrupt("log item", "igen", gen, s.e.Gen()).At(format.InInode(ino))
	case *off > maxFileOff || x.Count > uint64(maxFileOff-*off):
		return format.Corrupt("log item", "blockcount", x.Count, "blocks of a file").At(format.InInode(ino))
	}
	s.f, s.off = s.e.Fork(inode.Data), off
	if x.Flags&format.XMIAttrFork != 0 {
		s.f = s.e.Fork(inode.Attr)
	}
	return nil
}

// piece is the first blocks of a range: of one mapping, or a hole.
type piece struct {
	n      uint64
	mapped bool
	m      format.Mapping // of n blocks
}

// first gives the first blocks of a range of count blocks.
func (s *side) first(count uint64) (piece, error) {
	m, ok, err := s.f.From(*s.off)
	if err != nil || !ok || uint64(m.Off) >= uint64(*s.off)+count {
		return piece{n: count}, err
	}
	if m.Off > *s.off {
		return piece{n: uint64(m.Off - *s.off)}, nil
	}
	at := m.Start + format.FSBlock(*s.off-m.Off)
	n := min(count, uint64(m.End()-*s.off))
	return piece{n: n, mapped: true, m: part(m, at, at+format.FSBlock(n))}, nil
}

// step deals with the first blocks of what is left: as many as are in one piece on both sides.
func (s *swap) step() error {
	one, two := &s.sides[0], &s.sides[1]
	p, err := one.first(s.x.Count)
	if err != nil {
		return err
	}
	if s.x.Flags&format.XMIIno1Written != 0 && (!p.mapped || p.m.Unwritten) {
		s.advance(p.n)
		return nil
	}
	q, err := two.first(p.n)
	if err != nil {
		return err
	}
	if p.mapped && p.n > q.n {
		p.m.Count = uint32(q.n)
	}
	if p.mapped != q.mapped || p.m.Start != q.m.Start {
		for _, f := range []func() error{
			func() error { return one.give(p) }, func() error { return two.give(q) },
			func() error { return one.take(q) }, func() error { return two.take(p) },
		} {
			if err := f(); err != nil {
				return err
			}
		}
	}
	s.advance(q.n)
	return nil
}

func (s *swap) advance(n uint64) {
	s.x.Off1 += format.FileOff(n)
	s.x.Off2 += format.FileOff(n)
	s.x.Count -= n
}

func (s *side) give(p piece) error {
	if !p.mapped {
		return nil
	}
	return s.f.Detach(p.m)
}

// take maps blocks that the other side had.
func (s *side) take(p piece) error {
	if !p.mapped {
		return nil
	}
	p.m.Off = *s.off
	return s.f.Attach(p.m)
}
