package check_test

import (
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
)

// TestHeaderFaults makes superblocks and the headers of groups wrong, field by field.
func TestHeaderFaults(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	b.run(t, headerFaults)
	b.run(t, superFaults)
}

// agf changes the AGF of group 1, agi and agfl likewise.
func agf(change func(p []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) { b.header(d, format.TypeAGF, 1, change) }
}

func agi(change func(p []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) { b.header(d, format.TypeAGI, 1, change) }
}

func agfl(change func(p []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) { b.header(d, format.TypeAGFL, 1, change) }
}

func super(ag format.AGNumber, change func(p []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) { b.header(d, format.TypeSuperblock, ag, change) }
}

// supers changes the superblocks of all groups.
func supers(change func(p []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) {
		for ag := range format.AGNumber(b.geo.AGCount) {
			b.header(d, format.TypeSuperblock, ag, change)
		}
	}
}

// flip changes a bit of a sector and leaves the checksum as it was.
func flip(sector int, at int) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) {
		var p [1]byte
		off := b.geo.SectorOffset(1, sector) + int64(at)
		_, err := d.ReadAt(p[:], off)
		b.must(err)
		p[0] ^= 1
		_, err = d.WriteAt(p[:], off)
		b.must(err)
	}
}

var headerFaults = []fault{
	{"AGF's checksum", flip(1, 100), "agf.padding agf.unreadable"},
	{"AGF's magic number", flip(1, 0), "agf.unreadable"},
	{"AGF's number", agf(func(p []byte) { format.AGFSeqNo.Put(p, 2) }), "agf.field"},
	{"AGF's length", agf(func(p []byte) { format.AGFLength.Put(p, 5) }), "agf.field"},
	{"AGF's volume", agf(func(p []byte) { format.AGFUUID.Put(p, format.UUID{7}) }), "agf.field"},
	{"root of bnobt", agf(func(p []byte) { format.AGFBnoRoot.Put(p, 0) }), "agf.field btree.pointer"},
	{"height of cntbt", agf(func(p []byte) { format.AGFCntLevel.Put(p, 3) }), "btree.level"},
	{"another tree's root", agf(func(p []byte) { format.AGFRmapRoot.Put(p, format.AGFBnoRoot.Get(p)) }), "btree.magic"},
	{"AGF's padding", agf(func(p []byte) { p[format.AGF.Size-1] = 1 }), "agf.padding"},
	{"free blocks", agf(func(p []byte) { format.AGFFreeBlks.Put(p, format.AGFFreeBlks.Get(p)-1) }), "agf.counter agf.field"},
	{"longest extent", agf(func(p []byte) { format.AGFLongest.Put(p, 1) }), "agf.counter"},
	{"blocks of trees", agf(func(p []byte) { format.AGFBtreeBlks.Put(p, 9) }), "agf.counter"},
	{"blocks of rmapbt", agf(func(p []byte) { format.AGFRmapBlks.Put(p, 9) }), "agf.counter"},
	{"blocks of refcountbt", agf(func(p []byte) { format.AGFRefcntBlks.Put(p, 9) }), "agf.counter"},
	{"AGI's checksum", flip(2, 100), "agi.unreadable unlinked.pointer"},
	{"AGI's version", agi(func(p []byte) { format.AGIVersion.Put(p, 2) }), "agi.field"},
	{"root of finobt", agi(func(p []byte) { format.AGIFreeRoot.Put(p, 1<<30) }), "agi.field btree.pointer"},
	{"AGI's padding", agi(func(p []byte) { p[format.AGICRC+4] = 1 }), "agi.padding"},
	{"hint", agi(func(p []byte) { format.AGINewIno.Put(p, 1<<31) }), "agi.hint"},
	{"old hint", agi(func(p []byte) { format.AGIDirIno.Put(p, 1) }), "agi.hint"},
	{"inodes", agi(func(p []byte) { format.AGICount.Put(p, format.AGICount.Get(p)+64) }), "agi.counter"},
	{"free inodes", agi(func(p []byte) {
		format.AGICount.Put(p, 1)
		format.AGIFreeCount.Put(p, 1)
	}), "agi.counter"},
	{"blocks of inobt", agi(func(p []byte) { format.AGIIBlocks.Put(p, 2) }), "agi.counter"},
	{"blocks of finobt", agi(func(p []byte) { format.AGIFBlocks.Put(p, 0) }), "agi.counter"},
	{"AGFL's checksum", flip(3, 50), "agfl.unreadable"},
	{"AGFL's number", agfl(func(p []byte) { format.AGFLSeqNo.Put(p, 2) }), "agfl.field"},
	{"slot outside the group", agfl(func(p []byte) { format.AGFLSlot(1).Put(p, 1<<30) }), "agfl.field"},
	{"count of the free list", agf(func(p []byte) { format.AGFFlCount.Put(p, format.AGFFlCount.Get(p)-1) }), "agfl.count super.counter"},
	{"end of the free list", agf(func(p []byte) { format.AGFFlLast.Put(p, 100) }), "agfl.count"},
	{"end of the free list outside", agf(func(p []byte) { format.AGFFlLast.Put(p, 1000) }), "agf.field"},
	{"empty slot", func(b *bed, d *device.Memory) {
		b.agflSlots(d, func(p []byte, first, second int) { format.AGFLSlot(first).Put(p, format.NullAGBlock) })
	}, "agfl.null"},
	{"slot twice", func(b *bed, d *device.Memory) {
		b.agflSlots(d, func(p []byte, first, second int) {
			format.AGFLSlot(second).Put(p, format.AGFLSlot(first).Get(p))
		})
	}, "agfl.twice rmap.stray space.lost"},
	{"slot of a tree's block", func(b *bed, d *device.Memory) {
		b.agflSlots(d, func(p []byte, first, _ int) { format.AGFLSlot(first).Put(p, format.AGBlock(b.tree(d, rmap, 1).Root)) })
	}, "rmap.stray space.cross-link space.lost"},
	{"slot of a free block", func(b *bed, d *device.Memory) {
		b.agflSlots(d, func(p []byte, first, _ int) { format.AGFLSlot(first).Put(p, format.AGBlock(b.geo.AGLen(1)-1)) })
	}, "rmap.missing rmap.stray space.free-used space.lost"},
}

