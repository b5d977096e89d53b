package shell

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/volume"
)

// shareCommands share blocks between files, end that, and tell who shares what.
func shareCommands() []*Command {
	return []*Command{
		{
			Name: "reflink", Aliases: []string{"clone"}, Args: "/SRC /DST [SRCOFF DSTOFF LENGTH]", Summary: "make a file share blocks of another",
			Text: "Without a range DST becomes a copy of SRC. A range must be whole blocks, or end where SRC\ndoes; LENGTH 0 is up to there. It may be of one file, if what is copied is not copied over.",
			Examples: []Example{
				{"reflink /disk.img /snapshot.img", "a copy that takes no space"},
				{"reflink /disk.img /other.img 1m 64m 16m", "16 MiB into another file"},
			},
			setup: noFlags(reflink),
		},
		{
			Name: "dedupe", Args: "/A OFFSET /B OFFSET LENGTH", Summary: "share blocks of two files if they are equal",
			Text:     "B gives its blocks up for those of A. Prints how many bytes are equal, from the start;\nnothing is shared unless all are.",
			Examples: []Example{{"dedupe /a.img 0 /b.img 0 1m", "share the first MiB"}},
			setup:    writing(5, dedupe),
		},
		{
			Name: "unshare", Args: "/PATH [OFFSET LENGTH]", Summary: "give a file blocks of its own, where it shares them",
			Examples: []Example{{"unshare /snapshot.img", "copy all that is shared"}},
			setup:    noFlags(unshare),
		},
		{
			Name: "exchange", Aliases: []string{"swap"}, Args: "/A /B [OFFSET OFFSET LENGTH]", Summary: "exchange the contents of two files",
			Text: "Blocks are exchanged, not copied. Without a range the whole files are, with their sizes; a\nrange must be whole blocks. After a crash all of it has happened or nothing.",
			Examples: []Example{
				{"exchange /new /current", "the contents of two files"},
				{"exchange /a /b 0 1m 64k", "of two ranges"},
			},
			setup: noFlags(exchange),
		},
		hintCommand("cowextsize", "that take writes to shared blocks", (*volume.Volume).CowExtSize, (*volume.Writer).SetCowExtSize),
		hintCommand("extsize", "of a file", (*volume.Volume).ExtSize, (*volume.Writer).SetExtSize),
		{
			Name: "refcount", Args: "[AG]...", Summary: "list the blocks that have several owners, and staged ones",
			Text: "As the refcount trees have them. Without numbers, of all groups.",
			Examples: []Example{
				{"refcount", "the whole volume"},
				{"refcount 1", "group 1"},
			},
			setup: noFlags(printRefcounts),
		},
		{
			Name: "shared", Args: "[NUMBER|/PATH]", Summary: "tell which files share the blocks of a file",
			Text:     "By rmapbt, or by looking through all files on a volume without it. Offsets and counts are\nin blocks. Without a path or number, of the current inode.",
			Examples: []Example{{"shared /disk.img", "all that is shared with others"}},
			setup:    noFlags(printShared),
		},
	}
}

