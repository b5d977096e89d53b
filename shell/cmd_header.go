package shell

import (
	"context"

	"github.com/cowfs/cowfs/format"
)

// headerCommands print what the sectors at the head of a group hold.
func headerCommands() []*Command {
	return []*Command{
		headerCommand("sb", "superblock", 0, format.TypeSuperblock),
		headerCommand("agf", "free space header", 1, format.TypeAGF),
		headerCommand("agi", "inode header", 2, format.TypeAGI),
		headerCommand("agfl", "list of blocks kept for the free space trees", 3, format.TypeAGFL),
	}
}

func headerCommand(name, what string, sector int, t *format.BlockType) *Command {
	return &Command{
		Name: name, Args: "[AG]", Summary: "print the " + what + " of a group",
		Text: "All fields by name, as xfs_db names them. Without a number, of group 0.",
		Examples: []Example{
			{name, "the one of group 0"},
			{name + " 3", "the one of group 3"},
		},
		setup: noFlags(func(_ context.Context, s *Session, args []string) error {
			ag, err := s.groupArg(args)
			if err != nil {
				return err
			}
			off := s.Vol.Geo.SectorOffset(ag, sector)
			b, err := s.read(off, s.Vol.Geo.SectSize)
			if err != nil {
				return err
			}
			return s.structure(t, b, s.place(off))
		}),
	}
}
