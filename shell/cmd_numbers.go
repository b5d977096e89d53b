package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/usage"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
)

// numberCommands compute what is on no disk.
func numberCommands() []*Command {
	return []*Command{
		{
			Name: "hash", Aliases: []string{"dirhash"}, Args: "[-d|-p DIRECTORY] NAME", Summary: "print the hash of a name",
			Text: "As an attribute has it; with -d as a directory of the volume has it, which differs where case\ndoes not count; with -p as a parent pointer to the inode DIRECTORY has it.",
			Examples: []Example{
				{"hash user.comment", "of an attribute"},
				{"hash -d README", "of a directory entry"},
				{"hash -p 128 README", "of a parent pointer to the root"},
			},
			setup: setupHash,
		},
		{
			Name: "convert", Args: "TYPE NUMBER [TYPE NUMBER]... TYPE", Summary: "turn an address of one kind into another",
			Text: "Types are " + strings.Join(unitNames(), ", ") + ". What is given adds up:\na group and a block in it, a block and a byte in it.",
			Examples: []Example{
				{"convert agno 1 agblock 5 fsblock", ""},
				{"convert ino 131 byte", "where an inode lies"},
			},
			setup: noFlags(convert),
		},
		{
			Name: "btheight", Args: "[-b SIZE] [-n RECORDS] [-w min|max] KIND...", Summary: "compute how high B+trees become",
			Text: "For so many records, in blocks of SIZE bytes; with min every block is as empty as it may be,\nwith max as full. The root of bmbt, which lies in the inode, is not counted.",
			Examples: []Example{
				{"btheight -n 1000000 -w max bnobt rmapbt", ""},
			},
			setup: setupBtheight,
		},
		{
			Name: "agresv", Args: "[AG]...", Summary: "print the blocks that groups hold back for the growth of their trees",
			Text:     "\"used\" are those of the wanted blocks that the trees have already.",
			Examples: []Example{{"agresv", ""}},
			setup:    noFlags(printReservations),
		},
		{
			Name: "logres", Args: "", Summary: "print the room in the log that transactions ask for",
			Text:     "Of the kinds that can decide how small a log may be; \"largest\" is the one that does.",
			Examples: []Example{{"logres", ""}},
			setup:    noFlags(printLogReservations),
		},
	}
}

// HashDoc is the hash of a name.
type HashDoc struct {
	Type string `json:"type"` // "hash"
	Name string `json:"name"` // as format.JSONText writes it
	Hash uint32 `json:"hash"`
}

func setupHash(f *flag.FlagSet) runFunc {
	dir := f.Bool("d", false, "as a directory has it")
	parent := f.String("p", "", "as a pointer to a `directory`, a number or path, has it")
	return func(_ context.Context, s *Session, args []string) error {
		if err := exactly(args, 1); err != nil {
			return err
		}
		h := format.NameHash(args[0])
		switch {
		case *dir && *parent != "":
			return usagef("only one of -d and -p")
		case *dir:
			h = format.DirHash(s.Vol.Geo, args[0])
		case *parent != "":
			ino, err := s.inoArg(*parent)
			if err != nil {
				return err
			}
			h = format.ParentHash(args[0], ino)
		}
		doc := HashDoc{"hash", format.JSONText(args[0]), uint32(h)}
		return s.emit(doc, func(w io.Writer) { fmt.Fprintf(w, "%#x\n", doc.Hash) })
	}
}

// unit is a kind of address. An address is turned into bytes from the start of the volume, and from
// there into any other kind.
type unit struct {
	names []string // the first one is ours, others are xfs_db's
	bytes func(g *format.Geometry, n uint64) (int64, error)
	from  func(g *format.Geometry, off int64) uint64
}

