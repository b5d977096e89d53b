package shell

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
)

// unitCommands make several changes one.
func unitCommands() []*Command {
	return []*Command{
		{
			Name: "begin", Summary: "begin a unit: changes that are made as a whole or not at all",
			Text: "From here to commit all changes are kept in memory. They go through the log of the volume\n" +
				"together. When the session or the script ends before commit, because a line fails or for any\n" +
				"other reason, the image stays as it was.",
			Examples: []Example{{"begin", ""}},
			setup:    noFlags(begin),
		},
		{
			Name: "commit", Summary: "make the changes since begin",
			Text:     "They are on stable storage when it returns.",
			Examples: []Example{{"commit", ""}},
			setup:    noFlags(commit),
		},
		{
			Name: "abort", Summary: "forget the changes since begin",
			Text:     "The image is then, byte by byte, what it was at begin.",
			Examples: []Example{{"abort", ""}},
			setup:    noFlags(abort),
		},
		{
			Name: "changes", Summary: "print what commit would change on the disk",
			Text:     "With --dry-run, what the session would have changed so far.",
			Examples: []Example{{"changes", "the fields of all structures that differ"}},
			setup:    noFlags(printChanges),
		},
	}
}

// ErrOpenUnit says that a session ended within a unit, so that its changes were not made.
var ErrOpenUnit = errors.New("the session ended before commit; nothing since begin was changed")

func begin(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	switch {
	case s.unit != nil:
		return usagef("a unit has begun already")
	case s.Writer == nil:
		return s.readOnly()
	}
	u, err := s.Writer.Begin()
	if err != nil {
		return err
	}
	s.unit, s.outside = u, s.Writer
	s.Writer, s.Vol = u.Writer, u.Volume
	return nil
}

// inUnit is the error for commands that need a unit.
func (s *Session) inUnit(args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	if s.unit == nil {
		return usagef("no unit has begun")
	}
	return nil
}

// leave ends the unit.
func (s *Session) leave() {
	s.Writer, s.Vol = s.outside, s.outside.Volume
	s.unit, s.outside = nil, nil
}

func commit(_ context.Context, s *Session, args []string) error {
	if err := s.inUnit(args); err != nil {
		return err
	}
	err := s.unit.Commit()
	s.leave()
	return err
}

func abort(_ context.Context, s *Session, args []string) error {
	if err := s.inUnit(args); err != nil {
		return err
	}
	s.leave()
	return nil
}

// End ends what the session has open, at its end.
func (s *Session) End() error {
	if s.unit == nil {
		return nil
	}
	s.leave()
	return ErrOpenUnit
}

// ChangeDoc is a structure, or some file data, that is to be changed.
type ChangeDoc struct {
	Type      string           `json:"type"`      // "change"
	Structure string           `json:"structure"` // such as "AGF"; "data" for file data
	Was       string           `json:"was,omitempty"`
	AG        uint32           `json:"ag"`
	Daddr     uint64           `json:"daddr"`
	Ino       uint64           `json:"ino,omitempty"`
	Bytes     int              `json:"bytes"`
	Fields    []FieldChangeDoc `json:"fields,omitempty"`
}

// FieldChangeDoc is a field in it. Old or new is left out of a field that only one version has.
type FieldChangeDoc struct {
	Name string  `json:"name"`
	Old  *string `json:"old,omitempty"`
	New  *string `json:"new,omitempty"`
}

func printChanges(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	u := s.unit
	if u == nil {
		u = s.Dry
	}
	if u == nil {
		return usagef("no unit has begun")
	}
	list, err := u.Changes()
	if err != nil {
		return err
	}
	for i := 0; i < len(list); i++ {
		c := &list[i]
		doc := s.changeDoc(c)
		for c.Type == nil && i+1 < len(list) && list[i+1].Type == nil && list[i+1].Off == c.Off+int64(len(c.New)) {
			i++
			c = &list[i]
			doc.Bytes += len(c.New)
		}
		if err := s.emit(doc, func(w io.Writer) { writeChange(w, &doc) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) changeDoc(c *volume.Change) ChangeDoc {
	doc := ChangeDoc{Type: "change", Structure: "data", AG: uint32(c.At.AG), Daddr: uint64(c.At.Daddr), Bytes: len(c.New)}
	if c.Was != nil && c.Was != c.Type {
		doc.Was = c.Was.Name
	}
	if c.Type == nil {
		return doc
	}
	doc.Structure = c.Type.Name
	if c.Type == format.TypeInode {
		doc.Ino = uint64(format.DiIno.Get(c.New))
	}
	if c.Was == c.Type {
		doc.Fields = fieldChanges(s.Vol.Geo, c)
	}
	return doc
}

// fieldChanges compares two versions of a structure field by field. Checksums, which change with
// everything else, are left out.
func fieldChanges(g *format.Geometry, c *volume.Change) []FieldChangeDoc {
	old, _ := c.Type.Table.Decode(g, c.Old) // both are sound
	new, _ := c.Type.Table.Decode(g, c.New)
	was := make(map[string]format.Value, len(old))
	for _, v := range old {
		was[v.Name] = v
	}
	var out []FieldChangeDoc
	text := func(v format.Value) *string {
		s := v.String()
		return &s
	}
	for _, v := range new {
		o, ok := was[v.Name]
		delete(was, v.Name)
		switch {
		case v.Kind == format.CRC:
		case !ok:
			out = append(out, FieldChangeDoc{Name: v.Name, New: text(v)})
		case o.String() != v.String():
			out = append(out, FieldChangeDoc{Name: v.Name, Old: text(o), New: text(v)})
		}
	}
	for _, v := range old {
		if _, ok := was[v.Name]; ok && v.Kind != format.CRC {
			out = append(out, FieldChangeDoc{Name: v.Name, Old: text(v)})
		}
	}
	return out
}

func writeChange(w io.Writer, c *ChangeDoc) {
	what := c.Structure
	if c.Ino != 0 {
		what = fmt.Sprintf("inode %d", c.Ino)
	}
	fmt.Fprintf(w, "%s at AG %d, daddr %d:", what, c.AG, c.Daddr)
	switch {
	case c.Structure == "data":
		fmt.Fprintf(w, " %d bytes", c.Bytes)
	case c.Was != "":
		fmt.Fprintf(w, " new, was %s", c.Was)
	case len(c.Fields) == 0:
		fmt.Fprint(w, " new")
	}
	fmt.Fprintln(w)
	for _, f := range c.Fields {
		switch {
		case f.Old == nil:
			fmt.Fprintf(w, "  %s = %s (new)\n", f.Name, *f.New)
		case f.New == nil:
			fmt.Fprintf(w, "  %s = %s (gone)\n", f.Name, *f.Old)
		default:
			fmt.Fprintf(w, "  %s = %s -> %s\n", f.Name, *f.Old, *f.New)
		}
	}
}
