package shell

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// infoCommands tell what sort of volume it is.
func infoCommands() []*Command {
	return []*Command{
		{
			Name: "info", Args: "", Summary: "print the volume's shape and features, as xfs_info does",
			Examples: []Example{{"info", ""}}, setup: noFlags(printInfo),
		},
		{
			Name: "version", Aliases: []string{"features"}, Args: "", Summary: "list the features of the volume, by the masks that hold them",
			Text:     "They are set by name in the superblock: sb, then set features_incompat and so on.",
			Examples: []Example{{"version", ""}}, setup: noFlags(printVersion),
		},
	}
}

// InfoDoc is a volume's shape.
type InfoDoc struct {
	Type       string `json:"type"` // "info"
	Label      string `json:"label"`
	UUID       string `json:"uuid"`
	InodeSize  int    `json:"inode_size"`
	AGCount    uint32 `json:"ag_count"`
	AGBlocks   uint32 `json:"ag_blocks"`
	SectorSize int    `json:"sector_size"`
	BlockSize  int    `json:"block_size"`
	Blocks     uint64 `json:"blocks"`
	IMaxPct    uint8  `json:"imaxpct"`
	StripeUnit uint32 `json:"stripe_unit"` // blocks
	StripeSize uint32 `json:"stripe_width"`
	DirBlock   int    `json:"dir_block_size"`
	LogBlocks  uint32 `json:"log_blocks"`
	LogSector  int    `json:"log_sector_size"`
	LogUnit    uint32 `json:"log_stripe_unit"` // blocks
	Internal   bool   `json:"log_internal"`
	Features   string `json:"features"` // names that are on, with commas
}

// switches are the features that mkfs.xfs has an option for, by its names.
func switches(g *format.Geometry) []struct {
	name string
	on   bool
} {
	return []struct {
		name string
		on   bool
	}{
		{"finobt", g.HasFinobt()}, {"sparse", g.HasSparse()}, {"rmapbt", g.HasRmapbt()}, {"reflink", g.HasReflink()},
		{"bigtime", g.HasBigtime()}, {"inobtcount", g.HasInobtCount()}, {"nrext64", g.HasNrext64()}, {"exchange", g.HasExchange()},
		{"parent", g.HasParent()}, {"ascii-ci", g.HasASCIICI()},
	}
}

func printInfo(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	g := s.Vol.Geo
	doc := InfoDoc{
		Type: "info", Label: format.JSONText(g.Label), UUID: g.UUID.String(), InodeSize: g.InodeSize, AGCount: g.AGCount, AGBlocks: g.AGBlocks,
		SectorSize: g.SectSize, BlockSize: g.BlockSize, Blocks: g.DBlocks, IMaxPct: g.IMaxPct, StripeUnit: g.Unit, StripeSize: g.Width,
		DirBlock: g.DirBlockSize, LogBlocks: g.LogBlocks, LogSector: max(format.BasicBlock, 1<<g.LogSectLog), Internal: g.LogStart != 0,
	}
	if g.LogSUnit > 1 {
		doc.LogUnit = g.LogSUnit >> g.BlockLog
	}
	on := map[string]int{}
	var names []string
	for _, f := range switches(g) {
		if f.on {
			on[f.name] = 1
			names = append(names, f.name)
		}
	}
	doc.Features = strings.Join(names, ",")
	return s.emit(doc, func(w io.Writer) {
		line := func(head, first, second string) {
			fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-8s =%-22s %s", head, first, second), " "))
		}
		where := "internal log"
		if !doc.Internal {
			where = "external"
		}
		fmt.Fprintf(w, "meta-data=%-22s isize=%-6d agcount=%d, agsize=%d blks\n", s.Image, doc.InodeSize, doc.AGCount, doc.AGBlocks)
		line("", "", fmt.Sprintf("sectsz=%-5d attr=2, projid32bit=1", doc.SectorSize))
		line("", "", fmt.Sprintf("crc=1        finobt=%d, sparse=%d, rmapbt=%d", on["finobt"], on["sparse"], on["rmapbt"]))
		line("", "", fmt.Sprintf("reflink=%d    bigtime=%d inobtcount=%d nrext64=%d", on["reflink"], on["bigtime"], on["inobtcount"], on["nrext64"]))
		line("", "", fmt.Sprintf("exchange=%d", on["exchange"]))
		line("data", "", fmt.Sprintf("bsize=%-6d blocks=%d, imaxpct=%d", doc.BlockSize, doc.Blocks, doc.IMaxPct))
		line("", "", fmt.Sprintf("sunit=%-6d swidth=%d blks", doc.StripeUnit, doc.StripeSize))
		line("naming", "version 2", fmt.Sprintf("bsize=%-6d ascii-ci=%d, ftype=1, parent=%d", doc.DirBlock, on["ascii-ci"], on["parent"]))
		line("log", where, fmt.Sprintf("bsize=%-6d blocks=%d, version=2", doc.BlockSize, doc.LogBlocks))
		line("", "", fmt.Sprintf("sectsz=%-5d sunit=%d blks, lazy-count=1", doc.LogSector, doc.LogUnit))
	})
}

// printVersion prints the superblock's masks of features, which its table names the bits of.
func printVersion(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	sb := s.Vol.Superblock()[:s.Vol.Geo.SectSize]
	return s.structure(formOf(format.TypeSuperblock), sb, s.place(0),
		[]string{"versionnum", "features2", "features_compat", "features_ro_compat", "features_incompat", "features_log_incompat"})
}
