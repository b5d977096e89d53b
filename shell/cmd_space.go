package shell

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
	"github.com/dustin/go-humanize"
)

// spaceCommands tell how the space is used.
func spaceCommands() []*Command {
	return []*Command{
		{
			Name: "fsmap", Aliases: []string{"blockuse"}, Args: "[AG|AG:BLOCK]...", Summary: "print who uses each block",
			Text: "In order of place, shared blocks once for each owner. Without numbers, of all groups. Only\na volume with rmapbt knows the owners of all blocks; of others, what is in use but\nneither headers nor the log has the owner \"unknown\".",
			Examples: []Example{
				{"fsmap", "the whole volume"},
				{"fsmap 2", "group 2"},
				{"fsmap 2:100", "whoever uses block 100 of group 2"},
			},
			setup: noFlags(printFsmap),
		},
		{
			Name: "freesp", Args: "[AG]...", Summary: "count the free extents by their length",
			Text: "Without numbers, of all groups together.",
			Examples: []Example{
				{"freesp", "of the whole volume"},
				{"freesp 0 1", "of the first two groups"},
			},
			setup: noFlags(printFreeSpace),
		},
		{
			Name: "df", Args: "", Summary: "print the size of the volume and what is in use",
			Text:     "As the superblock counts. A mount keeps some of the free blocks for itself.",
			Examples: []Example{{"df", ""}},
			setup:    noFlags(printStatfs),
		},
	}
}

// UseDoc is a range of a group's blocks with its owner.
type UseDoc struct {
	Type      string  `json:"type"` // "use"
	AG        uint32  `json:"ag"`
	AGBlock   uint32  `json:"agblock"`
	Count     uint32  `json:"count"`
	Owner     string  `json:"owner"` // "free", "inode", or a name as in rmapbt: "fs", "log", "ag", ...
	Ino       *uint64 `json:"ino,omitempty"`
	Fork      string  `json:"fork,omitempty"` // "data" or "attr"
	Tree      bool    `json:"tree,omitempty"` // blocks of the fork's B+tree
	Offset    *uint64 `json:"offset,omitempty"`
	Unwritten bool    `json:"unwritten,omitempty"`
}

func useDoc(u volume.Use) UseDoc {
	d := UseDoc{Type: "use", AG: uint32(u.AG), AGBlock: uint32(u.Start), Count: u.Count, Tree: u.Tree, Unwritten: u.Unwritten}
	switch {
	case u.Owner == volume.OwnerFree:
		d.Owner = "free"
	case !format.OwnerIsInode(u.Owner):
		d.Owner = format.OwnerName(u.Owner)
	default:
		d.Owner, d.Ino, d.Fork = "inode", &u.Owner, "data"
		if u.Attr {
			d.Fork = "attr"
		}
		if !u.Tree {
			d.Offset = (*uint64)(&u.Off)
		}
	}
	return d
}

func (d UseDoc) write(w io.Writer) {
	fmt.Fprintf(w, "%6d %10d %10d  ", d.AG, d.AGBlock, d.Count)
	switch {
	case d.Ino == nil:
		fmt.Fprintln(w, d.Owner)
	case d.Tree:
		fmt.Fprintf(w, "inode %d %s tree\n", *d.Ino, d.Fork)
	default:
		fmt.Fprintf(w, "inode %d %s at %d", *d.Ino, d.Fork, *d.Offset)
		if d.Unwritten {
			fmt.Fprint(w, " unwritten")
		}
		fmt.Fprintln(w)
	}
}

// blocksArg are blocks that fsmap is asked about: a group, or one block of it.
type blocksArg struct {
	ag    format.AGNumber
	block format.AGBlock
	only  bool
}

// fsmapArgs reads the arguments of fsmap; none means all groups.
func (s *Session) fsmapArgs(args []string) ([]blocksArg, error) {
	var out []blocksArg
	for _, arg := range args {
		if !strings.Contains(arg, ":") {
			ag, err := s.groupArg([]string{arg})
			if err != nil {
				return nil, err
			}
			out = append(out, blocksArg{ag: ag})
			continue
		}
		fsb, err := s.blockArg(arg)
		if err != nil {
			return nil, err
		}
		out = append(out, blocksArg{s.Vol.Geo.AG(fsb), s.Vol.Geo.AGB(fsb), true})
	}
	if len(args) == 0 {
		for ag := range s.Vol.Geo.AGCount {
			out = append(out, blocksArg{ag: format.AGNumber(ag)})
		}
	}
	return out, nil
}

