package mkfs

import (
	"fmt"
	"math/bits"

	"github.com/cowfs/cowfs/format"
)

// stripes takes over the geometry of a RAID.
func (l *Layout) stripes() error {
	unit, width := l.c.StripeUnit, l.c.StripeWidth
	if l.c.StripeDisks != 0 {
		width = unit * l.c.StripeDisks
	}
	switch {
	case l.c.NoAlign || unit == 0 && width == 0:
		return nil
	case unit == 0:
		return conflictf("a stripe width of %d bytes has no stripe unit; give -d su= too", width)
	case unit%uint64(l.SectSize) != 0:
		return conflictf("stripe unit of %d bytes is not a multiple of the sector size %d", unit, l.SectSize)
	case width < unit:
		return conflictf("stripe unit of %d bytes is larger than the stripe width of %d; give -d sw=1 or more", unit, width)
	case width%unit != 0:
		return conflictf("stripe width of %d bytes is not a multiple of the stripe unit of %d", width, unit)
	case width >= 1<<31:
		return conflictf("stripe width of %d bytes is too large; it must be less than 2 GiB", width)
	case unit%uint64(l.BlockSize) != 0:
		return conflictf("stripe unit of %d bytes is not a multiple of the block size %d", unit, l.BlockSize)
	}
	l.Unit, l.Width = uint32(unit>>l.BlockLog), uint32(width>>l.BlockLog)
	l.Version |= format.VersionDAlign
	return nil
}

// groups divides the image into allocation groups.
func (l *Layout) groups() error {
	if l.DBlocks < l.minGroup() {
		return tooSmallf("image of %d bytes is too small; the least is %d MiB", l.c.Size, format.MinAGBytes/mib)
	}
	if l.DBlocks > 1<<62>>l.BlockLog {
		return conflictf("image of %d bytes is too large", l.c.Size)
	}
	size, err := l.groupSize()
	if err != nil {
		return err
	}
	if size, err = l.alignGroups(size); err != nil {
		return err
	}
	count := l.cutTail(size)
	switch {
	case size < l.minGroup():
		return tooSmallf("allocation groups of %d blocks are too small; the least is %d blocks, 16 MiB; give fewer or larger ones", size, l.minGroup())
	case size > l.maxGroup():
		return conflictf("allocation groups of %d blocks are too large; the most is %d blocks; give more or smaller ones", size, l.maxGroup())
	case size > l.DBlocks:
		return tooSmallf("allocation groups of %d blocks are larger than the image of %d; give smaller ones or a larger image", size, l.DBlocks)
	case count > 1<<31-1:
		return conflictf("%d allocation groups are too many; give larger ones", count)
	}
	l.AGBlocks, l.AGCount = uint32(size), uint32(count)
	l.AGBlkLog = uint(bits.Len32(l.AGBlocks - 1))
	return nil
}

// minGroup and maxGroup are the limits of a group's size, in blocks.
func (l *Layout) minGroup() uint64 { return format.MinAGBytes >> l.BlockLog }

func (l *Layout) maxGroup() uint64 { return format.MaxAGBytes>>l.BlockLog - 1 }

// groupSize is the size of a group in blocks, before stripes are taken into account.
func (l *Layout) groupSize() (uint64, error) {
	switch c := l.c; {
	case c.AGSize != 0:
		if c.AGSize%uint64(l.BlockSize) != 0 {
			return 0, conflictf("allocation groups of %d bytes are not a multiple of the block size %d", c.AGSize, l.BlockSize)
		}
		return c.AGSize >> l.BlockLog, nil
	case c.AGCount != 0:
		return divUp(l.DBlocks, uint64(c.AGCount)), nil
	}
	size := l.defaultGroupSize()
	if n := uint64(l.c.AGConcurrency); n >= divUp(l.DBlocks, size) {
		// As many groups as writers, as long as they don't get too small.
		size = min(size, max(l.DBlocks/n, 4*gib>>l.BlockLog))
	}
	return size, nil
}

// defaultGroupSize is the size of a group when nothing is said of it: four groups up to 4 TiB,
// more of the largest size beyond; more smaller ones on a RAID, which can do more at once.
func (l *Layout) defaultGroupSize() uint64 {
	parts := uint64(1)
	bytes := l.DBlocks << l.BlockLog
	if l.Unit != 0 {
		switch {
		case bytes >= 32*tib:
			return l.maxGroup()
		case bytes > 512*gib:
			parts = 32
		case bytes > 8*gib:
			parts = 16
		case bytes >= 128*mib:
			parts = 8
		case bytes >= 64*mib:
			parts = 4
		case bytes >= 32*mib:
			parts = 2
		}
		return divUp(l.DBlocks, parts)
	}
	switch {
	case bytes >= 4*tib:
		return l.maxGroup()
	case bytes >= 64*mib:
		parts = 4
	case bytes >= 32*mib:
		parts = 2
	}
	return min(divUp(l.DBlocks, parts), l.maxGroup())
}

// alignGroups makes groups a whole number of stripe units, but not of stripe widths: else the
// headers of all of them would lie on the same disk.
func (l *Layout) alignGroups(size uint64) (uint64, error) {
	unit, width := uint64(l.Unit), uint64(l.Width)
	if unit == 0 {
		return size, nil
	}
	if size%unit != 0 {
		aligned := roundUp(size, unit)
		if aligned > l.maxGroup() {
			aligned -= unit
		}
		if l.c.AGSize != 0 {
			l.warn("allocation groups of %d blocks are made %d, a multiple of the stripe unit of %d", size, aligned, unit)
		}
		size = aligned
	}
	if size%width != 0 || unit == width || size >= l.DBlocks {
		return size, nil
	}
	if l.c.AGSize != 0 || l.c.AGCount != 0 {
		l.warn("allocation groups of %d blocks are a multiple of the stripe width, so that all start on the same disk; %d would be better", size, size-unit)
		return size, nil
	}
	if size-unit >= l.minGroup() {
		return size - unit, nil
	}
	return size + unit, nil
}

// cutTail returns the number of groups. What is left behind the last whole one and too small for
// a group of its own is cut off the image.
func (l *Layout) cutTail(size uint64) uint64 {
	if rest := l.DBlocks % size; rest < l.minGroup() && l.DBlocks > size {
		l.DBlocks -= rest
	}
	return divUp(l.DBlocks, size)
}

func divUp(a, b uint64) uint64 { return (a + b - 1) / b }

func (l *Layout) warn(format string, args ...any) {
	l.Warnings = append(l.Warnings, fmt.Sprintf(format, args...))
}
