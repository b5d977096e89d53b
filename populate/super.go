package populate

import "github.com/cowfs/cowfs/format"

// superblock returns the sector of a group's superblock. Copies in groups other than 0 keep
// what mkfs once wrote there: the geometry, and no counters that would go stale.
func (p *Plan) superblock(ag format.AGNumber) []byte {
	g := p.g
	b := make([]byte, g.SectSize)
	root := RootIno(g)
	putGeometry(b, g)
	format.SBVersionNum.Put(b, p.version())
	format.SBRootIno.Put(b, root)
	format.SBRbmIno.Put(b, root+1)
	format.SBRsumIno.Put(b, root+2)
	if ag == 0 {
		for _, a := range p.groups {
			add(b, format.SBICount, uint64(a.allocated(g)))
			add(b, format.SBIFree, uint64(a.freeInodes(g)))
			add(b, format.SBFDBlocks, uint64(a.freeBlocks()+a.agfl.Count+a.btreeBlocks()))
		}
	} else {
		format.SBInProgress.Put(b, 1)
		format.SBFDBlocks.Put(b, g.DBlocks-uint64(g.AGCount)*uint64(p.groups[0].head())-uint64(p.logBlocks()))
		format.SBRbmIno.Put(b, format.NullIno)
		format.SBRsumIno.Put(b, format.NullIno)
		if !keepsRoot(g, ag) {
			format.SBRootIno.Put(b, format.NullIno)
		}
	}
	format.SetChecksum(b, format.SBCRC)
	return b
}

func add(b []byte, f format.U64[uint64], n uint64) { f.Put(b, f.Get(b)+n) }

// keepsRoot reports whether the copy of the superblock in a group names the root inode: the
// middle and the last do, to find it again when the primary is lost.
func keepsRoot(g *format.Geometry, ag format.AGNumber) bool {
	return ag == format.AGNumber(g.AGCount-1) || ag == format.AGNumber((g.AGCount-1)/2)
}

func (p *Plan) logBlocks() uint32 {
	if p.g.LogStart == 0 {
		return 0
	}
	return p.g.LogBlocks
}

// version is the old feature mask, with what the image turned out to hold.
func (p *Plan) version() format.VersionBits {
	v := p.g.Version
	if p.attrs || p.g.HasParent() {
		v |= format.VersionAttr
	}
	return v
}

// putGeometry encodes all that does not depend on the content.
func putGeometry(b []byte, g *format.Geometry) {
	format.SBMagicNum.Put(b, format.SBMagic)
	format.SBBlockSize.Put(b, uint32(g.BlockSize))
	format.SBDBlocks.Put(b, g.DBlocks)
	format.SBUUID.Put(b, g.UUID)
	format.SBLogStart.Put(b, g.LogStart)
	format.SBRExtSize.Put(b, g.RExtSize)
	format.SBAGBlocks.Put(b, g.AGBlocks)
	format.SBAGCount.Put(b, g.AGCount)
	format.SBLogBlocks.Put(b, g.LogBlocks)
	format.SBSectSize.Put(b, uint16(g.SectSize))
	format.SBInodeSize.Put(b, uint16(g.InodeSize))
	format.SBInoPBlock.Put(b, uint16(g.InodesPerBlock()))
	format.SBFName.Put(b, []byte(g.Label))
	format.SBBlockLog.Put(b, uint8(g.BlockLog))
	format.SBSectLog.Put(b, uint8(g.SectLog))
	format.SBInodeLog.Put(b, uint8(g.InodeLog))
	format.SBInoPBLog.Put(b, uint8(g.InoPBLog))
	format.SBAGBlkLog.Put(b, uint8(g.AGBlkLog))
	format.SBIMaxPct.Put(b, g.IMaxPct)
	format.SBInoAlignMt.Put(b, g.InoAlign)
	format.SBUnit.Put(b, g.Unit)
	format.SBWidth.Put(b, g.Width)
	format.SBDirBlkLog.Put(b, uint8(g.DirBlkLog))
	if g.Version&format.VersionSector != 0 {
		format.SBLogSectLog.Put(b, uint8(g.LogSectLog))
		format.SBLogSectSize.Put(b, 1<<g.LogSectLog)
	}
	format.SBLogSUnit.Put(b, g.LogSUnit)
	format.SBFeatures2.Put(b, g.Feat2)
	format.SBBadFeat2.Put(b, g.Feat2)
	format.SBROCompat.Put(b, g.ROCompat)
	format.SBIncompat.Put(b, g.Incompat)
	format.SBSpInoAlign.Put(b, g.SpInoAlign)
	if g.Incompat&format.InMetaUUID != 0 {
		format.SBMetaUUID.Put(b, g.MetaUUID)
	}
}
