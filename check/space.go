package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// freeSpace is what a group's trees of free extents say.
type freeSpace struct {
	blocks  uint64 // in bnobt
	longest uint32 // in cntbt
}

// freeByPlace walks bnobt.
func (w *worker) freeByPlace(g *group) {
	s := &w.sums[g.no]
	var end format.AGBlock // of the extent before
	w.walkGroupTree(g.no, bnobt, func(t *treeWalk, rec []byte) {
		start, count, ok := w.freeRecord(g, t, rec)
		if !ok {
			return
		}
		switch {
		case start < end:
			w.recordFinding(SpaceOverlap, t, start, count, fmt.Sprintf("start %d", start), fmt.Sprintf("%d at least", end))
		case start == end && end != 0:
			w.recordFinding(SpaceUnmerged, t, start, count, fmt.Sprintf("start %d", start), fmt.Sprintf("above %d", end))
		}
		end = max(end, start+format.AGBlock(count))
		s.free.addPair(&w.keys, start, count, 1)
		s.blocks.addRun(&w.keys, start, start+format.AGBlock(count), 1)
		g.free.blocks += uint64(count)
	})
}

// freeByLength walks cntbt.
func (w *worker) freeByLength(g *group) {
	s := &w.sums[g.no]
	w.walkGroupTree(g.no, cntbt, func(t *treeWalk, rec []byte) {
		if start, count, ok := w.freeRecord(g, t, rec); ok {
			s.free.addPair(&w.keys, start, count, minus1)
			g.free.longest = max(g.free.longest, count)
		}
	})
}

// freeRecord reads a record of bnobt or cntbt. ok is false when it can't be.
func (w *worker) freeRecord(g *group, t *treeWalk, rec []byte) (start format.AGBlock, count uint32, ok bool) {
	start, count = format.FreeStart.Get(rec), format.FreeCount.Get(rec)
	if !w.inGroup(g.no, start, count) {
		w.recordFinding(SpaceRecord, t, start, count, runText(start, count), w.groupText(g.no))
		return start, count, false
	}
	return start, count, true
}

// inGroup reports whether an extent lies in a group, behind its header.
func (c *checker) inGroup(no format.AGNumber, start format.AGBlock, count uint32) bool {
	size := c.geo.AGLen(no)
	return count > 0 && start >= c.geo.HeaderBlocks() && uint32(start) < size && count <= size-uint32(start)
}

// groupText is what inGroup demands.
func (c *checker) groupText(no format.AGNumber) string {
	return fmt.Sprintf("blocks %d to %d of the group", c.geo.HeaderBlocks(), c.geo.AGLen(no)-1)
}

// runText shows an extent as the rest of the program does.
func runText(start format.AGBlock, count uint32) string { return fmt.Sprintf("%d+%d", start, count) }

// recordFinding reports something about the record that a walk is at.
func (w *worker) recordFinding(c *Code, t *treeWalk, start format.AGBlock, count uint32, got, want string) {
	w.report(Finding{
		Code: c, Structure: t.kind.Type().Name, Field: indexed("recs", t.index), Place: AtBlock(t.ag, start, count),
		Got: got, Want: want, Note: fmt.Sprintf("in block %d", t.here),
	})
}
