package shell

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/format"
)

// labelCommand is about the name of the volume.
func labelCommand() *Command {
	return &Command{
		Name: "label", Args: "[-c|NAME]", Summary: "print the name of the volume, or change it",
		Text: "A name has up to 12 bytes. It is changed in the superblock and in all copies of it, as set\nchanges fields.",
		Examples: []Example{
			{"label", "print it"},
			{"label golden", "change it"},
			{"label -c", "have none"},
		},
		setup: setupLabel,
	}
}

// LabelDoc is the name of a volume.
type LabelDoc struct {
	Type  string `json:"type"` // "label"
	Label string `json:"label"`
}

func setupLabel(f *flag.FlagSet) runFunc {
	none := f.Bool("c", false, "take the name away")
	return func(_ context.Context, s *Session, args []string) error {
		if err := atMost(args, 1); err != nil {
			return err
		}
		name := ""
		switch {
		case *none && len(args) > 0:
			return usagef("-c, or a name")
		case len(args) > 0:
			name = args[0]
		case !*none:
			sb, err := s.read(0, s.Vol.Geo.SectSize)
			if err != nil {
				return err
			}
			return s.printLabel(format.Label(sb))
		}
		if len(name) > format.MaxLabel {
			return usagef("label %q has %d bytes; %d are the limit", name, len(name), format.MaxLabel)
		}
		for ag := range format.AGNumber(s.Vol.Geo.AGCount) {
			p, err := s.at(s.Vol.Geo.SectorOffset(ag, 0), formOf(format.TypeSuperblock), 0)
			if err != nil {
				return err
			}
			if err := s.alter(&p, func(b []byte) (sumMode, error) { return sumRight, format.SetLabel(b, name) }); err != nil {
				return fmt.Errorf("superblock of group %d: %w", ag, err)
			}
		}
		return s.printLabel(name)
	}
}

func (s *Session) printLabel(label string) error {
	return s.emit(LabelDoc{"label", format.JSONText(label)}, func(w io.Writer) { fmt.Fprintln(w, s.quote(label)) })
}