func printFsmap(ctx context.Context, s *Session, args []string) error {
	blocks, err := s.fsmapArgs(args)
	if err != nil {
		return err
	}
	if !s.Vol.HasOwners() {
		s.title("this volume has no rmapbt, so owners are not known")
	}
	s.title("%6s %10s %10s  %s", "AG", "AGBLOCK", "COUNT", "OWNER")
	for _, b := range blocks {
		for u, err := range s.Vol.Fsmap(b.ag) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if b.only && (b.block < u.Start || uint64(b.block) >= uint64(u.Start)+uint64(u.Count)) {
				continue
			}
			doc := useDoc(u)
			if err := s.emit(doc, doc.write); err != nil {
				return err
			}
		}
	}
	return nil
}

// FreeSpaceDoc is the free space of some groups.
type FreeSpaceDoc struct {
	Type    string       `json:"type"` // "freespace"
	Groups  []uint32     `json:"groups"`
	Extents uint64       `json:"extents"`
	Blocks  uint64       `json:"blocks"`
	Longest uint32       `json:"longest"`
	AGFL    uint64       `json:"agfl"` // blocks kept for the free space trees, not among blocks
	Buckets []FreeBucket `json:"buckets"`
}

// FreeBucket counts the free extents of From to To blocks.
type FreeBucket struct {
	From    uint64 `json:"from"`
	To      uint64 `json:"to"`
	Extents uint64 `json:"extents"`
	Blocks  uint64 `json:"blocks"`
}

func printFreeSpace(ctx context.Context, s *Session, args []string) error {
	groups, err := s.groupArgs(args)
	if err != nil {
		return err
	}
	var sum volume.FreeSpace
	doc := FreeSpaceDoc{Type: "freespace", Buckets: []FreeBucket{}}
	for _, ag := range groups {
		f, err := s.Vol.FreeSpace(ag)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		sum.Add(f)
		doc.Groups = append(doc.Groups, uint32(ag))
	}
	doc.Extents, doc.Blocks, doc.Longest, doc.AGFL = sum.Extents, sum.Blocks, sum.Longest, sum.Reserve
	for i, b := range sum.Buckets {
		if b.Extents > 0 {
			doc.Buckets = append(doc.Buckets, FreeBucket{1 << i, 1<<(i+1) - 1, b.Extents, b.Blocks})
		}
	}
	return s.emit(doc, func(w io.Writer) {
		fmt.Fprintf(w, "%10s %10s %10s %12s %6s\n", "FROM", "TO", "EXTENTS", "BLOCKS", "SHARE")
		for _, b := range doc.Buckets {
			fmt.Fprintf(w, "%10d %10d %10d %12d %5.1f%%\n", b.From, b.To, b.Extents, b.Blocks, 100*float64(b.Blocks)/float64(doc.Blocks))
		}
		fmt.Fprintf(w, "%d free blocks in %d extents, the longest of %d; %d more on the AGFL\n", doc.Blocks, doc.Extents, doc.Longest, doc.AGFL)
	})
}

// StatfsDoc is the size of the volume.
type StatfsDoc struct {
	Type       string `json:"type"` // "statfs"
	Label      string `json:"label"`
	UUID       string `json:"uuid"`
	BlockSize  int    `json:"block_size"`
	Blocks     uint64 `json:"blocks"`
	Free       uint64 `json:"free"`
	Inodes     uint64 `json:"inodes"`
	FreeInodes uint64 `json:"free_inodes"`
}

func printStatfs(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	st := s.Vol.Statfs()
	doc := StatfsDoc{"statfs", st.Label, st.UUID.String(), st.BlockSize, st.Blocks, st.Free, st.Inodes, st.FreeInodes}
	return s.emit(doc, func(w io.Writer) {
		size := func(blocks uint64) string { return humanize.IBytes(blocks * uint64(st.BlockSize)) }
		used := st.Blocks - min(st.Blocks, st.Free)
		fmt.Fprintf(w, "label   %q\nuuid    %s\n", st.Label, doc.UUID)
		fmt.Fprintf(w, "blocks  %d of %d bytes (%s), %d used (%s), %d free (%s)\n", st.Blocks, st.BlockSize, size(st.Blocks), used, size(used), st.Free, size(st.Free))
		fmt.Fprintf(w, "inodes  %d allocated, %d of them free\n", st.Inodes, st.FreeInodes)
	})
}
