package inode

import (
	"errors"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// newChunk allocates blocks for more inodes in a group: for a whole chunk, or for a part of one
// where no such extent is free. It returns the chunk's record, which is in both trees.
func (g *group) newChunk() (*chunk, error) {
	geo := g.a.geo
	blocks := uint32(geo.ChunkBlocks())
	if err := g.a.mayAdd(g.tx, blocks); err != nil {
		return nil, err
	}
	e, err := g.allocBlocks(blocks, max(1, geo.InoAlign))
	if err == nil {
		return g.addWhole(e)
	}
	if !errors.Is(err, space.ErrNoSpace) || !geo.HasSparse() || geo.SpInoAlign == 0 {
		return nil, err
	}
	if e, err = g.allocBlocks(geo.SpInoAlign, geo.SpInoAlign); err != nil {
		return nil, err
	}
	return g.addPart(e)
}

func (g *group) allocBlocks(n, align uint32) (space.Extent, error) {
	return g.a.groups.Alloc(g.tx, space.Request{
		Min: n, Max: n, Align: align, Near: g.a.geo.FSB(g.no, g.a.geo.HeaderBlocks()), Only: true,
		Owner: space.Owner{ID: format.OwnInodes},
	})
}

// initBlocks makes the inodes in new blocks free ones.
func (g *group) initBlocks(e space.Extent) {
	geo := g.a.geo
	g.tx.NewInodes(txn.Chunk{
		AG: g.no, Start: geo.AGB(e.Start), Blocks: e.Count, Inodes: e.Count << geo.InoPBLog,
	}, func(ino format.Ino, b []byte) { PutFree(geo, b, ino) })
	n := int(e.Count) << geo.InoPBLog
	g.add(format.AGICount, n)
	g.add(format.AGIFreeCount, n)
}

// addWhole records new chunks: more than one where a block holds more.
func (g *group) addWhole(e space.Extent) (*chunk, error) {
	g.initBlocks(e)
	first := format.AGIno(g.a.geo.AGB(e.Start)) << g.a.geo.InoPBLog
	for i := range g.a.geo.ChunkInodes() / format.InodesPerChunk {
		c := &chunk{start: first + format.AGIno(i*format.InodesPerChunk), free: allFree}
		if err := g.exchange(nil, c); err != nil {
			return nil, err
		}
	}
	g.set(format.U32[uint32](format.AGINewIno), uint32(first))
	return &chunk{start: first, free: allFree}, nil
}

// addPart records a part of a chunk, beside other parts of it that exist already.
func (g *group) addPart(e space.Extent) (*chunk, error) {
	geo := g.a.geo
	g.initBlocks(e)
	align := format.AGBlock(max(1, geo.InoAlign))
	b := geo.AGB(e.Start)
	start := format.AGIno(b/align*align) << geo.InoPBLog
	first := (int(b%align) << geo.InoPBLog) / inodesPerHole
	n := int(e.Count) << geo.InoPBLog / inodesPerHole
	part := uint16((1<<n - 1) << first)

	c := &chunk{start: start, holes: ^part, free: allFree}
	rec, err := g.tree(false).Get(inoKey(start))
	switch {
	case err != nil:
		return nil, err
	case rec == nil:
		err = g.exchange(nil, c)
	default:
		old := unpackChunk(geo, rec)
		c.holes, c.free = old.holes&^part, old.free
		err = g.exchange(&old, c)
	}
	g.set(format.U32[uint32](format.AGINewIno), uint32(start))
	return c, err
}

// mayAdd holds the number of inodes against the share of the volume that they may take. To add them
// up takes all groups, so it is done only when what was left the last time has been asked for since.
func (a *Allocator) mayAdd(tx *txn.Tx, blocks uint32) error {
	if a.geo.IMaxPct == 0 {
		return nil
	}
	if a.spare < uint64(blocks) {
		limit, total := a.geo.DBlocks*uint64(a.geo.IMaxPct)/100, uint64(0)
		for no := range format.AGNumber(a.geo.AGCount) {
			g, err := a.group(tx, no)
			if err != nil {
				return err
			}
			total += uint64(g.get(format.AGICount)) >> a.geo.InoPBLog
		}
		if total+uint64(blocks) > limit {
			return space.ErrNoSpace
		}
		a.spare = limit - total
	}
	a.spare -= uint64(blocks)
	return nil
}

// Free gives an inode back, which has no blocks any more: its number can be used anew, with
// another generation. A chunk without used inodes is given up.
func (a *Allocator) Free(tx *txn.Tx, e *Editor) error {
	no, i := a.geo.SplitIno(e.Ino)
	g, err := a.group(tx, no)
	if err != nil {
		return err
	}
	rec, err := g.tree(false).SeekLE(inoKey(i))
	if err != nil {
		return err
	}
	var old chunk
	if rec != nil {
		old = unpackChunk(a.geo, rec)
	}
	k := i - old.start
	if rec == nil || k >= format.InodesPerChunk || old.exist()>>k&1 == 0 || old.free>>k&1 != 0 {
		return e.corrupt("inobt record", "none in which it is used", "one")
	}
	b := e.Modify()
	gen, ino, change := format.DiGen.Get(b), e.Ino, format.DiChangeCount.Get(b)
	flags2 := format.DiFlags2.Get(b) & newFlags2(a.geo)
	clear(b)
	PutFree(a.geo, b, ino)
	format.DiGen.Put(b, gen+1)
	format.DiChangeCount.Put(b, change+1)
	format.DiFormat.Put(b, format.FmtExtents)
	format.DiAFormat.Put(b, format.FmtExtents)
	format.DiFlags2.Put(b, flags2)

	now := old
	now.free |= 1 << k
	if now.freeCount() == now.count() && a.geo.InodesPerBlock() <= format.InodesPerChunk {
		return g.freeChunk(&old)
	}
	g.add(format.AGIFreeCount, 1)
	return g.exchange(&old, &now)
}

// freeChunk gives up the blocks of a chunk whose last used inode was freed.
func (g *group) freeChunk(old *chunk) error {
	geo := g.a.geo
	if err := g.exchange(old, nil); err != nil {
		return err
	}
	g.add(format.AGICount, -old.count())
	g.add(format.AGIFreeCount, -old.freeCount())
	first := geo.InoBlock(old.start)
	perBlock := geo.InodesPerBlock()
	exist := old.exist()
	for b := 0; b < geo.ChunkBlocks(); {
		if exist>>(b*perBlock)&1 == 0 {
			b++
			continue
		}
		n := 1
		for ; b+n < geo.ChunkBlocks() && exist>>((b+n)*perBlock)&1 != 0; n++ {
		}
		e := space.Extent{Start: geo.FSB(g.no, first+format.AGBlock(b)), Count: uint32(n)}
		if err := g.a.groups.Free(g.tx, e, space.Owner{ID: format.OwnInodes}, false); err != nil {
			return err
		}
		b += n
	}
	if format.AGINewIno.Get(g.agi.Data) == old.start {
		g.set(format.U32[uint32](format.AGINewIno), uint32(format.NullAGIno))
	}
	return nil
}
