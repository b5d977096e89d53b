package shell

import (
	"context"
	"flag"

	"github.com/cowfs/cowfs/format"
)

// headerCommands go to what the sectors at the head of a group hold.
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
		Name: name, Args: "[-q] [AG [FIELD]...]", Summary: "go to the " + what + " of a group, and print it",
		Text: "All fields by name, as xfs_db names them, or those that are asked for. Without a number,\nof group 0.",
		Examples: []Example{
			{name, "the one of group 0"},
			{name + " 3", "the one of group 3"},
		},
		setup: moving(func(_ context.Context, s *Session, args []string) (position, []string, error) {
			ag, err := s.groupArg(args[:min(1, len(args))])
			if err != nil {
				return position{}, nil, err
			}
			p, err := s.at(s.Vol.Geo.SectorOffset(ag, sector), formOf(t), 0)
			return p, args[min(1, len(args)):], err
		}),
	}
}

// moveFunc finds out where a command goes; what is left of args are fields to print.
type moveFunc func(ctx context.Context, s *Session, args []string) (p position, fields []string, err error)

// moving is the setup of a command that goes somewhere: it becomes the position, and what is
// there is printed unless -q is given.
func moving(find moveFunc) func(*flag.FlagSet) runFunc {
	return func(f *flag.FlagSet) runFunc {
		quiet := f.Bool("q", false, "only go there, print nothing")
		return func(ctx context.Context, s *Session, args []string) error {
			p, fields, err := find(ctx, s, args)
			if err != nil {
				return err
			}
			s.walk.goTo(p)
			if *quiet {
				return nil
			}
			return s.show(&p, fields)
		}
	}
}
