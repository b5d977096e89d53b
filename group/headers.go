package group

import "github.com/cowfs/cowfs/format"

func (c *Content) putAGF(b []byte) {
	format.AGFMagic.Put(b, format.AGFMagicN)
	format.AGFVersion.Put(b, format.AGHeaderVersion)
	format.AGFSeqNo.Put(b, c.No)
	format.AGFLength.Put(b, c.Geo.AGLen(c.No))
	format.AGFBnoRoot.Put(b, c.Trees[Bnobt].Root())
	format.AGFCntRoot.Put(b, c.Trees[Cntbt].Root())
	format.AGFBnoLevel.Put(b, c.Trees[Bnobt].Levels())
	format.AGFCntLevel.Put(b, c.Trees[Cntbt].Levels())
	if Rmapbt.In(c.Geo) {
		p := &c.Trees[Rmapbt]
		format.AGFRmapRoot.Put(b, p.Root())
		format.AGFRmapLevel.Put(b, p.Levels())
		format.AGFRmapBlks.Put(b, uint32(p.Blocks()))
	}
	if Refcountbt.In(c.Geo) {
		p := &c.Trees[Refcountbt]
		format.AGFRefcntRoot.Put(b, p.Root())
		format.AGFRefcntLevel.Put(b, p.Levels())
		format.AGFRefcntBlks.Put(b, uint32(p.Blocks()))
	}
	// Slot 0 is left out, as in new images.
	format.AGFFlFirst.Put(b, 1)
	format.AGFFlLast.Put(b, uint32(len(c.Freelist)))
	format.AGFFlCount.Put(b, uint32(len(c.Freelist)))
	format.AGFFreeBlks.Put(b, c.FreeBlocks())
	format.AGFLongest.Put(b, c.longest())
	format.AGFBtreeBlks.Put(b, c.BtreeBlocks())
	format.AGFUUID.Put(b, c.Geo.MetaUUID)
	format.SetChecksum(b, format.AGFCRC)
}

// longest is the length of the longest free extent.
func (c *Content) longest() (n uint32) {
	for _, e := range c.Free {
		n = max(n, e.Count)
	}
	return n
}

func (c *Content) putAGI(b []byte) {
	format.AGIMagic.Put(b, format.AGIMagicN)
	format.AGIVersion.Put(b, format.AGHeaderVersion)
	format.AGISeqNo.Put(b, c.No)
	format.AGILength.Put(b, c.Geo.AGLen(c.No))
	format.AGICount.Put(b, c.Inodes)
	format.AGIRoot.Put(b, c.Trees[Inobt].Root())
	format.AGILevel.Put(b, c.Trees[Inobt].Levels())
	format.AGIFreeCount.Put(b, c.FreeInodes)
	format.AGINewIno.Put(b, c.NewIno)
	format.AGIDirIno.Put(b, format.NullAGIno)
	for i := range format.AGIBuckets {
		first := format.NullAGIno
		if c.Unlinked != nil {
			first = c.Unlinked[i]
		}
		format.AGIUnlinked.At(i).Put(b, first)
	}
	format.AGIUUID.Put(b, c.Geo.MetaUUID)
	finobt := Finobt.In(c.Geo)
	if finobt {
		format.AGIFreeRoot.Put(b, c.Trees[Finobt].Root())
		format.AGIFreeLevel.Put(b, c.Trees[Finobt].Levels())
	}
	if c.Geo.HasInobtCount() {
		format.AGIIBlocks.Put(b, uint32(c.Trees[Inobt].Blocks()))
		if finobt {
			format.AGIFBlocks.Put(b, uint32(c.Trees[Finobt].Blocks()))
		}
	}
	format.SetChecksum(b, format.AGICRC)
}

func (c *Content) putAGFL(b []byte) {
	format.AGFLMagicNum.Put(b, format.AGFLMagic)
	format.AGFLSeqNo.Put(b, c.No)
	format.AGFLUUID.Put(b, c.Geo.MetaUUID)
	for i := range format.AGFLSize(c.Geo.SectSize) {
		bno := format.NullAGBlock
		if i >= 1 && i <= len(c.Freelist) {
			bno = c.Freelist[i-1]
		}
		format.AGFLSlot(i).Put(b, bno)
	}
	format.SetChecksum(b, format.AGFLCRC)
}
