package repair

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// settle decides who keeps blocks that several claim and that can't be shared, and notes which
// files share blocks without saying so. Afterwards all claims of a group are in order.
func (m *model) settle() {
	for {
		losers := map[forkID][]loss{}
		for _, a := range m.groups {
			a.sortClaims()
			m.overlaps(a, losers)
		}
		if len(losers) == 0 {
			return
		}
		for id, list := range losers {
			m.yield(id, list)
		}
	}
}

// loss is a run of blocks that a fork claims and somebody else keeps.
type loss struct {
	start format.FSBlock
	count uint32
	to    claim
	// written says that the fork keeps the blocks, and that only its saying that they were never
	// written is wrong: such blocks can't be shared.
	written bool
}

// overlaps goes over the claims of a group in order, and adds to losers who loses what. A fork
// loses only blocks that the next round will not have it claim any more, so there is an end.
func (m *model) overlaps(a *groupModel, losers map[forkID][]loss) {
	var active []claim
	for _, c := range a.claims {
		active = slices.DeleteFunc(active, func(x claim) bool { return x.End() <= c.Start })
		for _, x := range active {
			if m.shareable(x) && m.shareable(c) {
				m.noteShared(x)
				m.noteShared(c)
				continue
			}
			first, end := max(x.Start, c.Start), min(x.End(), c.End())
			winner, loser := x, c
			if m.wins(a, c, x, first, end) {
				winner, loser = c, x
			}
			id, ok := forkOf(loser)
			if !ok {
				continue // two of the volume's own structures: the rebuild finds new places
			}
			flag := m.fileData(x) && m.fileData(c) && loser.Offset&format.RmapUnwritten != 0
			losers[id] = append(losers[id], loss{m.geo.FSB(a.no, first), uint32(end - first), winner, flag})
		}
		active = append(active, c)
	}
}

// wins reports whether the blocks from first to end are rather those of claim c than of x: whom
// rmapbt has for more of them, and if that does not tell, who is the surer one by itself.
func (m *model) wins(a *groupModel, c, x claim, first, end format.AGBlock) bool {
	rank, other := m.rank(c), m.rank(x)
	if rank > 0 && other > 0 {
		if n, k := m.recorded(a, c, first, end), m.recorded(a, x, first, end); n != k {
			return n > k
		}
	}
	return rank < other
}

// recorded is how many of the blocks from first to end rmapbt has as a claim's, at the same offset.
func (m *model) recorded(a *groupModel, c claim, first, end format.AGBlock) (n int) {
	if !m.geo.HasRmapbt() {
		return 0
	}
	if a.recorded == nil {
		a.recorded = map[uint64][]space.Rmap{}
		m.readOwners(a, func(r space.Rmap) { a.recorded[r.ID] = append(a.recorded[r.ID], r) })
		for _, list := range a.recorded {
			slices.SortFunc(list, func(x, y space.Rmap) int { return cmp.Compare(x.Start, y.Start) })
		}
	}
	list := a.recorded[c.ID]
	from, _ := slices.BinarySearchFunc(list, first, func(r space.Rmap, b format.AGBlock) int { return cmp.Compare(r.End(), b) })
	for _, r := range list[from:] {
		if r.Start >= end {
			break
		}
		lo, hi := max(r.Start, first), min(r.End(), end)
		if lo < hi && r.At(uint32(lo-r.Start)).Offset&^format.RmapUnwritten == c.At(uint32(lo-c.Start)).Offset&^format.RmapUnwritten {
			n += int(hi - lo)
		}
	}
	return n
}

// rank orders claims by how sure it is that the blocks are theirs: the smallest wins.
func (m *model) rank(c claim) int {
	switch {
	case !format.OwnerIsInode(c.ID) && c.ID != format.OwnCow:
		return 0
	case c.Offset&format.RmapBmbtBlock != 0:
		return 1 // the block was read and names its inode
	case c.Offset&format.RmapAttrFork != 0 || !m.isFile(format.Ino(c.ID)):
		return 2
	case c.ID == format.OwnCow:
		return 5
	case c.Offset&format.RmapUnwritten != 0:
		return 4
	}
	return 3
}

// shareable reports whether a claim's blocks may have other owners.
func (m *model) shareable(c claim) bool {
	return m.fileData(c) && c.Offset&format.RmapUnwritten == 0
}

// fileData reports whether a claim is of a file's data, on a volume that can share these.
func (m *model) fileData(c claim) bool {
	return m.geo.HasReflink() && format.OwnerIsInode(c.ID) && c.Offset&(format.RmapAttrFork|format.RmapBmbtBlock) == 0 && m.isFile(format.Ino(c.ID))
}

