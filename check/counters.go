package check

import (
	"github.com/cowfs/cowfs/format"
)

// agfCounters are the numbers that an AGF keeps; known is false when it can't be relied on.
type agfCounters struct {
	known                                                     bool
	freeBlks, longest, btreeBlks, rmapBlks, refcBlks, flCount uint64
}

func readAGFCounters(b []byte) agfCounters {
	get := func(f format.U32[uint32]) uint64 { return uint64(f.Get(b)) }
	return agfCounters{
		known: true, freeBlks: get(format.AGFFreeBlks), longest: get(format.AGFLongest), btreeBlks: get(format.AGFBtreeBlks),
		rmapBlks: get(format.AGFRmapBlks), refcBlks: get(format.AGFRefcntBlks), flCount: get(format.AGFFlCount),
	}
}

// agiCounters are the numbers that an AGI keeps.
type agiCounters struct {
	known                              bool
	count, freeCount, iblocks, fblocks uint64
}

func readAGICounters(b []byte) agiCounters {
	get := func(f format.U32[uint32]) uint64 { return uint64(f.Get(b)) }
	return agiCounters{
		known: true, count: get(format.AGICount), freeCount: get(format.AGIFreeCount),
		iblocks: get(format.AGIIBlocks), fblocks: get(format.AGIFBlocks),
	}
}

// unused reports fields of features that the volume doesn't have, and hints that lead nowhere.
func (w *worker) unused(no format.AGNumber, agf, agi []byte, agfOK, agiOK bool) {
	geo := w.geo
	set := func(code *Code, sector int, structure, field string, got uint32) {
		if got != 0 {
			w.report(Finding{Code: code, Structure: structure, Field: field, Place: w.sectorPlace(no, sector), Got: text(got), Want: "0"})
		}
	}
	if agfOK && !geo.HasRmapbt() {
		set(AGFUnused, 1, "AGF", "rmaproot", uint32(format.AGFRmapRoot.Get(agf)))
		set(AGFUnused, 1, "AGF", "rmaplevel", format.AGFRmapLevel.Get(agf))
		set(AGFUnused, 1, "AGF", "rmapblocks", format.AGFRmapBlks.Get(agf))
	}
	if agfOK && !geo.HasReflink() {
		set(AGFUnused, 1, "AGF", "refcntroot", uint32(format.AGFRefcntRoot.Get(agf)))
		set(AGFUnused, 1, "AGF", "refcntlevel", format.AGFRefcntLevel.Get(agf))
		set(AGFUnused, 1, "AGF", "refcntblocks", format.AGFRefcntBlks.Get(agf))
	}
	if !agiOK {
		return
	}
	if !geo.HasFinobt() {
		set(AGIUnused, 2, "AGI", "free_root", uint32(format.AGIFreeRoot.Get(agi)))
		set(AGIUnused, 2, "AGI", "free_level", format.AGIFreeLevel.Get(agi))
	}
	if !geo.HasInobtCount() {
		set(AGIUnused, 2, "AGI", "ino_blocks", format.AGIIBlocks.Get(agi))
		set(AGIUnused, 2, "AGI", "fino_blocks", format.AGIFBlocks.Get(agi))
	}
	for _, f := range []struct {
		name string
		f    format.U32[format.AGIno]
	}{{"newino", format.AGINewIno}, {"dirino", format.AGIDirIno}} {
		if i := f.f.Get(agi); i != format.NullAGIno && !geo.AllocatableAG(no, geo.InoBlock(i)) {
			w.report(Finding{Code: AGIHint, Structure: "AGI", Field: f.name, Place: w.sectorPlace(no, 2), Got: text(i), Want: "an inode of the group, or null"})
		}
	}
}

// judgeCounters compares a group's counters with what was counted.
func (w *worker) judgeCounters(g *group) {
	agf := func(field string, got, want uint64) {
		if got != want {
			w.report(Finding{Code: AGFCounter, Structure: "AGF", Field: field, Place: w.sectorPlace(g.no, 1), Got: text(got), Want: text(want)})
		}
	}
	agi := func(field string, got, want uint64) {
		if got != want {
			w.report(Finding{Code: AGICounter, Structure: "AGI", Field: field, Place: w.sectorPlace(g.no, 2), Got: text(got), Want: text(want)})
		}
	}
	t := &g.trees
	blocks := func(s treeSlot) uint64 { return uint64(t[s].blocks) }
	if g.agf.known {
		if t[bnobt].complete {
			agf("freeblks", g.agf.freeBlks, g.free.blocks)
		}
		if t[cntbt].complete {
			agf("longest", g.agf.longest, uint64(g.free.longest))
		}
		if t[bnobt].complete && t[cntbt].complete && (t[rmapbt].complete || !w.has(rmapbt)) {
			n := blocks(bnobt) + blocks(cntbt) - 2
			if w.has(rmapbt) {
				n += blocks(rmapbt) - 1
			}
			agf("btreeblks", g.agf.btreeBlks, n)
		}
		if t[rmapbt].complete {
			agf("rmapblocks", g.agf.rmapBlks, blocks(rmapbt))
		}
		if t[refcountbt].complete {
			agf("refcntblocks", g.agf.refcBlks, blocks(refcountbt))
		}
	}
	if g.agi.known && t[inobt].complete {
		agi("count", g.agi.count, w.inodes.groups[g.no].count)
		agi("freecount", g.agi.freeCount, w.inodes.groups[g.no].free)
		if w.geo.HasInobtCount() {
			agi("ino_blocks", g.agi.iblocks, blocks(inobt))
		}
	}
	if g.agi.known && t[finobt].complete && w.geo.HasInobtCount() {
		agi("fino_blocks", g.agi.fblocks, blocks(finobt))
	}
}

// volumeCounters compares those of the superblock with the sums over the groups. After a crash
// they are not kept up to date: a mount adds up the groups' own. Copies never are.
func (w *worker) volumeCounters() {
	if w.dirty || w.copied {
		return
	}
	var free, inodes, freeInodes uint64
	spaceOK, inodesOK := true, true
	for i := range w.groups {
		g := &w.groups[i]
		t := &g.trees
		spaceOK = spaceOK && g.agf.known && t[bnobt].complete && t[cntbt].complete && (t[rmapbt].complete || !w.has(rmapbt))
		inodesOK = inodesOK && t[inobt].complete
		free += g.free.blocks + g.agf.flCount + uint64(t[bnobt].blocks) + uint64(t[cntbt].blocks) - 2
		if w.has(rmapbt) {
			free += uint64(t[rmapbt].blocks) - 1
		}
		inodes += w.inodes.groups[i].count
		freeInodes += w.inodes.groups[i].free
	}
	count := func(ok bool, field string, got, want uint64) {
		if ok && got != want {
			w.report(Finding{Code: SuperCounter, Structure: "superblock", Field: field, Place: AtBlock(0, 0, 1), Got: text(got), Want: text(want)})
		}
	}
	count(spaceOK, "fdblocks", format.SBFDBlocks.Get(w.sb), free)
	count(inodesOK, "icount", format.SBICount.Get(w.sb), inodes)
	count(inodesOK, "ifree", format.SBIFree.Get(w.sb), freeInodes)
}
