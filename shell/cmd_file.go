package shell

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/volume"
)

// fileCommands are about files and directories by path.
func fileCommands() []*Command {
	return []*Command{
		{
			Name: "ls", Args: "[-l] [-i] [-d] [-U] [/PATH]...", Summary: "list directories",
			Text: "Without a path, the root. Of anything but a directory the name itself is listed. Times are\nin UTC.",
			Examples: []Example{
				{"ls /etc", "the names in a directory, sorted"},
				{"ls -l /etc", "with mode, links, owner, group, size and time"},
				{"ls -ld /etc", "the directory itself"},
			},
			setup: setupLs,
		},
		{
			Name: "stat", Args: "[-L] [NUMBER|/PATH]...", Summary: "print what an inode says of a file",
			Text: "Without a path or number, of the current inode.",
			Examples: []Example{
				{"stat /etc/hostname", ""},
				{"stat -L /lib", "of what a link leads to"},
			},
			setup: setupStat,
		},
		{
			Name: "cat", Args: "[--fork data|cow] /PATH...", Summary: "write the contents of files to the output",
			Text: "Holes and unwritten ranges are zeroes. With --json, too, the bytes come as they are.",
			Examples: []Example{
				{"cat /etc/hostname", ""},
				{"cat --fork cow /disk.img", "as it will be with the writes that are staged"},
			},
			setup: setupCat,
		},
		{
			Name: "get", Args: "/PATH HOST", Summary: "copy a file to the host",
			Text: "HOST is a file, which is replaced, or a directory. Holes stay holes. The copy gets the\npermissions of the file, but neither its owner nor its attributes.",
			Examples: []Example{
				{"get /etc/fstab fstab.txt", ""},
				{"get /var/lib/disk.qcow2 .", "into a directory, under its own name"},
			},
			setup: noFlags(getFile),
		},
	}
}

// EntryDoc is a name in a directory.
type EntryDoc struct {
	Type     string   `json:"type"` // "entry"
	Name     string   `json:"name"` // as format.JSONText writes it
	Ino      uint64   `json:"ino"`
	FileType string   `json:"file_type"`
	Stat     *StatDoc `json:"stat,omitempty"` // with -l
}

type lister struct {
	long, number, self, unsorted bool
}

func setupLs(f *flag.FlagSet) runFunc {
	var l lister
	f.BoolVar(&l.long, "l", false, "one line for each name, with what its inode says")
	f.BoolVar(&l.number, "i", false, "with inode numbers")
	f.BoolVar(&l.self, "d", false, "directories themselves, not what is in them")
	f.BoolVar(&l.unsorted, "U", false, "in the order in which the directory has them")
	return func(ctx context.Context, s *Session, args []string) error {
		if len(args) == 0 {
			args = []string{"/"}
		}
		for i, arg := range args {
			path, err := imagePath(arg)
			if err != nil {
				return err
			}
			if len(args) > 1 && !l.self {
				if i > 0 {
					s.title("")
				}
				s.title("%s:", s.quote(path))
			}
			if err := l.list(ctx, s, path); err != nil {
				return err
			}
		}
		return nil
	}
}

