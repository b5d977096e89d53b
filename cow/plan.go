package cow

import (
	"cmp"
	"errors"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// how says what becomes of a piece when its data are written.
type how uint8

const (
	inPlace how = iota // nothing: the data fork has its blocks as written ones
	convert            // its blocks, which the data fork has, become written ones
	remap              // its blocks move from the CoW fork to the data fork
	stay               // its blocks stay in the CoW fork on disk, as written ones
)

// piece is a range of a file whose data are written to blocks in a row.
type piece struct {
	span
	how   how
	start format.FSBlock
	fresh bool    // the blocks were allocated for this write: a failure frees them
	kept  bool    // in the CoW fork on disk
	from  Iomap   // where what is not written anew of the first and the last block comes from
	full  bool    // the blocks hold that already
	pages []*page // the data: pages, or
	data  []byte  // memory of whoever writes
	err   error   // of writing
}

// maxFill is how many extents in holes one transaction allocates.
const maxFill = 128

// plan decides where data for ranges of a file go, and allocates, within one transaction. What
// there is no space for is left out.
type plan struct {
	f      *File
	c      *change
	ed     *inode.Editor
	pieces []piece  // in order
	staged []Extent // allocated in the CoW fork, in order
	filled []Extent // allocated in the data fork, in order
	more   bool     // ranges were left out that another plan can do
	short  error    // there was no space
}

// plan makes a plan for ranges, which are in order.
func (f *File) plan(c *change, ed *inode.Editor, ranges []span) (*plan, error) {
	p := &plan{f: f, c: c, ed: ed}
	var cows, holes []span
	for _, s := range ranges {
		if p.more = len(holes) >= maxFill; p.more {
			break
		}
		for at := s.off; at < s.end; {
			m, err := f.mapping(c, ed, at, s.end, ForDirect)
			if err != nil {
				return nil, err
			}
			p.add(m, &cows, &holes)
			at = m.End
		}
	}
	fork := ed.Fork(inode.Data)
	stage := func(r space.Request) (space.Extent, error) { return f.eng.counts.AllocStaging(c.Tx, r) }
	fill := func(r space.Request) (space.Extent, error) { return f.eng.groups.Alloc(c.Tx, r) }
	if err := p.allocate(cows, stage, func(x Extent) error {
		p.staged = append(p.staged, x)
		return nil
	}); err != nil {
		return nil, err
	}
	if err := p.allocate(holes, fill, func(x Extent) error {
		p.filled = append(p.filled, x)
		return fork.Attach(x.mapping())
	}); err != nil {
		return nil, err
	}
	p.place()
	return p, nil
}

// add adds a piece for a mapping, and what must be allocated for it: with a hint, the whole
// extent that is reserved there.
func (p *plan) add(m Iomap, cows, holes *[]span) {
	x := piece{span: span{m.Off, m.End}, start: m.Start, from: m, full: m.Kind == Mapped && m.Flags&Shared == 0}
	want, fork, hint := cows, &p.f.cow, cowExtSize(p.ed)
	switch {
	case m.Flags&Cow != 0 && m.Kind != Delalloc:
		staged, _ := p.f.cow.from(m.Off)
		x.how, x.kept = remap, staged.Kept
	case m.Flags&(Cow|Shared) != 0:
		x.how, x.fresh = remap, true
	case m.Kind == Hole || m.Kind == Delalloc:
		x.how, x.fresh = convert, true
		want, fork, hint = holes, &p.f.data, extSize(p.ed)
	case m.Kind == Unwritten:
		x.how = convert
	}
	p.pieces = append(p.pieces, x)
	if !x.fresh {
		return
	}
	s := x.span
	if reserved, ok := fork.from(s.off); ok && reserved.Off <= s.off && hint > 1 {
		s = span{reserved.Off, reserved.End}
	}
	if n := len(*want); n == 0 || (*want)[n-1] != s {
		*want = append(*want, s)
	}
}

// allocate gives blocks to ranges, all of them with one call of the allocator if there are that
// many in a row. take learns of each part of a range.
func (p *plan) allocate(want []span, alloc func(space.Request) (space.Extent, error), take func(Extent) error) error {
	total := uint64(0)
	for _, s := range want {
		total += s.blocks()
	}
	var near format.FSBlock
	for len(want) > 0 {
		if near == 0 {
			var err error
			if near, err = p.near(want[0].off); err != nil {
				return err
			}
		}
		most := uint32(min(total, format.MaxExtentLen))
		p.f.eng.counters.allocs.Add(1)
		x, err := alloc(space.Request{Min: 1, Max: most, Near: near, Data: true, Wish: space.Stripe(p.f.eng.geo, most)})
		if errors.Is(err, space.ErrNoSpace) {
			p.short = err
			return nil
		}
		if err != nil {
			return err
		}
		near = p.f.nearOf(x)
		total -= uint64(x.Count)
		for x.Count > 0 {
			n := uint32(min(uint64(x.Count), want[0].blocks()))
			part := Extent{want[0].off, want[0].off + format.FileOff(n), Allocated, x.Start, false}
			if err := take(part); err != nil {
				return err
			}
			x.Start, x.Count = x.Start+format.FSBlock(n), x.Count-n
			if want[0].off = part.End; want[0].blocks() == 0 {
				want = want[1:]
			}
		}
	}
	return nil
}

// nearOf is where blocks behind an extent are.
func (f *File) nearOf(x space.Extent) format.FSBlock {
	if !f.eng.geo.ValidFSB(x.End(), 1) {
		return x.Start
	}
	return x.End()
}

// near is a block that new ones for an offset should be close to.
func (p *plan) near(off format.FileOff) (format.FSBlock, error) {
	m, ok, err := p.ed.Fork(inode.Data).Before(off)
	if err != nil || ok {
		return p.f.nearOf(space.Extent{Start: m.Start, Count: m.Count}), err
	}
	g := p.f.eng.geo
	ag, i := g.SplitIno(p.f.Ino)
	return g.FSB(ag, g.InoBlock(i)), nil
}

// unreserved is how many blocks the plan has allocated that nothing was reserved for.
func (p *plan) unreserved() (n uint64) {
	for _, x := range p.staged {
		n += x.Blocks() - p.f.cow.reservedIn(x.Off, x.End)
	}
	for _, x := range p.filled {
		n += x.Blocks() - p.f.data.reservedIn(x.Off, x.End)
	}
	return n
}

// place puts the pieces that have no blocks yet to those that were allocated.
func (p *plan) place() {
	var out []piece
	got := slices.Concat(p.staged, p.filled)
	slices.SortFunc(got, func(a, b Extent) int { return cmp.Compare(a.Off, b.Off) })
	for _, x := range p.pieces {
		if !x.fresh {
			out = append(out, x)
			continue
		}
		for len(got) > 0 && got[0].End <= x.off {
			got = got[1:]
		}
		for _, g := range got {
			if g.Off >= x.end {
				break
			}
			y := x
			y.span = span{max(g.Off, x.off), min(g.End, x.end)}
			y.start = g.part(y.off, y.end).Start
			out = append(out, y)
		}
	}
	p.pieces = out
}

// begin makes what is planned true in memory, and announces the writes of data. It is called when
// nothing of the transaction can fail any more. With cached, the data are those of dirty pages.
func (p *plan) begin(cached bool) {
	f := p.f
	f.update(func() {
		for _, x := range p.staged {
			f.cow.cut(x.Off, x.End)
			f.cow.put(x)
		}
		for _, x := range p.filled {
			f.data.cut(x.Off, x.End)
		}
		for i := range p.pieces {
			x := &p.pieces[i]
			if x.fresh {
				f.owed += x.blocks()
			} else {
				p.c.WillWriteData(f.eng.geo.Offset(x.start), int64(x.blocks())<<f.eng.geo.BlockLog)
			}
			for at := x.off; cached && at < x.end; at++ {
				page := f.clean(at)
				f.flight[at] = page
				x.pages = append(x.pages, page)
			}
		}
		f.startIO()
	})
}