// sizes reads numbers of bytes.
func sizes(args []string) ([]int64, error) {
	out := make([]int64, len(args))
	for i, arg := range args {
		var err error
		if out[i], err = ParseSize(arg); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pairAndRange calls f with two paths and three numbers, which may be left out together.
func pairAndRange(s *Session, args []string, f func(w *volume.Writer, a, b string, n []int64) error) error {
	if len(args) != 2 && len(args) != 5 {
		return usagef("two paths, and three numbers or none")
	}
	n, err := sizes(args[2:])
	switch {
	case err != nil:
		return err
	case s.Writer == nil:
		return s.readOnly()
	}
	if err := inImage(args[:2]); err != nil {
		return err
	}
	return f(s.Writer, args[0], args[1], n)
}

// inImage refuses paths that are none of the image: files of the host, or of another image.
func inImage(paths []string) error {
	for _, p := range paths {
		if !strings.HasPrefix(p, "/") {
			return fmt.Errorf("%s: %w: it is not in this image, whose paths begin with /; put copies a file into it", p, volume.ErrRange)
		}
	}
	return nil
}

func reflink(_ context.Context, s *Session, args []string) error {
	return pairAndRange(s, args, func(w *volume.Writer, src, dst string, n []int64) error {
		if len(n) == 0 {
			return w.Clone(src, dst)
		}
		return w.CloneRange(src, n[0], dst, n[1], n[2])
	})
}

func exchange(_ context.Context, s *Session, args []string) error {
	return pairAndRange(s, args, func(w *volume.Writer, a, b string, n []int64) error {
		if len(n) == 0 {
			n = make([]int64, 3)
		}
		return w.Exchange(a, n[0], b, n[1], n[2])
	})
}

// DedupeDoc is what a comparison found.
type DedupeDoc struct {
	Type   string `json:"type"` // "dedupe"
	Same   int64  `json:"same"` // bytes
	Shared bool   `json:"shared"`
}

func dedupe(_ context.Context, s *Session, w *volume.Writer, args []string) error {
	n, err := sizes([]string{args[1], args[3], args[4]})
	if err == nil {
		err = inImage([]string{args[0], args[2]})
	}
	if err != nil {
		return err
	}
	same, err := w.Dedupe(args[0], n[0], args[2], n[1], n[2])
	if err != nil {
		return err
	}
	doc := DedupeDoc{"dedupe", same, same == n[2]}
	return s.emit(doc, func(w io.Writer) {
		if doc.Shared {
			fmt.Fprintf(w, "%d bytes are equal and shared\n", same)
		} else {
			fmt.Fprintf(w, "only %d bytes are equal, nothing is shared\n", same)
		}
	})
}

func unshare(_ context.Context, s *Session, args []string) error {
	if len(args) != 1 && len(args) != 3 {
		return usagef("a path, and offset and length or neither")
	}
	n, err := sizes(args[1:])
	switch {
	case err != nil:
		return err
	case s.Writer == nil:
		return s.readOnly()
	case len(n) == 0:
		n = make([]int64, 2)
	}
	path, err := imagePath(args[0])
	if err != nil {
		return err
	}
	return s.Writer.Unshare(path, n[0], n[1])
}

// HintDoc is a hint of an inode.
type HintDoc struct {
	Type string `json:"type"` // "cowextsize" or "extsize"
	Ino  uint64 `json:"ino"`
	Size int64  `json:"size"` // bytes; 0: none
}

func hintCommand(name, which string, get func(*volume.Volume, *inode.Inode) int64, set func(*volume.Writer, string, int64) error) *Command {
	return &Command{
		Name: name, Args: "/PATH [SIZE]", Summary: "print or set the hint for the length of extents " + which,
		Text: "A hint of a directory goes on to what is made in it. 0 takes it away.",
		Examples: []Example{
			{name + " /disk.img", "print it"},
			{name + " /disk.img 1m", "set it"},
		},
		setup: noFlags(func(_ context.Context, s *Session, args []string) error {
			switch {
			case len(args) != 1 && len(args) != 2:
				return usagef("a path, and a size or none")
			case len(args) == 2 && s.Writer == nil:
				return s.readOnly()
			case len(args) == 2:
				n, err := ParseSize(args[1])
				if err != nil {
					return err
				}
				path, err := imagePath(args[0])
				if err != nil {
					return err
				}
				return set(s.Writer, path, n)
			}
			i, err := s.inodeArg(args[0])
			if err != nil {
				return err
			}
			doc := HintDoc{name, uint64(i.Ino), get(s.Vol, i)}
			return s.emit(doc, func(w io.Writer) { fmt.Fprintln(w, doc.Size) })
		}),
	}
}

// RefcountDoc is a record of a refcount tree.
type RefcountDoc struct {
	Type    string `json:"type"` // "refcount"
	AG      uint32 `json:"ag"`
	AGBlock uint32 `json:"agblock"`
	Count   uint32 `json:"count"`
	Owners  uint32 `json:"owners"`
	Staged  bool   `json:"staged,omitempty"` // for copy-on-write; of no file yet
}

func (d RefcountDoc) write(w io.Writer) {
	owners := fmt.Sprint(d.Owners)
	if d.Staged {
		owners = "staged"
	}
	fmt.Fprintf(w, "%6d %10d %10d %10s\n", d.AG, d.AGBlock, d.Count, owners)
}

func printRefcounts(ctx context.Context, s *Session, args []string) error {
	groups, err := s.groupArgs(args)
	if err != nil {
		return err
	}
	s.title("%6s %10s %10s %10s", "AG", "AGBLOCK", "COUNT", "OWNERS")
	for _, ag := range groups {
		t, err := s.Vol.Tree(btree.Refcountbt, ag)
		if err != nil {
			return err
		}
		for rec, err := range t.All() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			r, staged := refcount.Unpack(rec)
			doc := RefcountDoc{"refcount", uint32(ag), uint32(r.Start), r.Count, r.Refs, staged}
			if err := s.emit(doc, doc.write); err != nil {
				return err
			}
		}
	}
	return nil
}

// SharedDoc is an extent of a file that others have too.
type SharedDoc struct {
	Type    string        `json:"type"` // "shared"
	Ino     uint64        `json:"ino"`
	Offset  uint64        `json:"offset"` // blocks
	FSBlock uint64        `json:"fsblock"`
	Count   uint32        `json:"count"`
	Owners  []SharedOwner `json:"owners"` // the file itself too
}

// SharedOwner is who has an extent.
type SharedOwner struct {
	Ino    uint64   `json:"ino"`
	Offset uint64   `json:"offset"` // blocks
	Paths  []string `json:"paths"`  // as format.JSONText writes them
}

func printShared(ctx context.Context, s *Session, args []string) error {
	args, err := s.orCurrent(args)
	if err == nil {
		err = atMost(args, 1)
	}
	if err != nil {
		return err
	}
	i, err := s.inodeArg(args[0])
	if err != nil {
		return err
	}
	list, err := s.Vol.Shared(ctx, i)
	if err != nil {
		return err
	}
	wanted := map[format.Ino]bool{}
	for _, x := range list {
		for _, o := range x.Owners {
			wanted[o.Ino] = true
		}
	}
	paths, err := s.pathsOf(ctx, wanted)
	if err != nil {
		return err
	}
	for _, x := range list {
		doc := SharedDoc{"shared", uint64(i.Ino), uint64(x.Off), uint64(x.Start), x.Count, nil}
		for _, o := range x.Owners {
			var names []string
			for _, p := range paths[o.Ino] {
				names = append(names, format.JSONText(p))
			}
			doc.Owners = append(doc.Owners, SharedOwner{uint64(o.Ino), uint64(o.Off), names})
		}
		err := s.emit(doc, func(w io.Writer) {
			fmt.Fprintf(w, "%d blocks at %d, from block %d:\n", x.Count, x.Off, x.Start)
			for _, o := range x.Owners {
				fmt.Fprintf(w, "    inode %d at %d", o.Ino, o.Off)
				for _, p := range paths[o.Ino] {
					fmt.Fprintf(w, " %s", s.quote(p))
				}
				fmt.Fprintln(w)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pathsOf finds the names of inodes: by parent pointers, or by looking through all directories.
func (s *Session) pathsOf(ctx context.Context, wanted map[format.Ino]bool) (map[format.Ino][]string, error) {
	out := map[format.Ino][]string{}
	if len(wanted) == 0 {
		return out, nil
	}
	if !s.Vol.Geo.HasParent() {
		err := s.walkPaths(ctx, wanted, func(ino format.Ino, path string) error {
			out[ino] = append(out[ino], path)
			return nil
		})
		return out, err
	}
	for ino := range wanted {
		i, err := s.Vol.Inode(ino)
		if err != nil {
			return nil, err
		}
		parents, err := s.Vol.Parents(i)
		if err != nil {
			return nil, err
		}
		for _, p := range parents {
			out[ino] = append(out[ino], p.Path)
		}
	}
	return out, nil
}