// agflSlots changes the AGFL of group 1, given the first two slots that are in use.
func (b *bed) agflSlots(d *device.Memory, change func(p []byte, first, second int)) {
	b.Helper()
	b.header(d, format.TypeAGF, 1, func(f []byte) {
		first := int(format.AGFFlFirst.Get(f))
		b.header(d, format.TypeAGFL, 1, func(p []byte) { change(p, first, first+1) })
	})
}

var superFaults = []fault{
	{"bad_features2", super(0, func(p []byte) { format.SBBadFeat2.Put(p, 0) }), "super.field"},
	{"spino_align", super(0, func(p []byte) { format.SBSpInoAlign.Put(p, 3) }), "super.field"},
	{"frextents", super(0, func(p []byte) { format.SBFRExtents.Put(p, 3) }), "super.field"},
	{"rextslog", super(0, func(p []byte) { format.SBRExtsLog.Put(p, 3) }), "super.field"},
	{"behind the superblock", super(0, func(p []byte) { p[len(p)-1] = 1 }), "super.padding"},
	{"flags", super(0, func(p []byte) { format.SBFlags.Put(p, 1) }), "super.field"},
	{"unknown version bit", super(0, func(p []byte) { format.SBVersionNum.Put(p, format.SBVersionNum.Get(p)|0x200) }), "super.field"},
	{"meta_uuid", super(0, func(p []byte) { format.SBMetaUUID.Put(p, format.UUID{9}) }), "super.field"},
	{"needs repair", super(0, func(p []byte) { format.SBIncompat.Put(p, format.SBIncompat.Get(p)|format.InNeedsRepair) }), "super.needs-repair"},
	{"fdblocks", super(0, func(p []byte) { format.SBFDBlocks.Put(p, 5) }), "super.counter"},
	{"icount", super(0, func(p []byte) { format.SBICount.Put(p, format.SBICount.Get(p)+1) }), "super.counter"},
	{"ifree", super(0, func(p []byte) { format.SBIFree.Put(p, 0) }), "super.counter"},
	{"log items", super(0, func(p []byte) { format.SBLogIncompat.Put(p, format.LogXattrs) }), "log.feature"},
	{"unknown feature", supers(func(p []byte) { format.SBROCompat.Put(p, format.SBROCompat.Get(p)|1<<20) }), "unchecked.feature"},
	{"unknown feature in the first superblock only", super(0, func(p []byte) { format.SBROCompat.Put(p, format.SBROCompat.Get(p)|1<<20) }), "super.field"},
	{"feature that is not supported", super(0, func(p []byte) { format.SBIncompat.Put(p, format.SBIncompat.Get(p)|format.InMetaDir) }), "super.field"},
	{"other version", super(0, func(p []byte) { format.SBVersionNum.Put(p, format.SBVersionNum.Get(p)&^0xf|4) }), "super.field"},
	{"other version of a volume with quotas", super(0, func(p []byte) {
		format.SBVersionNum.Put(p, format.SBVersionNum.Get(p)&^0xf|4|format.VersionQuota)
	}), "super.field unchecked.quota"},
	{"more groups", super(0, func(p []byte) {
		format.SBAGCount.Put(p, 1000)
		format.SBDBlocks.Put(p, 1000*uint64(format.SBAGBlocks.Get(p)))
	}), "super.field"},
	{"fewer groups", super(0, func(p []byte) {
		format.SBAGCount.Put(p, 2)
		format.SBDBlocks.Put(p, 2*uint64(format.SBAGBlocks.Get(p)))
	}), "super.field"},
	{"smaller groups", super(0, func(p []byte) {
		format.SBAGBlocks.Put(p, format.SBAGBlocks.Get(p)/2)
		format.SBAGCount.Put(p, 2*format.SBAGCount.Get(p))
	}), "super.field"},
	{"checksums that hide nothing", func(b *bed, d *device.Memory) {
		b.header(d, format.TypeAGI, 0, func(p []byte) { format.AGICount.Put(p, 4) })
		b.inodeAt(d, b.geo.RootIno, func(raw []byte) { format.DiNLink.Put(raw, 9) })
		_, err := d.WriteAt([]byte{1, 2, 3, 4}, b.geo.SectorOffset(0, 2)+int64(format.AGICRC))
		b.must(err)
	}, "agi.counter agi.unreadable link.count"},
	{"copies that don't know of the last group", func(b *bed, d *device.Memory) {
		for ag := format.AGNumber(1); ag < 3; ag++ {
			super(ag, func(p []byte) {
				format.SBAGCount.Put(p, 2)
				format.SBDBlocks.Put(p, 2*uint64(format.SBAGBlocks.Get(p)))
			})(b, d)
		}
	}, "secondary.field"},
	{"unknown version bit in all", supers(func(p []byte) { format.SBVersionNum.Put(p, format.SBVersionNum.Get(p)|0x200) }), "super.field"},
	{"unknown quota flag", super(0, func(p []byte) { format.SBQFlags.Put(p, 0x10) }), "super.field"},
	{"meta_uuid in all", supers(func(p []byte) { format.SBMetaUUID.Put(p, format.UUID{9}) }), "super.unused"},
	{"unknown compatible feature", super(0, func(p []byte) { format.SBCompat.Put(p, 4) }), "super.field"},
	{"staged writes announced", super(0, func(p []byte) {
		format.SBROCompat.Put(p, format.SBROCompat.Get(p)|format.ROPendingCow)
		format.SBLogIncompat.Put(p, format.LogPendingCow)
	}), "cow.pending-flag"},
	{"staged writes announced for replays only", super(0, func(p []byte) { format.SBLogIncompat.Put(p, format.LogPendingCow) }), "cow.pending-half"},
	{"copy's block size", super(1, func(p []byte) { format.SBBlockSize.Put(p, 2048) }), "secondary.field"},
	{"copy's log", super(1, func(p []byte) { format.SBLogStart.Put(p, format.SBLogStart.Get(p)+1) }), "secondary.field"},
	{"copy's features", super(1, func(p []byte) { format.SBIncompat.Put(p, format.SBIncompat.Get(p)&^format.InParent) }), "secondary.field"},
	{"copy's sector size of the log", super(1, func(p []byte) { format.SBLogSUnit.Put(p, 4096) }), "secondary.field"},
	{"copy's counters", super(1, func(p []byte) {
		format.SBFDBlocks.Put(p, 0)
		format.SBICount.Put(p, 0)
		format.SBIFree.Put(p, 0)
	}), ""},
	{"copy's inode of the realtime bitmap", super(1, func(p []byte) { format.SBRbmIno.Put(p, 777) }), "secondary.field"},
	{"copy's inode of the realtime summary", super(2, func(p []byte) { format.SBRsumIno.Put(p, format.SBRsumIno.Get(p)^1) }), "secondary.field"},
	{"copy that is not yet made", super(1, func(p []byte) { format.SBInProgress.Put(p, 2) }), "secondary.field"},
	{"copy with more free blocks than there are", super(1, func(p []byte) { format.SBFDBlocks.Put(p, format.SBDBlocks.Get(p)+1) }), "secondary.field"},
	{"copy with more inodes than there can be", super(1, func(p []byte) { format.SBICount.Put(p, 1<<40) }), "secondary.field"},
	{"copy with more free inodes than inodes", super(1, func(p []byte) { format.SBIFree.Put(p, format.SBICount.Get(p)+1) }), "secondary.field"},
	{"behind a copy", super(2, func(p []byte) { p[len(p)-1] = 1 }), "secondary.padding"},
	{"copy's checksum", flip(0, 60), "secondary.unreadable"},
	{"newer than the log", func(b *bed, d *device.Memory) {
		b.header(d, format.TypeAGF, 2, func(p []byte) { format.AGFLSN.Put(p, 900<<32) })
		b.leaf(d, rmap, 0, func(_ node, p []byte) { format.ShortLSN.Put(p, 899<<32) })
	}, "log.behind"},
	{"lost primary", func(b *bed, d *device.Memory) {
		_, err := d.WriteAt(make([]byte, 512), 0)
		b.must(err)
	}, "super.primary"},
	{"cut short", func(b *bed, d *device.Memory) { b.must(d.Truncate(d.Size() - 4096)) }, "device.short"},
	{"cut off", func(b *bed, d *device.Memory) { b.must(d.Truncate(b.geo.AGOffset(2, 0))) }, "device.short"},
	{"end of the log", func(b *bed, d *device.Memory) {
		_, err := d.WriteAt([]byte{0xfe, 0xed, 0xba, 0xbe, 1, 2, 3, 4, 5, 6, 7, 8}, b.geo.Offset(b.geo.LogStart))
		b.must(err)
	}, "log.damaged"},
	{"log cut off", func(b *bed, d *device.Memory) {
		supers(func(p []byte) { format.SBLogStart.Put(p, 0) })(b, d)
	}, "log.external rmap.stray space.lost"},
}

