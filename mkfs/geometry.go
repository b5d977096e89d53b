package mkfs

import (
	"math/bits"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/populate"
)

const (
	maxLabel = 12 // bytes
	mib      = 1 << 20
	gib      = 1 << 30
	tib      = 1 << 40
)

// Layout is a geometry, and what was said on the way to it.
type Layout struct {
	*format.Geometry
	// Warnings are about options that were taken but may not do what was hoped for.
	Warnings []string

	c         *Config
	logStripe uint32 // blocks that log writes are aligned to; 0: not
}

// Geometry is the geometry that mkfs.xfs would choose for these options.
func (c *Config) Geometry() (*format.Geometry, error) {
	l, err := c.Layout()
	if err != nil {
		return nil, err
	}
	return l.Geometry, nil
}

// Layout is Geometry with the warnings.
func (c *Config) Layout() (*Layout, error) {
	l := &Layout{Geometry: new(format.Geometry), c: c}
	l.sizes()
	l.features()
	for _, r := range rules {
		if r.broken(l) {
			return nil, r.say(l)
		}
	}
	l.inodes()
	for _, step := range []func() error{l.stripes, l.groups, l.log} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	l.share()
	l.RootIno = populate.RootIno(l.Geometry)
	l.identity()
	return l, nil
}

// sizes fills in the sizes of the parts.
func (l *Layout) sizes() {
	c := l.c
	l.BlockSize, l.SectSize = c.blockSize(), c.sectSize()
	switch {
	case c.InodeSize != 0:
		l.InodeSize = c.InodeSize
	case c.InodesPerBlock != 0:
		l.InodeSize = l.BlockSize / c.InodesPerBlock
	default:
		l.InodeSize = format.MinInodeSize
	}
	if l.DirBlockSize = c.DirBlockSize; l.DirBlockSize == 0 {
		l.DirBlockSize = max(l.BlockSize, 4096)
	}
	l.BlockLog, l.SectLog, l.InodeLog = log2(l.BlockSize), log2(l.SectSize), log2(l.InodeSize)
	l.DirBlkLog, l.InoPBLog = log2(l.DirBlockSize)-l.BlockLog, l.BlockLog-l.InodeLog
	l.RExtSize = uint32(max(1, 4096/l.BlockSize))
	l.DBlocks = c.Size >> l.BlockLog
}

func log2(v int) uint { return uint(bits.Len(uint(v)) - 1) }

// features fills in the feature masks.
func (l *Layout) features() {
	c := l.c
	l.Version = format.VersionMandatory
	l.Feat2 = format.Feat2Mandatory
	l.Incompat = format.InFType
	if l.SectSize != format.MinSectorSize {
		l.Version |= format.VersionSector
		l.LogSectLog = l.SectLog
	}
	set(&l.ROCompat, format.ROFinobt, c.Finobt.or(true))
	set(&l.ROCompat, format.ROInobtCount, c.InobtCount.or(c.Finobt.or(true)))
	set(&l.ROCompat, format.RORmapbt, c.Rmapbt.or(true))
	set(&l.ROCompat, format.ROReflink, c.Reflink.or(true))
	set(&l.Incompat, format.InSparse, c.Sparse.or(true))
	set(&l.Incompat, format.InBigtime, c.Bigtime.or(true))
	set(&l.Incompat, format.InNrext64, c.Nrext64.or(true))
	set(&l.Incompat, format.InExchange, c.Exchange.or(true))
	set(&l.Incompat, format.InParent, c.Parent.or(true))
	set(&l.Version, format.VersionAttr, l.HasParent())
}

func set[M ~uint16 | ~uint32](mask *M, bit M, on bool) {
	if on {
		*mask |= bit
	}
}

// inodes aligns chunks: to their own size when pieces of them can be allocated, else to the
// unit in which they are read.
func (l *Layout) inodes() {
	cluster := uint32(32 * l.InodeSize >> l.BlockLog)
	l.InoAlign = cluster
	if l.HasSparse() {
		l.InoAlign, l.SpInoAlign = l.chunkBlocks(), cluster
	}
}

// chunkBlocks is the number of blocks that 64 inodes take, 0 if they are less than one.
func (l *Layout) chunkBlocks() uint32 {
	return uint32(format.InodesPerChunk * l.InodeSize >> l.BlockLog)
}

// share is how much of the image inodes may take.
func (l *Layout) share() {
	switch bytes := l.DBlocks << l.BlockLog; {
	case l.c.MaxPct != nil:
		l.IMaxPct = *l.c.MaxPct
	case bytes < tib:
		l.IMaxPct = 25
	case bytes < 50*tib:
		l.IMaxPct = 5
	default:
		l.IMaxPct = 1
	}
}

// identity fills in what tells this filesystem from others.
func (l *Layout) identity() {
	l.Label, l.UUID = l.c.Label, l.c.UUID
	if l.UUID == (format.UUID{}) {
		l.UUID = randomUUID()
	}
	l.MetaUUID = l.UUID
}

func roundUp[T ~uint32 | ~uint64](v, unit T) T { return (v + unit - 1) / unit * unit }
