package journal

import (
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// Discard throws the log away, whatever is in it, when it can't be replayed: changes that are only
// there are lost. The fresh log starts in a cycle behind newest, the highest LSN that is known of,
// and behind all LSNs that the groups' headers have.
func Discard(dev device.Device, g *format.Geometry, newest format.LSN) error {
	cycle := cycleOf(newest)
	for ag := range format.AGNumber(g.AGCount) {
		for n, t := range []*format.BlockType{format.TypeSuperblock, format.TypeAGF, format.TypeAGI, format.TypeAGFL} {
			b := make([]byte, g.SectSize)
			if _, err := dev.ReadAt(b, g.SectorOffset(ag, n)); err != nil {
				return err
			}
			// One that is damaged would tell nothing.
			if lsn := t.LSN.Get(b); t.Is(b) && format.ChecksumOK(b, t.CRC) && lsn != ^format.LSN(0) {
				cycle = max(cycle, cycleOf(lsn))
			}
		}
	}
	// A few cycles more, for blocks that nobody has looked at.
	return Reset(dev, g, nextCycle(nextCycle(nextCycle(cycle))))
}
