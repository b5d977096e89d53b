package space

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// ErrNoSpace is the class of errors about space that isn't there. When Alloc gives it, nothing
// has changed but for the lengths of free lists: the caller may ask for less in the same
// transaction, or cancel it.
var ErrNoSpace = errors.New("no space left")

// ErrBusy says that there is room for file data, but only where blocks were freed that a crash
// could still bring back. As after ErrNoSpace nothing has changed. End the transaction, sync the
// store, and try again.
var ErrBusy = errors.New("free space is busy until the next sync")

// Request says what extent is wanted.
type Request struct {
	// Min and Max are the limits of its length in blocks. As long an extent as possible is
	// looked for, in all groups. Max may be 0 if it is the same as Min.
	Min, Max uint32
	// Near is where it should be. Its group is tried first. Block 0 of a group stands for the
	// group without a place in it: then the extent comes from the smallest free one that will
	// do.
	Near format.FSBlock
	// Exact says that the extent must start at Near, Only that it must be in Near's group.
	Exact, Only bool
	// Align is what the extent's start, counted in its group, must be a multiple of, and Wish
	// what it is a multiple of if possible. 0 is 1.
	Align, Wish uint32
	// Lo and Hi limit the extent's place in its group: blocks from Lo up to Hi. Hi 0 is no limit.
	Lo, Hi format.AGBlock
	// Left is the number of blocks that must remain in the group for others.
	Left uint32
	// Owner is recorded in the reverse map, unless it is the zero Owner.
	Owner Owner
	// Data says that file data will be written there at once, so that the extent must not have
	// busy blocks.
	Data bool
	// Reserved says that the blocks may be taken that are held back for refcountbt and finobt.
	Reserved bool
}

// Alloc finds an extent and takes it out of free space.
func (s *Groups) Alloc(tx *txn.Tx, r Request) (Extent, error) {
	if r.Max == 0 {
		r.Max = r.Min
	}
	start := s.geo.AG(r.Near)
	if r.Min == 0 || r.Min > r.Max || uint32(start) >= s.geo.AGCount {
		return Extent{}, fmt.Errorf("allocation of %d to %d blocks in AG %d is not possible", r.Min, r.Max, start)
	}
	c := call{s: s, tx: tx, r: r, align: max(1, r.Align), start: start}
	if !r.Exact {
		if r.Wish > c.align {
			aligned := c
			aligned.align = r.Wish
			if e, err := aligned.full(); err != nil || e.Count > 0 {
				return e, err
			}
		}
		if e, err := c.full(); err != nil || e.Count > 0 {
			return e, err
		}
		if c.busy {
			return Extent{}, ErrBusy
		}
	}
	if r.Exact || r.Min < r.Max {
		if e, err := c.longest(); err != nil || e.Count > 0 {
			return e, err
		}
	}
	if c.busy {
		return Extent{}, ErrBusy
	}
	return Extent{}, fmt.Errorf("%w: no %d free blocks in a row", ErrNoSpace, r.Min)
}

// call is an allocation that goes on.
type call struct {
	s     *Groups
	tx    *txn.Tx
	r     Request
	align uint32
	start format.AGNumber
	busy  bool // there was a place, but with busy blocks
}

// candidates are the groups to look at, in order.
func (c *call) candidates(visit func(no format.AGNumber) (more bool, err error)) error {
	n := c.s.geo.AGCount
	if c.r.Only || c.r.Exact {
		n = 1
	}
	for i := range n {
		no := format.AGNumber((uint64(c.start) + uint64(i)) % uint64(c.s.geo.AGCount))
		if more, err := visit(no); err != nil || !more {
			return err
		}
	}
	return nil
}

// full takes an extent of full length from the first group that has one.
func (c *call) full() (e Extent, err error) {
	err = c.candidates(func(no format.AGNumber) (more bool, err error) {
		most, err := c.most(no)
		if err == nil && most >= c.r.Max {
			e, err = c.in(no, c.r.Max, c.r.Max)
		}
		return e.Count == 0, err
	})
	return e, err
}

// longest takes the longest extent that it finds, from the group that seems to have it.
func (c *call) longest() (e Extent, err error) {
	type offer struct {
		no   format.AGNumber
		most uint32
	}
	var offers []offer
	err = c.candidates(func(no format.AGNumber) (more bool, err error) {
		most, err := c.most(no)
		if most >= c.r.Min {
			offers = append(offers, offer{no, most})
		}
		return true, err
	})
	slices.SortStableFunc(offers, func(a, b offer) int { return cmp.Compare(b.most, a.most) })
	for _, o := range offers {
		if err != nil || e.Count > 0 {
			break
		}
		e, err = c.in(o.no, c.r.Min, o.most)
	}
	return e, err
}

// most is how many blocks in a row a group may have for the request, no more than Max.
func (c *call) most(no format.AGNumber) (uint32, error) {
	a, err := c.s.group(c.tx, no)
	if err != nil {
		return 0, err
	}
	room, err := a.room(c.r.Reserved)
	room -= int64(c.r.Left)
	return uint32(max(0, min(room, int64(a.longest()), int64(c.r.Max)))), err
}

// in takes an extent from a group.
func (c *call) in(no format.AGNumber, least, most uint32) (Extent, error) {
	a, err := c.s.group(c.tx, no)
	if err == nil {
		err = a.fill()
	}
	if err != nil {
		return Extent{}, err
	}
	w := &want{min: least, max: most, align: c.align, lo: c.r.Lo, hi: c.r.Hi, near: format.NullAGBlock, exact: c.r.Exact}
	if w.hi == 0 {
		w.hi = format.AGBlock(c.s.geo.AGLen(no))
	}
	if b := c.s.geo.AGB(c.r.Near); no == c.start && b != 0 {
		w.near = b
	}
	if c.r.Data {
		w.busy = a.busy
	}
	from, part, err := a.find(w)
	c.busy = c.busy || w.found
	if err != nil || part.count == 0 {
		return Extent{}, err
	}
	if err := a.take(from, part); err != nil {
		return Extent{}, err
	}
	if c.r.Owner != (Owner{}) {
		if err := a.mapNew(Rmap{part.start, part.count, c.r.Owner}); err != nil {
			return Extent{}, err
		}
	}
	return Extent{c.s.geo.FSB(no, part.start), part.count}, nil
}

// busy reports whether file data must not be written to a run yet.
func (a *group) busy(r run) bool {
	return a.tx.Busy(a.s.geo.AGOffset(a.no, r.start), int64(r.count)<<a.s.geo.BlockLog)
}

// Stripe is what an extent of file data that is asked for with so many blocks should be aligned
// to, for a request's Wish: the stripe unit, if the extent is not shorter.
func Stripe(g *format.Geometry, blocks uint32) uint32 {
	if g.Version&format.VersionDAlign == 0 || blocks < g.Unit {
		return 0
	}
	return g.Unit
}