// units lists the kinds of addresses.
func units() []unit {
	scale := func(size func(g *format.Geometry) int64) func(*format.Geometry, uint64) (int64, error) {
		return func(g *format.Geometry, n uint64) (int64, error) {
			each := size(g)
			if n > uint64(1<<62/each) {
				return 0, fmt.Errorf("%d is more than any volume has", n)
			}
			return int64(n) * each, nil
		}
	}
	group := func(g *format.Geometry) int64 { return int64(g.AGBlocks) << g.BlockLog }
	block := func(g *format.Geometry) int64 { return int64(g.BlockSize) }
	one := func(*format.Geometry) int64 { return 1 }
	basic := func(*format.Geometry) int64 { return format.BasicBlock }
	ino := func(g *format.Geometry) int64 { return int64(g.InodeSize) }
	inGroup := func(g *format.Geometry, off int64) int64 { return off % group(g) }
	place := func(g *format.Geometry, off int64) (format.AGNumber, format.AGBlock) {
		return format.AGNumber(off / group(g)), format.AGBlock(inGroup(g, off) >> g.BlockLog)
	}
	return []unit{
		{[]string{"agno", "agnumber"}, scale(group), func(g *format.Geometry, off int64) uint64 { return uint64(off / group(g)) }},
		{[]string{"agblock", "agbno"}, scale(block), func(g *format.Geometry, off int64) uint64 { return uint64(inGroup(g, off) >> g.BlockLog) }},
		{[]string{"agino", "aginode"}, scale(ino), func(g *format.Geometry, off int64) uint64 { return uint64(inGroup(g, off) >> g.InodeLog) }},
		{[]string{"fsblock", "fsb"}, func(g *format.Geometry, n uint64) (int64, error) {
			if !g.ValidFSB(format.FSBlock(n), 1) {
				return 0, fmt.Errorf("block %d: not in any group of the volume", n)
			}
			return g.Offset(format.FSBlock(n)), nil
		}, func(g *format.Geometry, off int64) uint64 { return uint64(g.FSB(place(g, off))) }},
		{[]string{"ino", "inode"}, func(g *format.Geometry, n uint64) (int64, error) {
			if !g.ValidIno(format.Ino(n)) {
				return 0, fmt.Errorf("inode %d: no inode of the volume can have this number", n)
			}
			return g.InoOffset(format.Ino(n)), nil
		}, func(g *format.Geometry, off int64) uint64 {
			ag, b := place(g, off)
			return uint64(g.Ino(ag, format.AGIno(b)<<g.InoPBLog|format.AGIno(off&(block(g)-1)>>g.InodeLog)))
		}},
		{[]string{"inoidx", "offset"}, scale(ino), func(g *format.Geometry, off int64) uint64 { return uint64(off & (block(g) - 1) >> g.InodeLog) }},
		{[]string{"inooff", "inodeoff"}, scale(one), func(g *format.Geometry, off int64) uint64 { return uint64(off & (ino(g) - 1)) }},
		{[]string{"daddr", "bb"}, scale(basic), func(_ *format.Geometry, off int64) uint64 { return uint64(off / format.BasicBlock) }},
		{[]string{"bboff", "daddroff"}, scale(one), func(_ *format.Geometry, off int64) uint64 { return uint64(off % format.BasicBlock) }},
		{[]string{"blkoff", "fsboff", "agboff"}, scale(one), func(g *format.Geometry, off int64) uint64 { return uint64(off & (block(g) - 1)) }},
		{[]string{"byte", "fsbyte"}, scale(one), func(_ *format.Geometry, off int64) uint64 { return uint64(off) }},
	}
}

func unitNames() []string {
	var out []string
	for _, u := range units() {
		out = append(out, u.names[0])
	}
	return out
}

func unitNamed(name string) (unit, error) {
	var all []string
	for _, u := range units() {
		for _, n := range u.names {
			if n == name {
				return u, nil
			}
		}
		all = append(all, u.names...)
	}
	return unit{}, usagef("%q: no kind of address%s; they are %s", name, usage.Suggest(name, all), strings.Join(unitNames(), ", "))
}

// ConvertDoc is an address.
type ConvertDoc struct {
	Type   string `json:"type"` // "converted"
	Kind   string `json:"kind"`
	Number uint64 `json:"number"`
}

func convert(_ context.Context, s *Session, args []string) error {
	if len(args) < 3 || len(args)%2 == 0 {
		return usagef("a type and a number, or several, and the type to turn them into")
	}
	g := s.Vol.Geo
	end := int64(g.DBlocks) << g.BlockLog
	var sum int64
	for i := 0; i+1 < len(args); i += 2 {
		u, err := unitNamed(args[i])
		if err != nil {
			return err
		}
		n, err := number(args[i], args[i+1], 64)
		if err != nil {
			return err
		}
		off, err := u.bytes(g, n)
		if err != nil {
			return err
		}
		if sum += off; sum >= end {
			return fmt.Errorf("byte %d is behind the end of the volume, which has %d", sum, end)
		}
	}
	to, err := unitNamed(args[len(args)-1])
	if err != nil {
		return err
	}
	doc := ConvertDoc{"converted", to.names[0], to.from(g, sum)}
	return s.emit(doc, func(w io.Writer) { fmt.Fprintf(w, "%d (%#x)\n", doc.Number, doc.Number) })
}

// HeightDoc is how high a B+tree becomes.
type HeightDoc struct {
	Type      string `json:"type"` // "height"
	Tree      string `json:"tree"`
	BlockSize int    `json:"block_size"`
	LeafRecs  int    `json:"leaf_records"` // in a block
	NodeRecs  int    `json:"node_records"`
	Levels    int    `json:"levels"`
	// Blocks are those of each level, leaves first; Total is their sum.
	Blocks []uint64 `json:"blocks"`
	Total  uint64   `json:"total"`
}

