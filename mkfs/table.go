package mkfs

import (
	"fmt"
	"io"

	"github.com/cowfs/cowfs/format"
)

// Table prints a geometry byte for byte as mkfs.xfs 7.2 does. name is what stands behind
// "meta-data=".
func Table(w io.Writer, g *format.Geometry, name string) error {
	r := Describe(g)
	_, err := fmt.Fprintf(w, `meta-data=%-22s isize=%-6d agcount=%d, agsize=%d blks
         =%-22s sectsz=%-5d attr=2, projid32bit=1
         =%-22s crc=1        finobt=%d, sparse=%d, rmapbt=%d
         =%-22s reflink=%-4d bigtime=%d inobtcount=%d nrext64=%d
         =%-22s exchange=%-3d metadir=0
data     =%-22s bsize=%-6d blocks=%d, imaxpct=%d
         =%-22s sunit=%-6d swidth=%d blks
naming   =version 2              bsize=%-6d ascii-ci=%d, ftype=1, parent=%d
log      =%-22s bsize=%-6d blocks=%d, version=2
         =%-22s sectsz=%-5d sunit=%d blks, lazy-count=1
realtime =%-22s extsz=%-6d blocks=0, rtextents=0
         =%-22s rgcount=0    rgsize=0 extents
         =%-22s zoned=0      start=0 reserved=0
`,
		name, r.InodeSize, r.AGCount, r.AGSize,
		"", r.SectSize,
		"", bit(r.Finobt), bit(r.Sparse), bit(r.Rmapbt),
		"", bit(r.Reflink), bit(r.Bigtime), bit(r.InobtCount), bit(r.Nrext64),
		"", bit(r.Exchange),
		"", r.BlockSize, r.Blocks, r.IMaxPct,
		"", r.StripeUnit, r.StripeWidth,
		r.DirBlockSize, bit(r.ASCIICI), bit(r.Parent),
		"internal log", r.BlockSize, r.LogBlocks,
		"", r.LogSectSize, r.LogStripe,
		"none", r.RTExtent,
		"",
		"")
	return err
}

// Report is a geometry for programs to read.
type Report struct {
	UUID  string `json:"uuid"`
	Label string `json:"label"`

	BlockSize    int `json:"block_size"`     // bytes
	SectSize     int `json:"sector_size"`    // bytes
	InodeSize    int `json:"inode_size"`     // bytes
	DirBlockSize int `json:"dir_block_size"` // bytes

	Blocks  uint64 `json:"blocks"`
	AGCount uint32 `json:"agcount"`
	AGSize  uint32 `json:"agsize"` // blocks
	IMaxPct uint8  `json:"imaxpct"`

	StripeUnit  uint32 `json:"stripe_unit"`  // blocks
	StripeWidth uint32 `json:"stripe_width"` // blocks

	LogStart    uint64 `json:"log_start"` // filesystem block number
	LogBlocks   uint32 `json:"log_blocks"`
	LogSectSize int    `json:"log_sector_size"` // bytes
	LogStripe   uint32 `json:"log_stripe_unit"` // blocks

	RTExtent int `json:"rt_extent_size"` // bytes

	Finobt     bool `json:"finobt"`
	Sparse     bool `json:"sparse"`
	Rmapbt     bool `json:"rmapbt"`
	Reflink    bool `json:"reflink"`
	Bigtime    bool `json:"bigtime"`
	InobtCount bool `json:"inobtcount"`
	Nrext64    bool `json:"nrext64"`
	Exchange   bool `json:"exchange"`
	Parent     bool `json:"parent"`
	ASCIICI    bool `json:"ascii_ci"`
}

// Describe makes a Report.
func Describe(g *format.Geometry) Report {
	r := Report{
		UUID: g.UUID.String(), Label: g.Label,
		BlockSize: g.BlockSize, SectSize: g.SectSize, InodeSize: g.InodeSize, DirBlockSize: g.DirBlockSize,
		Blocks: g.DBlocks, AGCount: g.AGCount, AGSize: g.AGBlocks, IMaxPct: g.IMaxPct,
		StripeUnit: g.Unit, StripeWidth: g.Width,
		LogStart: uint64(g.LogStart), LogBlocks: g.LogBlocks, LogSectSize: format.MinSectorSize,
		LogStripe: g.LogSUnit >> g.BlockLog, RTExtent: int(g.RExtSize) << g.BlockLog,
		Finobt: g.HasFinobt(), Sparse: g.HasSparse(), Rmapbt: g.HasRmapbt(), Reflink: g.HasReflink(),
		Bigtime: g.HasBigtime(), InobtCount: g.HasInobtCount(), Nrext64: g.HasNrext64(),
		Exchange: g.HasExchange(), Parent: g.HasParent(), ASCIICI: g.HasASCIICI(),
	}
	if g.LogSectLog != 0 {
		r.LogSectSize = 1 << g.LogSectLog
	}
	return r
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}
