package populate

import (
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/group"
)

// writeGroup writes a group's header sectors, the AGFL and all its trees. Of group 0 the
// superblock's sector is left for later.
func (p *Plan) writeGroup(dev device.Device, a *agroup) error {
	c := p.content(a)
	var super []byte
	if a.no != 0 {
		super = p.superblock(a.no)
	}
	return c.Write(dev, super)
}

// content is what the group's metadata has to say.
func (p *Plan) content(a *agroup) *group.Content {
	c := &group.Content{
		Geo: p.g, No: a.no, Free: a.free,
		Inodes: a.allocated(p.g), FreeInodes: a.freeInodes(p.g), NewIno: format.NullAGIno,
		Record: p.recorder(a),
	}
	for t := range group.NumTrees {
		tr := &a.trees[t]
		c.Trees[t] = group.Place{Records: tr.records, Shape: tr.shape, Block: tr.block}
	}
	for i := range a.agfl.Count {
		c.Freelist = append(c.Freelist, a.agfl.Start+format.AGBlock(i))
	}
	if a.inodeBlocks > 0 {
		last := a.inodeBlocks - uint32(p.g.ChunkBlocks())
		c.NewIno = format.AGIno(uint32(a.inoBase)+last) << p.g.InoPBLog
	}
	return c
}

// recorder returns what encodes the records of a group's trees.
func (p *Plan) recorder(a *agroup) func(t group.Tree, i int, b []byte) {
	full := p.chunks(a) - p.freeChunks(a)
	return func(t group.Tree, i int, b []byte) {
		switch t {
		case group.Inobt:
			p.putChunk(a, i, b)
		case group.Finobt:
			p.putChunk(a, full+i, b)
		case group.Rmapbt:
			a.rmaps.at(i).Put(b)
		case group.Refcountbt:
			a.refcounts[i].Put(b, false)
		}
	}
}
