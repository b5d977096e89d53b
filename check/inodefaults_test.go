package check_test

import (
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// inodeRec changes record i of the first leaf of inobt or finobt of group 0.
func inodeRec(k *kind, i int, change func(rec []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) {
		b.leaf(d, k, 0, func(n node, _ []byte) { change(n.Rec(i)) })
	}
}

var chunkFaults = []fault{
	{"misaligned", inodeRec(btree.Inobt, 3, func(rec []byte) {
		format.InoRecStart.Put(rec, format.InoRecStart.Get(rec)+2)
	}), "chunk.start"},
	{"outside", inodeRec(btree.Inobt, 3, func(rec []byte) { format.InoRecStart.Put(rec, 1<<20) }), "btree.order chunk.outside"},
	{"twice", func(b *bed, d *device.Memory) {
		b.leaf(d, btree.Inobt, 0, func(n node, _ []byte) { copy(n.Rec(4), n.Rec(3)) })
	}, "btree.order chunk.twice"},
	{"holes", inodeRec(btree.Inobt, 3, func(rec []byte) { format.InoRecHoleMask.Put(rec, 1) }), "agi.counter chunk.counts chunk.holes entry.nowhere rmap.stray space.lost super.counter"},
	{"counts", inodeRec(btree.Inobt, 3, func(rec []byte) { format.InoRecFreeCount.Put(rec, 9) }), "chunk.counts"},
	{"used marked free", inodeRec(btree.Inobt, 3, func(rec []byte) {
		format.InoRecFree.Put(rec, 1<<5)
		format.InoRecFreeCount.Put(rec, 1)
	}), "agi.counter chunk.used-marked-free entry.free finobt.missing super.counter"},
	{"free marked used", func(b *bed, d *device.Memory) {
		b.inode(d, "/fifo", func(raw []byte) { format.DiMode.Put(raw, 0) })
	}, "chunk.free-marked-used entry.free inode.free-fields"},
	{"finobt missing", func(b *bed, d *device.Memory) {
		b.leaf(d, btree.Finobt, 0, func(n node, p []byte) { format.ShortNumRecs.Put(p, uint16(n.Len()-1)) })
	}, "finobt.missing"},
	{"finobt stray", func(b *bed, d *device.Memory) {
		var full []byte
		b.leaf(d, btree.Inobt, 0, func(n node, _ []byte) { full = append(full, n.Rec(3)...) })
		b.leaf(d, btree.Finobt, 0, func(n node, p []byte) {
			copy(n.Rec(0), full)
		})
	}, "finobt.missing finobt.stray"},
	{"finobt differs", inodeRec(btree.Finobt, 0, func(rec []byte) {
		format.InoRecFree.Put(rec, format.InoRecFree.Get(rec)&^(1<<63))
		format.InoRecFreeCount.Put(rec, format.InoRecFreeCount.Get(rec)-1)
	}), "finobt.differs"},
}

// inodeOf changes an inode.
func inodeOf(path string, change func(raw []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) { b.inode(d, path, change) }
}

// freeInode changes an inode that is not in use.
func freeInode(change func(raw []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) {
		b.inodeAt(d, b.freeIno(d), change)
	}
}

// freeIno is an inode of group 0 that is not in use.
func (b *bed) freeIno(d *device.Memory) (ino format.Ino) {
	b.leaf(d, btree.Finobt, 0, func(n node, _ []byte) {
		start, free := format.InoRecStart.Get(n.Rec(0)), format.InoRecFree.Get(n.Rec(0))
		for i := format.AGIno(63); ; i-- {
			if free>>i&1 != 0 {
				ino = b.geo.Ino(0, start+i)
				return
			}
		}
	})
	return ino
}

// fork is the data fork of an inode.
func fork(raw []byte) []byte { return raw[format.Dinode.Size:] }

var inodeFaults = []fault{
	{"magic", func(b *bed, d *device.Memory) {
		b.bytes(d, b.geo.InoOffset(b.ino(d, "/fifo")), 2, func(p []byte) { p[0] = 'X' })
	}, "inode.magic"},
	{"version", inodeOf("/fifo", func(raw []byte) { format.DiVersion.Put(raw, 2) }), "inode.magic"},
	{"checksum", func(b *bed, d *device.Memory) {
		b.bytes(d, b.geo.InoOffset(b.ino(d, "/small")), 512, func(p []byte) { format.DiCRC.Put(p, 1) })
	}, "inode.crc"},
	{"checksum and more", func(b *bed, d *device.Memory) {
		b.bytes(d, b.geo.InoOffset(b.ino(d, "/small")), 512, func(p []byte) { format.DiFormat.Put(p, 9) })
	}, "inode.crc inode.format"},
	{"number", inodeOf("/fifo", func(raw []byte) { format.DiIno.Put(raw, 129) }), "inode.identity"},
	{"volume", inodeOf("/fifo", func(raw []byte) { format.DiUUID.Put(raw, format.UUID{1}) }), "inode.identity"},
	{"type", inodeOf("/small", func(raw []byte) { format.DiMode.Put(raw, 0o150644) }), "inode.format"},
	{"format", inodeOf("/small", func(raw []byte) { format.DiFormat.Put(raw, format.FmtLocal) }), "inode.format"},
	{"format of attributes", inodeOf("/attr-short", func(raw []byte) { format.DiAFormat.Put(raw, 7) }), "inode.format"},
	{"forkoff", inodeOf("/attr-short", func(raw []byte) { format.DiForkOff.Put(raw, 42) }), "inode.format"},
	{"extents", inodeOf("/small", func(raw []byte) { format.DiBigNExtents.Put(raw, 5000) }), "inode.blocks inode.format"},
	{"many links", inodeOf("/small", func(raw []byte) { format.DiNLink.Put(raw, 1<<31) }), "inode.field link.count"},
	{"size", inodeOf("/small", func(raw []byte) { format.DiSize.Put(raw, 1<<63) }), "inode.size"},
	{"size of a device", inodeOf("/char", func(raw []byte) { format.DiSize.Put(raw, 1) }), "inode.size"},
	{"unknown flag", inodeOf("/small", func(raw []byte) { format.DiFlags.Put(raw, 1<<15) }), "inode.flags"},
	{"flag of directories", inodeOf("/small", func(raw []byte) { format.DiFlags.Put(raw, format.FlagProjInherit) }), "inode.flags"},
	{"flag of files", inodeOf("/short", func(raw []byte) { format.DiFlags.Put(raw, format.FlagRealtime) }), "inode.flags"},
	{"unknown flag of the second word", inodeOf("/small", func(raw []byte) { format.DiFlags2.Put(raw, format.DiFlags2.Get(raw)|1<<9) }), "inode.flags"},
	{"hint without flag", inodeOf("/small", func(raw []byte) { format.DiExtSize.Put(raw, 3) }), "inode.flags"},
	{"hint too large", inodeOf("/small", func(raw []byte) {
		format.DiExtSize.Put(raw, 1<<20)
		format.DiFlags.Put(raw, format.FlagExtSize)
	}), "inode.flags"},
	{"nanoseconds", inodeOf("/small", func(raw []byte) {
		format.DiFlags2.Put(raw, format.DiFlags2.Get(raw)&^format.Flag2Bigtime)
		for _, f := range []format.U64[uint64]{format.DiATime, format.DiCTime, format.DiCRTime} {
			f.Put(raw, 1)
		}
		format.DiMTime.Put(raw, 1e9)
	}), "inode.time"},
	{"nanoseconds of the realtime bitmap", func(b *bed, d *device.Memory) {
		b.inodeAt(d, b.geo.RootIno+1, func(raw []byte) {
			format.DiFlags2.Put(raw, format.DiFlags2.Get(raw)&^format.Flag2Bigtime)
			for _, f := range []format.U64[uint64]{format.DiMTime, format.DiCTime, format.DiCRTime} {
				f.Put(raw, 1)
			}
			format.DiATime.Put(raw, 1<<32-1)
		})
	}, "inode.time"},
	{"padding", inodeOf("/small", func(raw []byte) { raw[133] = 1 }), "inode.padding"},
	{"number of links of old inodes", inodeOf("/small", func(raw []byte) { format.DiOnLink.Put(raw, 1) }), "inode.field"},
	{"padding that Linux looks at", inodeOf("/small", func(raw []byte) { format.DiANExtents.Put(raw, 1) }), "inode.field"},
	{"new files of the directory go to a realtime section", inodeOf("/short", func(raw []byte) {
		format.DiFlags.Put(raw, format.FlagRtInherit)
	}), ""},
	{"old fields", inodeOf("/small", func(raw []byte) { format.DiDMState.Put(raw, 1) }), "inode.padding"},
	{"blocks", inodeOf("/small", func(raw []byte) { format.DiNBlocks.Put(raw, 17) }), "inode.blocks"},
	{"extents of a tree", inodeOf("/tree", func(raw []byte) { format.DiBigNExtents.Put(raw, 70) }), "inode.blocks inode.extents"},
	{"no reflink flag", func(b *bed, d *device.Memory) {
		b.write(d, func(w *volume.Writer) { b.must(w.Clone("/small", "/clone")) })
		b.inode(d, "/small", func(raw []byte) { format.DiFlags2.Put(raw, format.DiFlags2.Get(raw)&^format.Flag2Reflink) })
	}, "inode.reflink-missing"},
	{"no reflink flags and no count", func(b *bed, d *device.Memory) {
		b.write(d, func(w *volume.Writer) { b.must(w.Clone("/small", "/clone")) })
		for _, path := range []string{"/small", "/clone"} {
			b.inode(d, path, func(raw []byte) { format.DiFlags2.Put(raw, format.DiFlags2.Get(raw)&^format.Flag2Reflink) })
		}
		b.drop(d, refc, 0) // the only one
	}, "inode.reflink-missing refcount.missing"},
	{"a free inode with links", freeInode(func(raw []byte) { format.DiNLink.Put(raw, 1) }), "inode.free-fields"},
	{"a free inode with blocks", freeInode(func(raw []byte) { format.DiNBlocks.Put(raw, 1) }), "inode.free-fields"},
	{"size of the realtime bitmap", func(b *bed, d *device.Memory) {
		b.inodeAt(d, b.geo.RootIno+1, func(raw []byte) { format.DiSize.Put(raw, 4096) })
	}, "inode.size"},
	{"no inode for quotas", super(0, func(p []byte) {
		format.SBVersionNum.Put(p, format.SBVersionNum.Get(p)|format.VersionQuota)
		format.SBQFlags.Put(p, 5)
	}), "quota.inode unchecked.quota"},
	{"root is no directory any more", func(b *bed, d *device.Memory) {
		b.inodeAt(d, b.geo.RootIno, func(raw []byte) { format.DiMode.Put(raw, format.ModeReg|0o644) })
	}, "inode.format inode.special"},
	{"root is no directory", func(b *bed, d *device.Memory) {
		b.header(d, format.TypeSuperblock, 0, func(p []byte) { format.SBRbmIno.Put(p, format.SBRootIno.Get(p)) })
	}, "inode.flags inode.special link.none"},
	{"quotas", func(b *bed, d *device.Memory) {
		ino := b.ino(d, "/fifo")
		b.header(d, format.TypeSuperblock, 0, func(p []byte) { format.SBUQuotIno.Put(p, ino) })
	}, "entry.hidden parent.stray quota.inode quota.unchecked"},

	{"mappings out of order", inodeOf("/small", func(raw []byte) {
		m := format.UnpackMapping(fork(raw))
		format.Mapping{Off: 3, Start: m.Start, Count: 2}.Pack(fork(raw))
		format.Mapping{Off: 0, Start: m.Start + 2, Count: 3}.Pack(fork(raw)[16:])
		format.DiBigNExtents.Put(raw, 2)
	}), "fork.mapping rmap.wrong"},
	{"a mapping outside", inodeOf("/small", func(raw []byte) {
		m := format.UnpackMapping(fork(raw))
		m.Start = 1 << 40
		m.Pack(fork(raw))
	}), "fork.mapping"},
	{"a mapping in two", inodeOf("/small", func(raw []byte) {
		m := format.UnpackMapping(fork(raw))
		format.Mapping{Off: 0, Start: m.Start, Count: 2}.Pack(fork(raw))
		format.Mapping{Off: 2, Start: m.Start + 2, Count: m.Count - 2}.Pack(fork(raw)[16:])
		format.DiBigNExtents.Put(raw, 2)
	}), "fork.mergeable"},
	{"a mapping of a directory elsewhere", inodeOf("/block", func(raw []byte) {
		m := format.UnpackMapping(fork(raw))
		m.Off += 2
		m.Pack(fork(raw))
	}), "dir.hole fork.place rmap.wrong"},
	{"a mapping in a tree", func(b *bed, d *device.Memory) {
		b.part(d, "/tree", format.TypeBmbt, 0, func(p []byte) {
			rec := btree.Bmbt.NodeOf(p).Rec(1)
			m := format.UnpackMapping(rec)
			m.Start = 0
			m.Pack(rec)
		})
	}, "fork.mapping"},

	{"a NUL in a target", inodeOf("/symlink-100", func(raw []byte) { fork(raw)[50] = 0 }), "symlink.target"},
	{"a NUL in a long target", func(b *bed, d *device.Memory) {
		b.part(d, "/symlink-400", format.TypeSymlink, 0, func(p []byte) { p[format.Symlink.Size+50] = 0 })
	}, "symlink.target"},
	{"a target's header", func(b *bed, d *device.Memory) {
		b.part(d, "/symlink-400", format.TypeSymlink, 0, func(p []byte) { format.RemoteOffset.Put(p, 1) })
	}, "symlink.block"},
	{"a target's owner", func(b *bed, d *device.Memory) {
		b.part(d, "/symlink-400", format.TypeSymlink, 0, func(p []byte) { format.RemoteOwner.Put(p, 128) })
	}, "symlink.block"},
	{"a short target in blocks", inodeOf("/symlink-400", func(raw []byte) { format.DiSize.Put(raw, 20) }), "symlink.block symlink.room"},
}

// A stale reflink flag is reported to those who ask.
func TestStaleReflink(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	b.write(b.dev, func(w *volume.Writer) {
		b.must(w.Create("/alone", volume.Attr{Mode: 0o644}))
		b.must(w.Sync())
	})
	b.inode(b.dev, "/alone", func(raw []byte) { format.DiFlags2.Put(raw, format.DiFlags2.Get(raw)|format.Flag2Reflink) })
	for want, only := range map[string][]string{"": nil, "inode.reflink-stale": {"inode.reflink-stale"}} {
		if got := codes(b.check(b.dev, check.Options{Only: only})); got != want {
			t.Errorf("codes %q, want %q", got, want)
		}
	}
}
