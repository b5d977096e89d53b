package repair

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// recall completes damaged forks by what rmapbt says that they have.
func (m *model) recall() {
	if len(m.remaps) == 0 || !m.geo.HasRmapbt() {
		return
	}
	found := map[forkID][]format.Mapping{}
	for _, a := range m.groups {
		m.readOwners(a, func(r space.Rmap) {
			if !format.OwnerIsInode(r.ID) || r.Offset&format.RmapBmbtBlock != 0 {
				return
			}
			id := forkID{format.Ino(r.ID), r.Offset&format.RmapAttrFork != 0}
			if m.remaps[id] != nil {
				found[id] = append(found[id], mappingsOf(m.geo, a.no, r)...)
			}
		})
	}
	for id, more := range found {
		m.remaps[id].fill(more)
	}
}

// readOwners reads the records of a group's rmapbt, as far as they can be read.
func (m *model) readOwners(a *groupModel, visit func(r space.Rmap)) {
	if a.agf == nil {
		return
	}
	s := &salvage{model: m, kind: btree.Rmapbt, ag: a.no}
	s.visit = func(rec []byte) {
		r := space.UnpackRmap(rec)
		if r.Count > 0 && r.Start >= m.geo.HeaderBlocks() && uint64(r.Start)+uint64(r.Count) <= uint64(m.geo.AGLen(a.no)) {
			visit(r)
		}
	}
	s.root(uint64(format.AGFRmapRoot.Get(a.agf)), int(format.AGFRmapLevel.Get(a.agf)))
}

// mappingsOf turns a record of a fork's blocks into mappings of that fork.
func mappingsOf(g *format.Geometry, ag format.AGNumber, r space.Rmap) (out []format.Mapping) {
	off := format.FileOff(r.Offset & (1<<54 - 1))
	start, left := g.FSB(ag, r.Start), r.Count
	for left > 0 {
		n := min(left, format.MaxExtentLen)
		out = append(out, format.Mapping{Off: off, Start: start, Count: n, Unwritten: r.Offset&format.RmapUnwritten != 0})
		off, start, left = off+format.FileOff(n), start+format.FSBlock(n), left-n
	}
	return out
}

// fill adds the parts of mappings for which there are none.
func (r *remap) fill(more []format.Mapping) {
	byOffset := func(a, b format.Mapping) int { return cmp.Compare(a.Off, b.Off) }
	slices.SortFunc(more, byOffset)
	var out []format.Mapping
	have := r.maps
	for _, m := range more {
		for m.Count > 0 {
			for len(have) > 0 && have[0].End() <= m.Off {
				have = have[1:]
			}
			end := m.End()
			if len(have) > 0 {
				end = min(end, have[0].Off)
			}
			if end > m.Off {
				out = append(out, cut(m, m.Off, end))
			}
			if end == m.End() {
				break
			}
			m = cut(m, min(have[0].End(), m.End()), m.End())
		}
	}
	r.maps = append(slices.Clone(r.maps), out...)
	slices.SortFunc(r.maps, byOffset)
	// Records overlap each other only when they are wrong themselves.
	var next format.FileOff
	r.maps = slices.DeleteFunc(r.maps, func(m format.Mapping) bool {
		if m.Off < next {
			return true
		}
		next = m.End()
		return false
	})
}

// cut is the part of a mapping from one offset to another.
func cut(m format.Mapping, from, to format.FileOff) format.Mapping {
	return format.Mapping{Off: from, Start: m.Start + format.FSBlock(from-m.Off), Count: uint32(to - from), Unwritten: m.Unwritten}
}

// claimRemaps claims what forks will map that are written anew.
func (m *model) claimRemaps() {
	for id, r := range m.remaps {
		m.claimFork(id, r.maps)
	}
}

func (m *model) claimFork(id forkID, maps []format.Mapping) {
	for _, x := range maps {
		a := m.groups[m.geo.AG(x.Start)]
		a.claims = append(a.claims, claim{
			Start: m.geo.AGB(x.Start), Count: x.Count,
			Owner: space.ForkOwner(id.ino, id.attr, x.Off, x.Unwritten),
		})
	}
}

// forkOf is the fork that a claim is one of, with its tree's blocks; ok is false for others.
func forkOf(c claim) (id forkID, ok bool) {
	return forkID{format.Ino(c.ID), c.Offset&format.RmapAttrFork != 0}, format.OwnerIsInode(c.ID)
}

// sortClaims puts a group's claims in the order of rmapbt and joins what goes on.
func (a *groupModel) sortClaims() {
	key := func(c claim) uint64 { return c.Offset &^ format.RmapUnwritten }
	slices.SortFunc(a.claims, func(x, y claim) int {
		return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(x.ID, y.ID), cmp.Compare(key(x), key(y)))
	})
	// Claims of one owner need not follow each other when blocks are shared, so each looks for
	// the last one that ends where it begins.
	out := a.claims[:0]
	open := map[space.Owner]int{} // by who would go on, at which place
	last := format.AGBlock(0)
	for _, c := range a.claims {
		if c.Start != last {
			// Only claims that end here can go on here.
			for o, i := range open {
				if out[i].End() < c.Start {
					delete(open, o)
				}
			}
			last = c.Start
		}
		if i, ok := open[c.Owner]; ok && out[i].Joins(c) {
			delete(open, c.Owner)
			out[i].Count += c.Count
			open[out[i].At(out[i].Count)] = i
			continue
		}
		out = append(out, c)
		open[c.At(c.Count)] = len(out) - 1
	}
	a.claims = out
}
