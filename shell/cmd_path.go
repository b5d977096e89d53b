package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
)

// pathCommands find names of inodes, and inodes without any.
func pathCommands() []*Command {
	return []*Command{
		{
			Name: "path", Aliases: []string{"ncheck"}, Args: "[-s] [NUMBER]...", Summary: "print the paths of inodes",
			Text: "By parent pointers, or by looking through all directories where there are none, or with -s.\nWithout a number, of all inodes that have a name, by looking through.",
			Examples: []Example{
				{"path 131", "all names of an inode"},
				{"path", "the whole volume"},
			},
			setup: setupPath,
		},
		{
			Name: "unlinked", Aliases: []string{"dump_iunlinked"}, Args: "[AG]...", Summary: "list inodes that have no name but were in use",
			Text: "A crash leaves them in lists, 64 for each group, and a mount frees them. So does the replay of\n" +
				"a dirty log when the image is opened: it is told then which they were. With --raw the lists are\nthose on the disk, which know nothing of what is in the log.",
			Examples: []Example{{"unlinked", ""}},
			setup:    noFlags(printUnlinked),
		},
	}
}

// PathDoc is a name of an inode.
type PathDoc struct {
	Type string `json:"type"` // "path"
	Ino  uint64 `json:"ino"`
	Path string `json:"path"` // as format.JSONText writes it
}

func setupPath(f *flag.FlagSet) runFunc {
	scan := f.Bool("s", false, "look through all directories")
	return func(ctx context.Context, s *Session, args []string) error {
		wanted := map[format.Ino]bool{}
		var order []format.Ino
		for _, arg := range args {
			n, err := s.inoArg(arg)
			if err != nil {
				return err
			}
			wanted[n] = true
			order = append(order, n)
		}
		if *scan || !s.Vol.Geo.HasParent() || len(args) == 0 {
			return s.scanPaths(ctx, wanted)
		}
		for _, n := range order {
			if n == s.Vol.Geo.RootIno {
				if err := s.emitPath(n, "/"); err != nil {
					return err
				}
				continue
			}
			i, err := s.Vol.Inode(n)
			if err != nil {
				return err
			}
			parents, err := s.Vol.Parents(i)
			for _, p := range parents {
				if err := s.emitPath(n, p.Path); err != nil {
					return err
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *Session) emitPath(ino format.Ino, path string) error {
	return s.emit(PathDoc{"path", uint64(ino), format.JSONText(path)}, func(w io.Writer) { fmt.Fprintf(w, "%d %s\n", ino, s.quote(path)) })
}

// scanPaths prints the paths of inodes, of all when none are wanted; see walkPaths.
func (s *Session) scanPaths(ctx context.Context, wanted map[format.Ino]bool) error {
	return s.walkPaths(ctx, wanted, s.emitPath)
}

// walkPaths gives visit the paths of inodes, of all when none are wanted, by going through all
// directories from the root. Damaged directories are passed over, and the first one is told
// of at the end.
func (s *Session) walkPaths(ctx context.Context, wanted map[format.Ino]bool, visit func(format.Ino, string) error) error {
	root := s.Vol.Geo.RootIno
	if len(wanted) == 0 || wanted[root] {
		if err := visit(root, "/"); err != nil {
			return err
		}
	}
	type place struct {
		ino  format.Ino
		path string
	}
	seen := map[format.Ino]bool{root: true}
	var damage error
	for todo := []place{{root, ""}}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		entries, err := s.entriesOf(at.ino)
		if err != nil && damage == nil {
			damage = fmt.Errorf("%s/: %w", at.path, err)
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			path := at.path + "/" + e.Name
			if len(wanted) == 0 || wanted[e.Ino] {
				if err := visit(e.Ino, path); err != nil {
					return err
				}
			}
			if e.Type == format.FTDir && !seen[e.Ino] {
				seen[e.Ino] = true
				todo = append(todo, place{e.Ino, path})
			}
		}
	}
	return damage
}

// entriesOf lists a directory. Those that come before damage are returned with it.
func (s *Session) entriesOf(ino format.Ino) ([]dir.Entry, error) {
	i, err := s.Vol.Inode(ino)
	if err != nil {
		return nil, err
	}
	d, err := dir.Open(i)
	if err != nil {
		return nil, err
	}
	var out []dir.Entry
	for e, err := range d.Entries() {
		if err != nil {
			return out, err
		}
		out = append(out, e)
	}
	return out, nil
}

// UnlinkedDoc is an inode without a name.
type UnlinkedDoc struct {
	Type   string `json:"type"` // "unlinked"
	AG     uint32 `json:"ag"`
	Bucket int    `json:"bucket"`
	Ino    uint64 `json:"ino"`
	Freed  bool   `json:"freed,omitempty"` // by the replay of the log
}

func (s *Session) emitUnlinked(doc UnlinkedDoc) error {
	doc.Type = "unlinked"
	return s.emit(doc, func(w io.Writer) {
		fmt.Fprintf(w, "group %d, list %d: inode %d", doc.AG, doc.Bucket, doc.Ino)
		if doc.Freed {
			fmt.Fprint(w, ", freed by the replay of the log")
		}
		fmt.Fprintln(w)
	})
}

func printUnlinked(ctx context.Context, s *Session, args []string) error {
	groups, err := s.groupArgs(args)
	if err != nil {
		return err
	}
	g := s.Vol.Geo
	for _, ino := range s.Vol.Leftovers.Unlinked {
		ag, i := g.SplitIno(ino)
		if !slices.Contains(groups, ag) {
			continue
		}
		if err := s.emitUnlinked(UnlinkedDoc{AG: uint32(ag), Bucket: int(i % format.AGIBuckets), Ino: uint64(ino), Freed: true}); err != nil {
			return err
		}
	}
	for _, ag := range groups {
		agi, err := s.Vol.AGI(ag)
		if err != nil {
			return err
		}
		for bucket := range format.AGIBuckets {
			seen := map[format.AGIno]bool{}
			for at := format.AGIUnlinked.At(bucket).Get(agi); at != format.NullAGIno; {
				if err := ctx.Err(); err != nil {
					return err
				}
				ino := g.Ino(ag, at)
				if seen[at] || !g.ValidIno(ino) {
					return format.Corrupt("unlinked list", fmt.Sprintf("unlinked[%d]", bucket), ino, "an inode that comes once").At(format.InGroup(ag))
				}
				seen[at] = true
				if err := s.emitUnlinked(UnlinkedDoc{AG: uint32(ag), Bucket: bucket, Ino: uint64(ino)}); err != nil {
					return err
				}
				b, err := s.read(g.InoOffset(ino), g.InodeSize)
				if err != nil {
					return err
				}
				at = format.DiNextUnlinked.Get(b)
			}
		}
	}
	return nil
}
