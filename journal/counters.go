package journal

import (
	"fmt"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// Recount sets the superblock's counters of free blocks and inodes, which are not logged while a
// volume is mounted, to what the groups' headers add up to, and takes back the features that
// only a dirty log needs. It writes in place, without a log.
func Recount(dev device.Device, g *format.Geometry) error {
	var free, inodes, freeInodes uint64
	for ag := range format.AGNumber(g.AGCount) {
		agf, err := agHeader(dev, g, format.TypeAGF, ag, 1)
		if err != nil {
			return err
		}
		free += uint64(format.AGFFreeBlks.Get(agf)) + uint64(format.AGFFlCount.Get(agf)) + uint64(format.AGFBtreeBlks.Get(agf))
		agi, err := agHeader(dev, g, format.TypeAGI, ag, 2)
		if err != nil {
			return err
		}
		inodes += uint64(format.AGICount.Get(agi))
		freeInodes += uint64(format.AGIFreeCount.Get(agi))
	}
	sb, err := agHeader(dev, g, format.TypeSuperblock, 0, 0)
	if err != nil {
		return err
	}
	format.SBFDBlocks.Put(sb, free)
	format.SBICount.Put(sb, inodes)
	format.SBIFree.Put(sb, freeInodes)
	format.SBLogIncompat.Put(sb, format.SBLogIncompat.Get(sb)&format.LogPendingCow)
	format.TypeSuperblock.SetChecksum(sb)
	if err := format.Verify(g, format.TypeSuperblock, sb, format.Place{AG: 0, Daddr: 0, Ino: format.NullIno}); err != nil {
		return fmt.Errorf("the groups' counters: %w", err)
	}
	_, err = dev.WriteAt(sb, 0)
	return err
}

// agHeader reads and verifies a header sector of a group.
func agHeader(dev device.Device, g *format.Geometry, t *format.BlockType, ag format.AGNumber, sector int) ([]byte, error) {
	b := make([]byte, g.SectSize)
	off := g.SectorOffset(ag, sector)
	if _, err := dev.ReadAt(b, off); err != nil {
		return nil, fmt.Errorf("AG %d: %s: %w", ag, t.Name, err)
	}
	place := format.Place{AG: ag, Daddr: format.Daddr(off >> format.BasicBlockLog), Ino: format.NullIno}
	return b, format.Verify(g, t, b, place)
}