// isFile reports whether an inode is a regular file. Few are asked for.
func (m *model) isFile(ino format.Ino) bool {
	if is, ok := m.files[ino]; ok {
		return is
	}
	b := make([]byte, m.geo.InodeSize)
	_, err := m.dev.ReadAt(b, m.geo.InoOffset(ino))
	is := err == nil && format.DiMode.Get(b)&format.ModeType == format.ModeReg
	m.files[ino] = is
	return is
}

// noteShared notes that a file has blocks that are shared.
func (m *model) noteShared(c claim) {
	ino := format.Ino(c.ID)
	if _, ok := m.shared[ino]; !ok {
		b := make([]byte, m.geo.InodeSize)
		_, err := m.dev.ReadAt(b, m.geo.InoOffset(ino))
		m.shared[ino] = err == nil && format.DiFlags2.Get(b)&format.Flag2Reflink == 0
	}
}

// yield takes blocks away from a fork. What a file loses to another file is copied, so that both
// have it; what it loses to something else was overwritten by that.
func (m *model) yield(id forkID, list []loss) {
	r := m.remaps[id]
	if r == nil {
		r = m.reopen(id)
	}
	m.unclaim(id)
	for _, l := range list {
		var kept []format.Mapping
		for _, x := range r.maps {
			lo, hi := max(x.Start, l.start), min(x.Start+format.FSBlock(x.Count), l.start+format.FSBlock(l.count))
			if lo >= hi {
				kept = append(kept, x)
				continue
			}
			from, to := x.Off+format.FileOff(lo-x.Start), x.Off+format.FileOff(hi-x.Start)
			if from > x.Off {
				kept = append(kept, cut(x, x.Off, from))
			}
			if to < x.End() {
				kept = append(kept, cut(x, to, x.End()))
			}
			if l.written {
				x = cut(x, from, to)
				x.Unwritten = false
				kept = append(kept, x)
				continue
			}
			m.part(id, r, cut(x, from, to), l.to)
		}
		r.maps = kept
	}
	m.claimFork(id, r.maps)
}

// part deals with a mapping whose blocks somebody else keeps.
func (m *model) part(id forkID, r *remap, x format.Mapping, to claim) {
	off, n := int64(x.Off)<<m.geo.BlockLog, int64(x.Count)<<m.geo.BlockLog
	if !id.attr && m.isFile(id.ino) && format.OwnerIsInode(to.ID) && to.Offset&(format.RmapAttrFork|format.RmapBmbtBlock) == 0 && m.isFile(format.Ino(to.ID)) {
		r.copies = append(r.copies, x)
		m.report.inode(id.ino, "copy blocks that another file has too", fmt.Sprintf("%d bytes at %d, of inode %d", n, off, to.ID))
		return
	}
	m.report.lost(id.ino, off, n, fmt.Sprintf("its blocks are used by %s", ownerName(to)))
}

func ownerName(c claim) string {
	if format.OwnerIsInode(c.ID) {
		return fmt.Sprintf("inode %d", c.ID)
	}
	return format.OwnerName(c.ID)
}

// reopen takes a fork that is sound on disk as one to be written anew.
func (m *model) reopen(id forkID) *remap {
	b := make([]byte, m.geo.InodeSize)
	r := &remap{}
	m.remaps[id] = r
	at := m.geo.InoOffset(id.ino)
	if _, err := m.dev.ReadAt(b, at); err != nil {
		m.fail(err)
		return r
	}
	f := forks{scan: &scan{model: m, claims: make([][]claim, m.geo.AGCount)}, ino: id.ino, b: b, was: b}
	fork, kind, n := formatOf(b, id.attr)
	blocks := uint64(0)
	switch kind {
	case format.FmtExtents:
		r.maps, _ = f.inInode(fork, n, id.attr)
	case format.FmtBtree:
		var tree []uint64
		r.maps, tree, _ = f.inTree(fork, id.attr)
		blocks = uint64(len(tree))
	}
	for _, x := range r.maps {
		blocks += uint64(x.Count)
	}
	// They are counted anew as the fork is written.
	was := format.DiNBlocks.Get(b)
	format.DiNBlocks.Put(b, was-min(was, blocks))
	r.maps = slices.Clone(r.maps)
	maps := r.maps
	delete(m.remaps, id)
	f.redo(id.attr, maps)
	format.SetChecksum(b, format.DiCRC)
	if _, err := m.dev.WriteAt(b, at); err != nil {
		m.fail(err)
	}
	return m.remaps[id]
}

// unclaim forgets all claims of a fork and of its tree.
func (m *model) unclaim(id forkID) {
	for _, a := range m.groups {
		a.claims = slices.DeleteFunc(a.claims, func(c claim) bool {
			of, ok := forkOf(c)
			return ok && of == id
		})
	}
}