// TestUnusedFields sets fields of features that a volume doesn't have.
func TestUnusedFields(t *testing.T) {
	b := newBed(t, mkfs.Config{Rmapbt: mkfs.Off, Reflink: mkfs.Off, Finobt: mkfs.Off, InobtCount: mkfs.Off, Sparse: mkfs.Off})
	b.sound(nil)
	b.run(t, []fault{
		{"root of rmapbt", agf(func(p []byte) { format.AGFRmapRoot.Put(p, 7) }), "agf.unused"},
		{"blocks of refcountbt", agf(func(p []byte) { format.AGFRefcntBlks.Put(p, 1) }), "agf.unused"},
		{"root of finobt", agi(func(p []byte) { format.AGIFreeRoot.Put(p, 7) }), "agi.unused"},
		{"blocks of inobt", agi(func(p []byte) { format.AGIIBlocks.Put(p, 7) }), "agi.unused"},
		{"spino_align", super(0, func(p []byte) { format.SBSpInoAlign.Put(p, 4) }), "super.field"},
	})
}

// TestWithoutRmapbt finds wrong owners by what files say alone.
func TestWithoutRmapbt(t *testing.T) {
	b := newBed(t, mkfs.Config{Rmapbt: mkfs.Off})
	b.sound(map[*kind]int{bno: 2, refc: 2})
	b.run(t, []fault{
		{"lost", func(b *bed, d *device.Memory) {
			b.space(d, func(tx *tx, g *groups, _ *counts) error {
				_, err := g.Alloc(tx, space.Request{Min: 5})
				return err
			})
		}, "space.lost"},
		{"leaked", func(b *bed, d *device.Memory) { b.stage(d) }, "cow.leaked"},
		{"too high", func(b *bed, d *device.Memory) {
			b.space(d, func(tx *tx, _ *groups, c *counts) error {
				_, err := c.Increase(tx, b.sharedRun(d))
				return err
			})
		}, "refcount.too-high"},
		{"missing", func(b *bed, d *device.Memory) { b.drop(d, refc, 2) }, "refcount.missing"},
		{"unreadable bnobt", func(b *bed, d *device.Memory) {
			b.leaf(d, bno, 0, func(_ node, p []byte) { format.ShortMagic.Put(p, 1) })
		}, "btree.magic"},
		{"unreadable refcountbt", func(b *bed, d *device.Memory) {
			b.leaf(d, refc, 0, func(_ node, p []byte) { format.ShortMagic.Put(p, 1) })
		}, "btree.magic"},
		{"unreadable inobt", func(b *bed, d *device.Memory) {
			b.block(d, ino.Type(), b.geo.AGOffset(0, format.AGBlock(b.tree(d, ino, 0).Root)), func(p []byte) { format.ShortLevel.Put(p, 3) })
		}, "btree.level"},
	})
}
