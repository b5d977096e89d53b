package inode

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// owner is who has the blocks that a fork maps at an offset.
func (f *ForkEditor) owner(off format.FileOff, unwritten bool) space.Owner {
	return space.ForkOwner(f.Ino, f.attr(), off, unwritten)
}

// near is a block that new ones for offset off should be close to. behind says that it is the one that
// goes on where the mapping before off ends, in the file and on the disk.
func (f *ForkEditor) near(off format.FileOff) (b format.FSBlock, behind bool, err error) {
	m, ok, err := f.Before(off)
	if err != nil || ok {
		b = m.Start + format.FSBlock(m.Count)
		if !f.geo.ValidFSB(b, 1) { // the end of a group
			return b - 1, false, err
		}
		return b, m.End() == off, err
	}
	ag, i := f.geo.SplitIno(f.Ino)
	return f.geo.FSB(ag, f.geo.InoBlock(i)), false, nil
}

// Grow allocates between least and most blocks in one extent, and maps them from off on. data
// says that they are for file data: then a long extent is aligned to the stripe unit, unless it goes
// on where the one before it ends.
func (f *ForkEditor) Grow(off format.FileOff, least, most uint32, unwritten, data bool) (format.Mapping, error) {
	near, behind, err := f.near(off)
	if err != nil {
		return format.Mapping{}, err
	}
	r := space.Request{
		Min: least, Max: min(most, format.MaxExtentLen), Near: near, Data: data, Owner: f.owner(off, unwritten),
	}
	if data {
		r.Wish = space.Stripe(f.geo, r.Max)
	}
	e, err := f.alloc(r, behind)
	if err != nil {
		return format.Mapping{}, err
	}
	if err := f.addBlocks(int64(e.Count)); err != nil {
		return format.Mapping{}, err
	}
	m := format.Mapping{Off: off, Start: e.Start, Count: e.Count, Unwritten: unwritten}
	return m, f.Map(m)
}

// alloc finds an extent; behind is as near gives it.
func (f *ForkEditor) alloc(r space.Request, behind bool) (space.Extent, error) {
	if r.Wish > 0 && behind {
		next := r
		next.Exact, next.Min = true, max(r.Min, r.Wish)
		e, err := f.groups.Alloc(f.tx, next)
		if err == nil || !errors.Is(err, space.ErrNoSpace) && !errors.Is(err, space.ErrBusy) {
			return e, err
		}
	}
	return f.groups.Alloc(f.tx, r)
}

// Shrink takes the part of a mapping from block off to end away, and frees its blocks. data says
// that they hold file data.
func (f *ForkEditor) Shrink(m format.Mapping, off, end format.FileOff, data bool) error {
	part := m.Part(off, end)
	if err := f.Unmap(m, off, end); err != nil {
		return err
	}
	if err := f.addBlocks(-int64(part.Count)); err != nil {
		return err
	}
	return f.groups.Free(f.tx, extent(part), f.owner(part.Off, part.Unwritten), data)
}

// Convert makes the part of a mapping from block off to end written or unwritten.
func (f *ForkEditor) Convert(m format.Mapping, off, end format.FileOff, unwritten bool) error {
	part := m.Part(off, end)
	if err := f.Unmap(m, off, end); err != nil {
		return err
	}
	e := extent(part)
	if err := f.groups.Convert(f.tx, e, f.owner(part.Off, part.Unwritten), !unwritten); err != nil {
		return err
	}
	part.Unwritten = unwritten
	return f.Map(part)
}

// forkPages are the blocks of a fork's tree.
type forkPages struct{ f *ForkEditor }

func (p forkPages) buf(block uint64) (*txn.Buf, error) {
	g, fsb := p.f.geo, format.FSBlock(block)
	at := format.BlockOf(p.f.Ino, g.ToDaddr(fsb))
	if !g.ValidFSB(fsb, 1) {
		return nil, format.Corrupt("bmbt", "pointer", fsb, "a block of the volume").At(at)
	}
	return p.f.tx.Read(g.Offset(fsb), format.TypeBmbt, at)
}

func (p forkPages) Read(block uint64) ([]byte, error) {
	b, err := p.buf(block)
	if err != nil {
		return nil, err
	}
	return b.Data, nil
}

