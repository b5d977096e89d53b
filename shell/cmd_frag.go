package shell

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// fragCommands judge how files lie.
func fragCommands() []*Command {
	return []*Command{{
		Name: "frag", Args: "[-v] [-d|-f|-l|-a]", Summary: "count the extents of files, and how many would do",
		Text: "Of the data and attribute forks of all inodes; or of the data of directories (-d), regular files\n(-f) or symbolic links (-l), or of attributes (-a), together when several are given. One extent\nwould do for each range without holes.",
		Examples: []Example{
			{"frag", "of the volume"},
			{"frag -v -d", "and of each directory"},
		},
		setup: setupFrag,
	}}
}

// FragDoc counts extents.
type FragDoc struct {
	Type   string  `json:"type"` // "frag"
	Ino    *uint64 `json:"ino,omitempty"`
	Actual uint64  `json:"actual"`
	Ideal  uint64  `json:"ideal"`
	Files  uint64  `json:"files"` // that have extents
	// Percent is the share of extents that are there for no need.
	Percent float64 `json:"percent"`
}

func setupFrag(f *flag.FlagSet) runFunc {
	each := f.Bool("v", false, "each inode, too")
	dirs := f.Bool("d", false, "only directories")
	files := f.Bool("f", false, "only regular files")
	links := f.Bool("l", false, "only symbolic links")
	attrs := f.Bool("a", false, "the attribute forks")
	return func(ctx context.Context, s *Session, args []string) error {
		if err := atMost(args, 0); err != nil {
			return err
		}
		all := !*dirs && !*files && !*links && !*attrs
		sum := FragDoc{Type: "frag"}
		for i, err := range s.Vol.Inodes(ctx) {
			if err != nil {
				return err
			}
			one := FragDoc{Type: "frag", Ino: (*uint64)(&i.Ino), Files: 1}
			if all || *dirs && i.IsDir() || *files && i.IsRegular() || *links && i.IsLink() {
				err = one.count(i, inode.Data)
			}
			if err == nil && (all || *attrs) {
				err = one.count(i, inode.Attr)
			}
			if err != nil {
				return err
			}
			one.percent()
			if one.Actual == 0 {
				continue
			}
			sum.Actual, sum.Ideal, sum.Files = sum.Actual+one.Actual, sum.Ideal+one.Ideal, sum.Files+1
			if *each {
				if err := s.emit(one, func(w io.Writer) { fmt.Fprintf(w, "inode %d: %d extents, %d would do\n", i.Ino, one.Actual, one.Ideal) }); err != nil {
					return err
				}
			}
		}
		sum.percent()
		return s.emit(sum, func(w io.Writer) {
			fmt.Fprintf(w, "%d extents in %d files, %d would do: %.2f%% are there for no need\n", sum.Actual, sum.Files, sum.Ideal, sum.Percent)
		})
	}
}

func (d *FragDoc) percent() {
	if d.Actual > 0 {
		d.Percent = 100 * float64(d.Actual-d.Ideal) / float64(d.Actual)
	}
}

// count adds the extents of a fork. Extents that touch in the file, but have to be two as one is
// written and the other isn't, would do as one; so xfs_db counts.
func (d *FragDoc) count(i *inode.Inode, which inode.Which) error {
	fork, err := i.Fork(which)
	if err != nil || fork.Format != format.FmtExtents && fork.Format != format.FmtBtree {
		return err
	}
	end := format.NullFileOff
	for m, err := range fork.All() {
		if err != nil {
			return err
		}
		if d.Actual++; m.Off != end {
			d.Ideal++
		}
		end = m.End()
	}
	return nil
}