func (l *lister) list(ctx context.Context, s *Session, path string) error {
	i, err := s.Vol.LookupLink(path)
	if err != nil {
		return err
	}
	if i.IsLink() && !l.long && !l.self {
		if i, err = s.Vol.Lookup(path); err != nil {
			return err
		}
	}
	if !i.IsDir() || l.self {
		return l.entry(s, dir.Entry{Name: path, Ino: i.Ino, Type: format.FTypeOf(i.Mode())}, i)
	}
	d, err := dir.Open(i)
	if err != nil {
		return err
	}
	if l.unsorted {
		return l.entries(ctx, s, path, d)
	}
	var all []dir.Entry
	for e, err := range d.Entries() {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b dir.Entry) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range all {
		if err := l.named(ctx, s, path, e); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) entries(ctx context.Context, s *Session, path string, d *dir.Dir) error {
	for e, err := range d.Entries() {
		if err == nil {
			err = l.named(ctx, s, path, e)
		} else {
			err = fmt.Errorf("%s: %w", path, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// named lists a name of the directory at path.
func (l *lister) named(ctx context.Context, s *Session, path string, e dir.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !l.long {
		return l.entry(s, e, nil)
	}
	i, err := s.Vol.Inode(e.Ino)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.TrimSuffix(path, "/")+"/"+e.Name, err)
	}
	return l.entry(s, e, i)
}

// entry gives one name; i is needed with -l only.
func (l *lister) entry(s *Session, e dir.Entry, i *inode.Inode) error {
	doc := EntryDoc{Type: "entry", Name: format.JSONText(e.Name), Ino: uint64(e.Ino), FileType: e.Type.String()}
	if l.long {
		st, err := s.stat(i)
		if err != nil {
			return err
		}
		doc.Stat = st
	}
	return s.emit(doc, func(w io.Writer) {
		if l.number {
			fmt.Fprintf(w, "%10d ", e.Ino)
		}
		if l.long {
			writeLong(w, i)
		}
		fmt.Fprint(w, s.quote(e.Name))
		if l.long && i.IsLink() {
			fmt.Fprint(w, " -> "+s.quote(doc.Stat.target))
		}
		fmt.Fprintln(w)
	})
}

// writeLong writes what comes before the name with ls -l.
func writeLong(w io.Writer, i *inode.Inode) {
	size := fmt.Sprint(i.Size())
	if t := i.Type(); t == format.ModeChar || t == format.ModeBlk {
		major, minor := i.Device()
		size = fmt.Sprintf("%d,%d", major, minor)
	}
	fmt.Fprintf(w, "%s %4d %6d %6d %12s %s ", modeString(i), i.NLink(), i.UID(), i.GID(), size, i.MTime().Format(time.DateTime))
}

// modeString is the mode as ls -l shows it.
func modeString(i *inode.Inode) string {
	m := i.Mode()
	b := []byte("?rwxrwxrwx")
	b[0] = map[uint16]byte{
		format.ModeReg: '-', format.ModeDir: 'd', format.ModeLink: 'l', format.ModeChar: 'c',
		format.ModeBlk: 'b', format.ModeFIFO: 'p', format.ModeSock: 's',
	}[i.Type()]
	for bit := range 9 {
		if m>>bit&1 == 0 {
			b[9-bit] = '-'
		}
	}
	for n, special := range []string{"tT", "sS", "sS"} { // sticky, setgid, setuid
		if at := 9 - 3*n; m>>(9+n)&1 != 0 {
			if b[at] == '-' {
				b[at] = special[1]
			} else {
				b[at] = special[0]
			}
		}
	}
	return string(b)
}

func setupCat(fs *flag.FlagSet) runFunc {
	fork := fs.String("fork", "data", "data: the file as it is; cow: with what is staged")
	return func(ctx context.Context, s *Session, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("a path is missing")
		case *fork == "data":
			return printContents(ctx, s, args)
		case *fork == "cow":
			return printStaged(ctx, s, args)
		}
		return usagef("fork %q: neither data nor cow", *fork)
	}
}

// printStaged writes files as they will be with what is staged.
func printStaged(ctx context.Context, s *Session, args []string) error {
	for _, arg := range args {
		f, err := s.openFile(arg)
		if err != nil {
			return err
		}
		r, err := s.Vol.StagedReader(f.Inode())
		if err == nil {
			_, err = io.Copy(contextWriter{ctx, s.buf}, r)
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func printContents(ctx context.Context, s *Session, args []string) error {
	for _, arg := range args {
		f, err := s.openFile(arg)
		if err != nil {
			return err
		}
		_, err = f.WriteTo(contextWriter{ctx, s.buf})
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) openFile(arg string) (*volume.File, error) {
	path, err := imagePath(arg)
	if err != nil {
		return nil, err
	}
	f, err := s.Vol.OpenFile(path)
	if err == nil && !f.Inode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file but a %v", path, format.FTypeOf(f.Inode().Mode()))
	}
	return f, err
}

// contextWriter ends writing when the context ends.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c contextWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}
