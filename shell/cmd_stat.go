package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// StatDoc is what an inode says of a file.
type StatDoc struct {
	Type        string  `json:"type"` // "stat"
	Ino         uint64  `json:"ino"`
	Gen         uint32  `json:"generation"`
	Mode        string  `json:"mode"` // octal, with the file type
	FileType    string  `json:"file_type"`
	UID         uint32  `json:"uid"`
	GID         uint32  `json:"gid"`
	ProjID      uint32  `json:"project"`
	Links       uint32  `json:"links"`
	Size        int64   `json:"size"`
	Blocks      uint64  `json:"blocks"` // filesystem blocks
	ATime       string  `json:"atime"`
	MTime       string  `json:"mtime"`
	CTime       string  `json:"ctime"`
	CRTime      string  `json:"crtime"`
	Flags       string  `json:"flags"` // names of both words' bits, with commas
	DataFormat  string  `json:"data_format"`
	DataExtents uint64  `json:"data_extents"`
	AttrFormat  string  `json:"attr_format,omitempty"` // not there without attributes
	AttrExtents uint32  `json:"attr_extents,omitempty"`
	Device      string  `json:"device,omitempty"` // "major:minor"
	Target      *string `json:"target,omitempty"` // of a link, as format.JSONText writes it

	target string // the same, as it is
}

// stat fills in a StatDoc.
func (s *Session) stat(i *inode.Inode) (*StatDoc, error) {
	stamp := func(t time.Time) string { return t.Format(time.RFC3339Nano) }
	d := &StatDoc{
		Type: "stat", Ino: uint64(i.Ino), Gen: i.Gen(), Mode: fmt.Sprintf("0%o", i.Mode()), FileType: format.FTypeOf(i.Mode()).String(),
		UID: i.UID(), GID: i.GID(), ProjID: i.ProjID(), Links: i.NLink(), Size: i.Size(), Blocks: i.Blocks(),
		ATime: stamp(i.ATime()), MTime: stamp(i.MTime()), CTime: stamp(i.CTime()), CRTime: stamp(i.CRTime()),
		Flags: s.flagNames(i), DataFormat: format.DiFormat.Get(i.Raw).String(),
	}
	d.DataExtents, d.AttrExtents = format.NExtents(i.Raw)
	if _, attr := format.Forks(i.Raw); attr != nil {
		d.AttrFormat = format.DiAFormat.Get(i.Raw).String()
	}
	if t := i.Type(); t == format.ModeChar || t == format.ModeBlk {
		major, minor := i.Device()
		d.Device = fmt.Sprintf("%d:%d", major, minor)
	}
	if i.IsLink() {
		target, err := i.Target()
		if err != nil {
			return nil, err
		}
		d.target = target
		target = format.JSONText(target)
		d.Target = &target
	}
	return d, nil
}

// flagNames names the bits of both words of flags.
func (s *Session) flagNames(i *inode.Inode) string {
	var names []string
	for _, field := range []string{"core.flags", "v3.flags2"} {
		if v, err := format.Dinode.Get(s.Vol.Geo, i.Raw, field); err == nil && v.Note != "" {
			names = append(names, v.Note)
		}
	}
	return strings.Join(names, ", ")
}

func setupStat(f *flag.FlagSet) runFunc {
	follow := f.Bool("L", false, "follow a link")
	return func(_ context.Context, s *Session, args []string) error {
		args, err := s.orCurrent(args)
		if err != nil {
			return err
		}
		for n, arg := range args {
			i, err := s.inodeArg(arg)
			if err == nil && *follow && i.IsLink() && strings.HasPrefix(arg, "/") {
				i, err = s.Vol.Lookup(arg)
			}
			if err != nil {
				return err
			}
			doc, err := s.stat(i)
			if err != nil {
				return err
			}
			if n > 0 {
				s.title("")
			}
			if err := s.emit(doc, func(w io.Writer) { s.writeStat(w, doc, modeString(i)) }); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *Session) writeStat(w io.Writer, d *StatDoc, mode string) {
	line := func(name, form string, args ...any) {
		fmt.Fprintf(w, "%-8s"+form+"\n", append([]any{name}, args...)...)
	}
	line("inode", "%d, generation %d", d.Ino, d.Gen)
	line("mode", "%s (%s)", mode, d.Mode)
	line("owner", "%d:%d, project %d", d.UID, d.GID, d.ProjID)
	line("links", "%d", d.Links)
	line("size", "%d bytes, %d blocks of %d", d.Size, d.Blocks, s.Vol.Geo.BlockSize)
	if d.Device != "" {
		line("device", "%s", d.Device)
	}
	if d.Target != nil {
		line("target", "%s", s.quote(d.target))
	}
	line("atime", "%s", d.ATime)
	line("mtime", "%s", d.MTime)
	line("ctime", "%s", d.CTime)
	line("crtime", "%s", d.CRTime)
	line("flags", "%s", d.Flags)
	line("data", "%s, %d extents", d.DataFormat, d.DataExtents)
	if d.AttrFormat != "" {
		line("attr", "%s, %d extents", d.AttrFormat, d.AttrExtents)
	}
}
