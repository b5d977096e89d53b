package mkfs

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/populate"
)

const (
	maxLogStripe     = 256 << 10 // bytes
	defaultLogStripe = 32 << 10  // bytes, for a RAID of larger stripes
	minLogBlks       = 512
	maxLogBlks       = 1 << 20
	maxLogBytes      = 2<<30 - 10<<20
	logShare         = 2048      // one block of log to so many of data
	realLog          = 64 * mib  // a log that is fast
	realImage        = 300 * mib // the least image that gets it
)

// log chooses size and place of the log.
func (l *Layout) log() error {
	if err := l.logStripes(); err != nil {
		return err
	}
	ag := l.AGCount / 2
	if l.c.LogAG != nil {
		if ag = *l.c.LogAG; ag >= l.AGCount {
			return conflictf("log cannot lie in allocation group %d, the last one is %d; give -l agnum=%d or less", ag, l.AGCount-1, l.AGCount-1)
		}
	}
	// It is the number counted with the gaps between groups that is aligned, as mkfs.xfs does it.
	first := l.FSB(format.AGNumber(ag), format.AGBlock(l.fixedBlocks()))
	l.LogStart = roundUp(first, format.FSBlock(l.logAlign()))
	var err error
	l.LogBlocks, err = l.logSize(ag, uint64(l.LogStart-first))
	return err
}

// logStripes chooses what log writes are aligned to.
func (l *Layout) logStripes() error {
	unit := l.c.LogStripeUnit
	switch {
	case unit != 0:
		if unit%uint64(l.BlockSize) != 0 {
			return conflictf("log stripe unit of %d bytes is not a multiple of the block size %d", unit, l.BlockSize)
		}
	case l.Unit != 0:
		if unit = uint64(l.Unit) << l.BlockLog; unit > maxLogStripe {
			unit = defaultLogStripe
		}
	case l.SectSize != format.MinSectorSize:
		unit = uint64(l.BlockSize)
	}
	l.logStripe = uint32(unit >> l.BlockLog)
	l.LogSUnit = max(1, l.logStripe<<l.BlockLog)
	return nil
}

// logAlign is what the log's place and size are multiples of, in blocks.
func (l *Layout) logAlign() uint32 {
	if l.logStripe != 0 {
		return l.logStripe
	}
	return max(1, l.Unit)
}

// fixedBlocks is the number of blocks at the head of each group that headers and the first roots
// of trees take.
func (l *Layout) fixedBlocks() uint32 {
	n := uint32(l.HeaderBlocks()) + 3
	for _, has := range []bool{l.HasFinobt(), l.HasRmapbt(), l.HasReflink()} {
		if has {
			n++
		}
	}
	return n
}

// logRoom is the number of blocks that the log may take in a group. The group needs some for the
// growth of its trees, and group 0 also for the first inodes.
func (l *Layout) logRoom(ag uint32) uint64 {
	const reserved = 5
	taken := l.fixedBlocks() + reserved
	if ag == 0 {
		taken += max(4*l.chunkBlocks(), 2*l.Unit)
	}
	return uint64(max(l.AGLen(format.AGNumber(ag)), taken) - taken)
}

// logSize is the number of blocks of the log, which has a gap of some blocks before it.
func (l *Layout) logSize(ag uint32, gap uint64) (uint32, error) {
	least := minLogBlocks(l.Geometry, l.logStripe)
	most := min(maxLogBlks, maxLogBytes>>l.BlockLog, l.logRoom(ag))
	align := uint64(l.logAlign())
	fits := l.logFits(ag, gap, most/align*align)
	switch {
	case roundUp(least, align) > fits && l.c.LogSize == 0:
		return 0, tooSmallf("log needs %d blocks, and allocation group %d has room for only %d; give a larger image, or fewer or larger groups", least, ag, fits)
	case l.c.LogSize == 0:
		return uint32(min(roundUp(l.wantLog(least, most), align), fits)), nil
	}
	switch blocks := l.c.LogSize >> l.BlockLog; {
	case blocks < least:
		return 0, conflictf("log of %d blocks is too small; the least is -l size=%db", blocks, roundUp(least, align))
	case blocks > fits:
		return 0, tooSmallf("log of %d blocks is too large; the most is -l size=%db", blocks, fits)
	case blocks%align != 0:
		return 0, conflictf("log of %d blocks is not a multiple of its stripe unit of %d; give -l size=%db", blocks, align, roundUp(blocks, align))
	default:
		return uint32(blocks), nil
	}
}

// logFits is the size in blocks of the largest log, up to most, that fits behind a gap and, in
// group 0, leaves room for the first inodes.
func (l *Layout) logFits(ag uint32, gap, most uint64) uint64 {
	length, start, align := uint64(l.AGLen(format.AGNumber(ag))), uint64(l.fixedBlocks())+gap, uint64(l.logAlign())
	if start >= length {
		return 0
	}
	blocks := min(most, (length-start)/align*align)
	for ; ag == 0 && blocks > 0; blocks -= align {
		l.LogBlocks = uint32(blocks)
		// One that lies beyond group 0 is taken for another group's.
		of, root := l.SplitIno(populate.RootIno(l.Geometry))
		if of == 0 && uint64(l.InoBlock(root))+uint64(l.ChunkBlocks()) <= uint64(l.AGBlocks) {
			break
		}
	}
	return blocks
}

// wantLog is the number of blocks of the log when nothing is said of it.
func (l *Layout) wantLog(least, most uint64) uint64 {
	blocks := max(least, l.DBlocks/logShare)
	bytes := l.DBlocks << l.BlockLog
	if bytes >= realImage {
		blocks = max(blocks, realLog>>l.BlockLog)
	}
	if bytes >= gib {
		step, rolls := newReserver(l.Geometry).largest()
		writers := uint64(step*rolls) * uint64(l.c.LogConcurrency) * 3 / 2
		blocks = max(blocks, writers>>l.BlockLog)
	}
	return min(blocks, most)
}
