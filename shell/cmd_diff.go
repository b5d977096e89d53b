package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/volume"
)

// diffCommands compare images.
func diffCommands() []*Command {
	return []*Command{{
		Name: "diff", Args: "[-c] IMAGE", Summary: "compare the image with another one, structure by structure",
		Text: "Fields of the superblock, of group headers and of inodes, extents, directory entries and extended\nattributes; with -c also the contents of files. Checksums and log sequence numbers are not\ncompared. A line begins with - for what only this image has, + for what only the other has, and ~\nfor what differs. Both are shown as a mount would see them.",
		Examples: []Example{
			{"diff before.img", "what has happened since"},
			{"diff -c copy.img", "the bytes of files, too"},
		},
		setup: setupDiff,
	}}
}

func setupDiff(f *flag.FlagSet) runFunc {
	contents := f.Bool("c", false, "compare contents of files, too")
	return func(ctx context.Context, s *Session, args []string) (err error) {
		if err := exactly(args, 1); err != nil {
			return err
		}
		dev, err := device.Open(args[0], device.ReadOnly)
		if err != nil {
			return err
		}
		other, err := volume.Open(dev, volume.Options{Replay: true})
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", args[0], err), dev.Close())
		}
		defer func() { err = errors.Join(err, other.Close()) }()
		n := 0
		d := &differ{ctx: ctx, a: s.Vol, b: other, contents: *contents, report: func(doc DifferenceDoc) error {
			n++
			return s.emit(doc, func(w io.Writer) { fmt.Fprintln(w, s.quote(doc.String())) })
		}}
		if err := d.volumes(); err != nil {
			return err
		}
		if n == 0 {
			s.title("no difference")
		}
		return nil
	}
}