func setupBtheight(f *flag.FlagSet) runFunc {
	size := f.Int("b", 0, "`bytes` of a block; those of the volume if not given")
	n := f.Uint64("n", 1000000, "`records`")
	which := f.String("w", "", "how full blocks are: `min or max`; both if not given")
	return func(_ context.Context, s *Session, args []string) error {
		if len(args) == 0 {
			return usagef("a kind of B+tree is missing")
		}
		if *size == 0 {
			*size = s.Vol.Geo.BlockSize
		}
		if *size < format.MinBlockSize || *size > format.MaxBlockSize || *size&(*size-1) != 0 {
			return usagef("block size %d: not a power of two from %d to %d", *size, format.MinBlockSize, format.MaxBlockSize)
		}
		if *n > 1<<54 || *n == 0 || *which != "" && *which != "min" && *which != "max" {
			return usagef("records from 1 to 2^54, and min or max")
		}
		for _, name := range args {
			k, err := kindByName(name)
			if err != nil {
				return err
			}
			for _, w := range []string{"max", "min"} {
				if *which != "" && *which != w {
					continue
				}
				per := k.MaxRecs
				if w == "min" {
					per = k.MinRecs
				}
				if err := s.height(k, *size, *n, w, per); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// kindByName finds a kind of B+tree, by xfs_db's names too.
func kindByName(name string) (*btree.Kind, error) {
	other := map[string]string{"refcntbt": "refcountbt", "refcbt": "refcountbt", "bmapbt": "bmbt"}[name]
	var names []string
	for _, k := range append(kinds[:len(kinds):len(kinds)], btree.Bmbt) {
		if k.Name == name || k.Name == other {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return nil, usagef("%q: no kind of B+tree%s; the kinds are %s", name, usage.Suggest(name, names), strings.Join(names, ", "))
}

func (s *Session) height(k *btree.Kind, size int, n uint64, w string, per func(blockSize, level int) int) error {
	doc := HeightDoc{Type: "height", Tree: k.Name, BlockSize: size, LeafRecs: per(size, 0), NodeRecs: per(size, 1)}
	for level := 0; ; level++ {
		each := uint64(per(size, level))
		n = (n + each - 1) / each
		doc.Blocks = append(doc.Blocks, n)
		doc.Total += n
		if n == 1 {
			break
		}
	}
	doc.Levels = len(doc.Blocks)
	return s.emit(doc, func(out io.Writer) {
		fullness := map[string]string{"max": "full", "min": "as empty as may be"}[w]
		fmt.Fprintf(out, "%s, blocks of %d bytes %s: %d records a leaf, %d children a node\n", k.Name, size, fullness, doc.LeafRecs, doc.NodeRecs)
		for level, blocks := range doc.Blocks {
			fmt.Fprintf(out, "level %d: %d blocks\n", level, blocks)
		}
		fmt.Fprintf(out, "%d levels, %d blocks\n", doc.Levels, doc.Total)
	})
}

// ReservationDoc is what a group holds back.
type ReservationDoc struct {
	Type     string `json:"type"` // "reservation"
	AG       uint32 `json:"ag"`
	Length   uint32 `json:"length"`
	Free     uint32 `json:"free"`
	Reserved uint32 `json:"reserved"`
	Used     uint32 `json:"used"`
}

func printReservations(_ context.Context, s *Session, args []string) error {
	groups, err := s.groupArgs(args)
	if err != nil {
		return err
	}
	for _, ag := range groups {
		agf, err := s.Vol.AGF(ag)
		if err != nil {
			return err
		}
		agi, err := s.Vol.AGI(ag)
		if err != nil {
			return err
		}
		g := s.Vol.Geo
		doc := ReservationDoc{"reservation", uint32(ag), g.AGLen(ag), format.AGFFreeBlks.Get(agf) + format.AGFFlCount.Get(agf), space.Reservation(g, ag), 0}
		if g.HasReflink() {
			doc.Used += format.AGFRefcntBlks.Get(agf)
		}
		if g.HasRmapbt() {
			doc.Used += format.AGFRmapBlks.Get(agf)
		}
		if g.HasFinobt() {
			fino := format.AGIFBlocks.Get(agi)
			if !g.HasInobtCount() {
				t, err := s.Vol.Tree(btree.Finobt, ag)
				if err != nil {
					return err
				}
				if err := t.Walk(func(int, uint64, []byte) error { fino++; return nil }); err != nil {
					return err
				}
			}
			doc.Used += fino
		}
		err = s.emit(doc, func(w io.Writer) {
			fmt.Fprintf(w, "group %d: %d blocks, %d free, %d reserved, %d of them used\n", doc.AG, doc.Length, doc.Free, doc.Reserved, doc.Used)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LogReservationDoc is the room that a kind of transaction asks for.
type LogReservationDoc struct {
	Type  string `json:"type"` // "logres"
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
	Steps int    `json:"steps"`
}

func printLogReservations(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	for _, r := range mkfs.Reservations(s.Vol.Geo) {
		doc := LogReservationDoc{"logres", r.Name, r.Bytes, r.Rolls}
		if err := s.emit(doc, func(w io.Writer) { fmt.Fprintf(w, "%-9s %7d bytes, %d steps\n", r.Name, r.Bytes, r.Rolls) }); err != nil {
			return err
		}
	}
	return nil
}
