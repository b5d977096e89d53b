package shell

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// attrCommands are about extended attributes, parent pointers among them.
func attrCommands() []*Command {
	return []*Command{
		{
			Name: "xattr", Aliases: []string{"getfattr"}, Args: "[-n NAME] [NUMBER|/PATH]...", Summary: "print the extended attributes of a file",
			Text: "By the names that Linux shows, with values quoted, or in hexadecimal when they are not text.\nLinks are not followed.\nWithout a path or number, of the current inode.",
			Examples: []Example{
				{"xattr /bin/ping", "all of them"},
				{"xattr -n user.comment /notes", "one of them"},
			},
			setup: setupXattr,
		},
		{
			Name: "parent", Args: "[NUMBER|/PATH]...", Summary: "print the names of a file by its parent pointers",
			Text: "On volumes with that feature each name has a pointer back from the inode.\nWithout a path or number, of the current inode.",
			Examples: []Example{
				{"parent 131", "the paths of an inode"},
				{"parent /bin/ls", "all paths, hard links included"},
			},
			setup: noFlags(printParents),
		},
	}
}

// XattrDoc is an extended attribute.
type XattrDoc struct {
	Type  string `json:"type"` // "xattr"
	Ino   uint64 `json:"ino"`
	Name  string `json:"name"` // as format.JSONText writes it
	Size  int    `json:"size"`
	Value []byte `json:"value"` // base64
}

func setupXattr(f *flag.FlagSet) runFunc {
	name := f.String("n", "", "only the attribute of this `name`, e.g. user.comment")
	return func(ctx context.Context, s *Session, args []string) error {
		args, err := s.orCurrent(args)
		if err != nil {
			return err
		}
		for n, arg := range args {
			i, err := s.inodeArg(arg)
			if err != nil {
				return err
			}
			if len(args) > 1 {
				if n > 0 {
					s.title("")
				}
				s.title("# %s", s.quote(arg))
			}
			if err := s.printXattrs(ctx, i, *name); err != nil {
				return err
			}
		}
		return nil
	}
}

// printXattrs prints the attributes that Linux would show, or the one called only.
func (s *Session) printXattrs(ctx context.Context, i *inode.Inode, only string) error {
	r, err := s.Vol.Attrs(i)
	if err != nil {
		return err
	}
	found := false
	for a, err := range r.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if a.Flags&format.AttrParent != 0 {
			continue
		}
		value, err := r.Value(a)
		if err != nil {
			return err
		}
		name, value, ok := attr.ToHost(a.Flags, []byte(a.Name), value)
		if !ok || only != "" && name != only {
			continue
		}
		found = true
		doc := XattrDoc{"xattr", uint64(i.Ino), format.JSONText(name), len(value), value}
		if err := s.emit(doc, func(w io.Writer) { fmt.Fprintf(w, "%s=%s\n", s.quote(name), showValue(value)) }); err != nil {
			return err
		}
	}
	if only != "" && !found {
		return fmt.Errorf("inode %d: %s: %w", i.Ino, only, attr.ErrNotFound)
	}
	return nil
}

// showValue prints text in quotes, and anything else in hexadecimal.
func showValue(v []byte) string {
	if !utf8.Valid(v) {
		return "0x" + hex.EncodeToString(v)
	}
	for _, r := range string(v) {
		if !unicode.IsPrint(r) {
			return "0x" + hex.EncodeToString(v)
		}
	}
	return strconv.Quote(string(v))
}

// ParentDoc is a name of an inode.
type ParentDoc struct {
	Type   string `json:"type"` // "parent"
	Ino    uint64 `json:"ino"`
	Parent uint64 `json:"parent"` // the directory
	Gen    uint32 `json:"generation"`
	Name   string `json:"name"` // as format.JSONText writes it, like path
	Path   string `json:"path"`
}

func printParents(ctx context.Context, s *Session, args []string) error {
	args, err := s.orCurrent(args)
	if err != nil {
		return err
	}
	for _, arg := range args {
		i, err := s.inodeArg(arg)
		if err != nil {
			return err
		}
		parents, err := s.Vol.Parents(i)
		for _, p := range parents {
			doc := ParentDoc{"parent", uint64(i.Ino), uint64(p.Dir), p.Gen, format.JSONText(p.Name), format.JSONText(p.Path)}
			if err := s.emit(doc, func(w io.Writer) { fmt.Fprintln(w, s.quote(p.Path)) }); err != nil {
				return err
			}
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
