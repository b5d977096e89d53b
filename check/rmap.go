package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// reverseMap walks rmapbt. What it says is taken away from what owners have said.
func (w *worker) reverseMap(g *group) {
	s := &w.sums[g.no]
	joins := joinWatch{keys: &w.keys}
	w.walkGroupTree(g.no, rmapbt, func(t *treeWalk, rec []byte) {
		r := space.UnpackRmap(rec)
		if want := w.rmapRecord(g.no, r); want != "" {
			w.recordFinding(RmapRecord, t, r.Start, r.Count, rmapText(r), want)
			g.look.Store(true)
			return
		}
		if joins.see(r) {
			w.recordFinding(RmapUnmerged, t, r.Start, r.Count, rmapText(r), "one record with what it continues")
		}
		s.owners.addOwner(&w.keys, r, minus1)
	})
}

// rmapRecord judges a record by itself. It returns what should be instead, or "".
func (c *checker) rmapRecord(no format.AGNumber, r space.Rmap) (want string) {
	size := c.geo.AGLen(no)
	if r.Count == 0 || uint32(r.Start) >= size || r.Count > size-uint32(r.Start) {
		return fmt.Sprintf("blocks 0 to %d of the group", size-1)
	}
	off, flags := r.Offset&format.RmapOffsetMask, r.Offset&^format.RmapOffsetMask
	if flags&^(format.RmapAttrFork|format.RmapBmbtBlock|format.RmapUnwritten) != 0 {
		return "no other flags than those that are known"
	}
	if !format.OwnerIsInode(r.ID) {
		switch {
		case r.ID < format.OwnCow || r.ID > format.OwnFS:
			return "an owner that there is"
		case r.Offset != 0:
			return "no offset and no flags"
		}
		return ""
	}
	switch {
	case !c.geo.ValidIno(format.Ino(r.ID)):
		return "an inode of the volume as owner"
	case flags&format.RmapBmbtBlock != 0 && (off != 0 || flags&format.RmapUnwritten != 0):
		return "no offset for blocks of a tree"
	case flags&format.RmapAttrFork != 0 && flags&format.RmapUnwritten != 0:
		return "written attributes"
	case off >= uint64(format.MaxFileOff) || uint64(r.Count) > uint64(format.MaxFileOff)-off:
		return "an offset that a file can have"
	}
	return ""
}

// rmapText shows a record.
func rmapText(r space.Rmap) string {
	return runText(r.Start, r.Count) + " of " + ownerText(r.Owner)
}

// ownerText shows an owner.
func ownerText(o space.Owner) string {
	if !format.OwnerIsInode(o.ID) {
		if o.Offset != 0 {
			return fmt.Sprintf("%s, offset word %#x", format.OwnerName(o.ID), o.Offset)
		}
		return format.OwnerName(o.ID)
	}
	s := fmt.Sprintf("inode %d, ", o.ID)
	if o.Offset&format.RmapAttrFork != 0 {
		s += "attribute fork, "
	}
	if o.Offset&format.RmapBmbtBlock != 0 {
		return s + "tree"
	}
	s += fmt.Sprintf("offset %d", o.Offset&format.RmapOffsetMask)
	if o.Offset&format.RmapUnwritten != 0 {
		s += ", unwritten"
	}
	return s
}