func (p forkPages) Change(block uint64, off, n int) ([]byte, error) {
	b, err := p.buf(block)
	if err != nil {
		return nil, err
	}
	return p.f.tx.Change(b, off, n), nil
}

func (p forkPages) New(near uint64) (uint64, []byte, error) {
	e, err := p.f.groups.Alloc(p.f.tx, space.Request{
		Min: 1, Max: 1, Near: format.FSBlock(near), Owner: space.BmbtOwner(p.f.Ino, p.f.attr()),
	})
	if err != nil {
		return 0, nil, err
	}
	b := p.f.tx.New(p.f.geo.Offset(e.Start), p.f.geo.BlockSize, format.TypeBmbt)
	return uint64(e.Start), b.Data, p.f.addBlocks(1)
}

func (p forkPages) Free(block uint64) error {
	e := space.Extent{Start: format.FSBlock(block), Count: 1}
	if err := p.f.groups.Free(p.f.tx, e, space.BmbtOwner(p.f.Ino, p.f.attr()), false); err != nil {
		return err
	}
	return p.f.addBlocks(-1)
}

// extent is the blocks of a mapping.
func extent(m format.Mapping) space.Extent { return space.Extent{Start: m.Start, Count: m.Count} }

// Attach maps blocks that are allocated already, and records the fork as one of their owners.
func (f *ForkEditor) Attach(m format.Mapping) error {
	if err := f.Map(m); err != nil {
		return err
	}
	if err := f.addBlocks(int64(m.Count)); err != nil {
		return err
	}
	return f.groups.Map(f.tx, extent(m), f.owner(m.Off, m.Unwritten))
}

// AttachNew is Attach to a data fork for blocks that have no owner so far. It is faster when they lie
// apart from those of the neighbours, and relies on the reverse map agreeing with the fork.
func (f *ForkEditor) AttachNew(m format.Mapping) error {
	apart, err := f.mapIn(m)
	if err == nil {
		err = f.addBlocks(int64(m.Count))
	}
	switch {
	case err != nil:
		return err
	case apart:
		return f.groups.MapApart(f.tx, extent(m), f.owner(m.Off, m.Unwritten))
	}
	return f.groups.Map(f.tx, extent(m), f.owner(m.Off, m.Unwritten))
}

// AttachAll is Attach to a data fork for many mappings, in order, that lie in one hole of it. No two of
// them go on in the file where they do on the disk, and other files may have their blocks.
func (f *ForkEditor) AttachAll(list []format.Mapping) error {
	last := len(list) - 1
	for i, m := range list {
		if last >= 2 && i > 0 && i < last {
			continue
		}
		if err := f.Attach(m); err != nil { // which may join it with what is around the hole
			return err
		}
	}
	if last < 2 {
		return nil
	}
	return f.attachApart(list[1:last])
}

// attachApart is AttachAll for mappings that nothing in the fork joins.
func (f *ForkEditor) attachApart(list []format.Mapping) error {
	if err := f.insertAll(list); err != nil {
		return err
	}
	total := int64(0)
	owned := make([]space.Owned, len(list))
	for i, m := range list {
		total += int64(m.Count)
		owned[i] = space.Owned{Extent: extent(m), Owner: f.owner(m.Off, m.Unwritten)}
	}
	if err := f.addBlocks(total); err != nil {
		return err
	}
	slices.SortFunc(owned, func(a, b space.Owned) int { return cmp.Compare(a.Start, b.Start) })
	return f.groups.MapAllApart(f.tx, owned)
}

// Detach is the inverse of Attach: the blocks stay allocated. They must be mapped as m says.
func (f *ForkEditor) Detach(m format.Mapping) error {
	whole, ok, err := f.From(m.Off)
	switch {
	case err != nil:
		return err
	case !ok || whole.Off > m.Off || whole.End() < m.End() || whole.Part(m.Off, m.End()) != m:
		return f.corrupt("mapping", fmt.Sprintf("%+v", whole), fmt.Sprintf("one with %+v", m))
	}
	if err := f.Unmap(whole, m.Off, m.End()); err != nil {
		return err
	}
	if err := f.addBlocks(-int64(m.Count)); err != nil {
		return err
	}
	return f.groups.Unmap(f.tx, extent(m), f.owner(m.Off, m.Unwritten))
}
