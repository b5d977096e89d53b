package populate

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// writeGroup writes a group's header sectors, the AGFL and all its trees. Of group 0 the
// superblock's sector is left for later.
func (p *Plan) writeGroup(dev device.Device, a *group) error {
	head := make([]byte, int(a.head())<<p.g.BlockLog)
	sector := func(i int) []byte { return head[i<<p.g.SectLog:][:p.g.SectSize] }
	if a.no != 0 {
		copy(sector(0), p.superblock(a.no))
	}
	p.putAGF(sector(1), a)
	p.putAGI(sector(2), a)
	p.putAGFL(sector(3), a)
	s := &stream{dev: dev}
	for t := range a.trees {
		if hasTree(p.g, t) {
			if err := p.writeTree(s, a, t, head); err != nil {
				return err
			}
		}
	}
	if err := s.flush(); err != nil {
		return err
	}
	skip := 0
	if a.no == 0 {
		skip = p.g.SectSize
	}
	_, err := dev.WriteAt(head[skip:], p.g.AGOffset(a.no, 0)+int64(skip))
	return err
}

// writeTree writes a tree of a group; its root goes into head, the beginning of the group.
func (p *Plan) writeTree(s *stream, a *group, t int, head []byte) error {
	tr := &a.trees[t]
	l := btree.Load{
		Kind: treeKinds[t], Geo: p.g, AG: a.no, Block: tr.block,
		Write: func(i int, b []byte) error {
			block := format.AGBlock(tr.block(i))
			if block == tr.root {
				copy(head[int(block)<<p.g.BlockLog:], b)
				return nil
			}
			dst, err := s.next(p.g.AGOffset(a.no, block), len(b))
			if err == nil {
				copy(dst, b)
			}
			return err
		},
	}
	_, _, err := l.Run(tr.records, p.recorder(a, t))
	return err
}

// recorder returns what encodes record i of a tree.
func (p *Plan) recorder(a *group, t int) func(i int, b []byte) {
	free := func(list []extent) func(i int, b []byte) {
		return func(i int, b []byte) {
			format.FreeStart.Put(b, list[i].start)
			format.FreeCount.Put(b, list[i].count)
		}
	}
	switch t {
	case bno:
		return free(a.free)
	case cnt:
		return free(bySize(a.free))
	case ino:
		return func(i int, b []byte) { p.putChunk(a, i, b) }
	case fino:
		first := p.chunks(a) - p.freeChunks(a)
		return func(i int, b []byte) { p.putChunk(a, first+i, b) }
	case rmp:
		return func(i int, b []byte) { a.rmaps.at(i).Put(b) }
	}
	return func(i int, b []byte) { a.refcounts[i].Put(b, false) }
}

func (p *Plan) putAGF(b []byte, a *group) {
	format.AGFMagic.Put(b, format.AGFMagicN)
	format.AGFVersion.Put(b, format.AGHeaderVersion)
	format.AGFSeqNo.Put(b, a.no)
	format.AGFLength.Put(b, a.len)
	format.AGFBnoRoot.Put(b, a.trees[bno].root)
	format.AGFCntRoot.Put(b, a.trees[cnt].root)
	format.AGFBnoLevel.Put(b, a.trees[bno].levels())
	format.AGFCntLevel.Put(b, a.trees[cnt].levels())
	if hasTree(p.g, rmp) {
		format.AGFRmapRoot.Put(b, a.trees[rmp].root)
		format.AGFRmapLevel.Put(b, a.trees[rmp].levels())
		format.AGFRmapBlks.Put(b, uint32(a.trees[rmp].blocks()))
	}
	if hasTree(p.g, refc) {
		format.AGFRefcntRoot.Put(b, a.trees[refc].root)
		format.AGFRefcntLevel.Put(b, a.trees[refc].levels())
		format.AGFRefcntBlks.Put(b, uint32(a.trees[refc].blocks()))
	}
	format.AGFFlFirst.Put(b, 1)
	format.AGFFlLast.Put(b, a.agfl.count)
	format.AGFFlCount.Put(b, a.agfl.count)
	format.AGFFreeBlks.Put(b, a.freeBlocks())
	format.AGFLongest.Put(b, a.longest())
	format.AGFBtreeBlks.Put(b, a.btreeBlocks())
	format.AGFUUID.Put(b, p.g.MetaUUID)
	format.SetChecksum(b, format.AGFCRC)
}

func (p *Plan) putAGI(b []byte, a *group) {
	format.AGIMagic.Put(b, format.AGIMagicN)
	format.AGIVersion.Put(b, format.AGHeaderVersion)
	format.AGISeqNo.Put(b, a.no)
	format.AGILength.Put(b, a.len)
	format.AGICount.Put(b, a.allocated(p.g))
	format.AGIRoot.Put(b, a.trees[ino].root)
	format.AGILevel.Put(b, a.trees[ino].levels())
	format.AGIFreeCount.Put(b, a.freeInodes(p.g))
	format.AGINewIno.Put(b, format.NullAGIno)
	if a.inodeBlocks > 0 {
		last := a.inodeBlocks - uint32(p.g.ChunkBlocks())
		format.AGINewIno.Put(b, format.AGIno(uint32(a.inoBase)+last)<<p.g.InoPBLog)
	}
	format.AGIDirIno.Put(b, format.NullAGIno)
	for i := range format.AGIBuckets {
		format.AGIUnlinked.At(i).Put(b, format.NullAGIno)
	}
	format.AGIUUID.Put(b, p.g.MetaUUID)
	if hasTree(p.g, fino) {
		format.AGIFreeRoot.Put(b, a.trees[fino].root)
		format.AGIFreeLevel.Put(b, a.trees[fino].levels())
	}
	if p.g.HasInobtCount() {
		format.AGIIBlocks.Put(b, uint32(a.trees[ino].blocks()))
		if hasTree(p.g, fino) {
			format.AGIFBlocks.Put(b, uint32(a.trees[fino].blocks()))
		}
	}
	format.SetChecksum(b, format.AGICRC)
}

func (p *Plan) putAGFL(b []byte, a *group) {
	format.AGFLMagicNum.Put(b, format.AGFLMagic)
	format.AGFLSeqNo.Put(b, a.no)
	format.AGFLUUID.Put(b, p.g.MetaUUID)
	for i := range format.AGFLSize(p.g.SectSize) {
		bno := format.NullAGBlock
		if i >= 1 && i <= int(a.agfl.count) {
			bno = a.agfl.start + format.AGBlock(i-1)
		}
		format.AGFLSlot(i).Put(b, bno)
	}
	format.SetChecksum(b, format.AGFLCRC)
}

// bySize returns extents in the order of the by-count tree.
func bySize(list []extent) []extent {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b extent) int { return cmp.Compare(a.count, b.count) })
	return out
}
