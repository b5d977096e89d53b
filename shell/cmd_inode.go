package shell

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// inodeCommands print single structures other than headers.
func inodeCommands() []*Command {
	return []*Command{
		{
			Name: "inode", Args: "NUMBER|/PATH", Summary: "print an inode, its forks as they lie in it included",
			Text: "A free inode is printed too.",
			Examples: []Example{
				{"inode 128", "by number"},
				{"inode /etc/hostname", "by path; a link is printed itself"},
			},
			setup: noFlags(printInode),
		},
		{
			Name: "block", Args: "NUMBER|AG:BLOCK", Summary: "print a block, whatever it holds",
			Text: "The type is found by magic number. A block of inodes prints all of them, a group's first\nblock all its headers; what has no known type is dumped in hexadecimal.",
			Examples: []Example{
				{"block 1:5", "block 5 of group 1"},
				{"block 0x10003", "an absolute block number, as in bmap and xfs_db's fsblock"},
			},
			setup: noFlags(printBlock),
		},
	}
}

func printInode(_ context.Context, s *Session, args []string) error {
	if err := exactly(args, 1); err != nil {
		return err
	}
	var ino format.Ino
	if strings.HasPrefix(args[0], "/") {
		i, err := s.Vol.LookupLink(args[0])
		if err != nil {
			return err
		}
		ino = i.Ino
	} else {
		n, err := number("inode", args[0], 64)
		if err != nil {
			return err
		}
		if ino = format.Ino(n); !s.Vol.Geo.ValidIno(ino) {
			return usagef("inode %d: no inode of the volume can have this number", n)
		}
	}
	off := s.Vol.Geo.InoOffset(ino)
	b, err := s.read(off, s.Vol.Geo.InodeSize)
	if err != nil {
		return err
	}
	at := s.place(off)
	at.Ino = ino
	return s.structure(format.TypeInode, b, at)
}

func printBlock(_ context.Context, s *Session, args []string) error {
	if err := exactly(args, 1); err != nil {
		return err
	}
	fsb, err := s.blockArg(args[0])
	if err != nil {
		return err
	}
	g := s.Vol.Geo
	b, err := s.read(g.Offset(fsb), format.MaxBlockSize)
	if err != nil {
		return err
	}
	return s.contents(b, g.Offset(fsb))
}

// HexDoc is a block of no known type.
type HexDoc struct {
	Type  string `json:"type"` // "hex"
	Daddr uint64 `json:"daddr"`
	Hex   string `json:"hex"`
}

// contents prints all structures that begin in the block at byte off; b goes on behind it, as
// directory blocks can be larger. The first damage is returned at the end.
func (s *Session) contents(b []byte, off int64) error {
	g := s.Vol.Geo
	var damage error
	found := 0
	for at := 0; at < min(g.BlockSize, len(b)); {
		t := format.Detect(g, b[at:])
		if t == nil {
			at += s.step(off + int64(at))
			continue
		}
		if found++; found > 1 {
			s.title("")
		}
		place := s.place(off + int64(at))
		s.title("%v, %v:", t, place)
		if err := s.structure(t, b[at:], place); err != nil && damage == nil {
			damage = err
		}
		at += max(t.Len(g, b[at:]), s.step(off+int64(at)))
	}
	if found > 0 {
		return damage
	}
	b = b[:min(g.BlockSize, len(b))]
	return s.emit(HexDoc{"hex", uint64(off >> format.BasicBlockLog), hex.EncodeToString(b)}, func(w io.Writer) {
		fmt.Fprint(w, hex.Dump(b))
	})
}

// step is the distance at which structures can lie at byte off: sectors in the first block of a
// group, else inodes. Other structures fill their block.
func (s *Session) step(off int64) int {
	g := s.Vol.Geo
	if group := off % (int64(g.AGBlocks) << g.BlockLog); group < int64(4)<<g.SectLog {
		return g.SectSize
	}
	return g.InodeSize
}
