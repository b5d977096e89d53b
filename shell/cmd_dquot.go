package shell

import (
	"context"
	"flag"
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// dquotCommand goes to quota records.
func dquotCommand() *Command {
	return &Command{
		Name: "dquot", Args: "[-q] [-u|-g|-p] ID [FIELD]...", Summary: "go to the quota record of a user, group or project, and print it",
		Text: "Of a user, unless a flag says otherwise. What is read from the quota files is what was there at\nthe last sync; a mount counts anew after a crash.",
		Examples: []Example{
			{"dquot 1000", "limits and use of user 1000"},
			{"dquot -p 7 diskdq.bcount", "blocks that project 7 has"},
		},
		setup: setupDquot,
	}
}

func setupDquot(f *flag.FlagSet) runFunc {
	user := f.Bool("u", false, "of a user; this is the default")
	group := f.Bool("g", false, "of a group")
	project := f.Bool("p", false, "of a project")
	return moving(func(_ context.Context, s *Session, args []string) (position, []string, error) {
		if len(args) == 0 {
			return position{}, nil, usagef("an id is missing")
		}
		id, err := number("id", args[0], 32)
		if err != nil {
			return position{}, nil, err
		}
		of, what := format.SBUQuotIno, "user"
		switch {
		case *user && *group || *user && *project || *group && *project:
			return position{}, nil, usagef("only one of -u, -g and -p")
		case *group:
			of, what = format.SBGQuotIno, "group"
		case *project:
			of, what = format.SBPQuotIno, "project"
		}
		ino := of.Get(s.Vol.Superblock())
		if ino == 0 || ino == format.NullIno {
			return position{}, nil, fmt.Errorf("the volume has no quotas of %ss", what)
		}
		p, err := s.atDquot(ino, id)
		return p, args[1:], err
	})(f)
}

// atDquot is the position of the record of an id in a quota file. Each block has as many records as
// fit in it.
func (s *Session) atDquot(ino format.Ino, id uint64) (position, error) {
	per := uint64(s.Vol.Geo.BlockSize / format.Dquot.Size)
	p, err := s.atFork(ino, inode.Data, format.FileOff(id/per))
	if err != nil {
		return p, fmt.Errorf("id %d has no record: %w", id, err)
	}
	p.form = formOf(format.TypeDquot)
	p.pieces = []piece{{p.start() + int64(id%per)*int64(format.Dquot.Size), format.Dquot.Size}}
	return p, nil
}

// isQuota reports whether an inode is a file of quota records.
func (s *Session) isQuota(ino format.Ino) bool {
	sb := s.Vol.Superblock()
	return ino == format.SBUQuotIno.Get(sb) || ino == format.SBGQuotIno.Get(sb) || ino == format.SBPQuotIno.Get(sb)
}
