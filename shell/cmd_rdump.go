package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/volume"
)

// rdumpCommands copy trees out of the image.
func rdumpCommands() []*Command {
	return []*Command{{
		Name: "rdump", Args: "[-o] [-s] /PATH... HOST", Summary: "copy files and directories with all that is in them to the host",
		Text: "HOST is a directory, which is made if need be; nothing in it is written over. Permissions,\ntimes and holes are kept, names of one file stay names of one file. Devices, FIFOs and sockets\nare left out, and told. What is damaged or in the way is told, and the rest copied, unless -s is\ngiven; it is a failure at the end.",
		Examples: []Example{
			{"rdump /etc /home saved", "two trees into one directory"},
			{"rdump -o / copy", "everything, with owners"},
		},
		setup: setupRdump,
	}}
}

// RdumpDoc counts what was copied.
type RdumpDoc struct {
	Type   string   `json:"type"` // "rdump"
	Files  int      `json:"files"`
	Dirs   int      `json:"dirs"`
	Links  int      `json:"links"` // symbolic ones
	Bytes  int64    `json:"bytes"`
	Missed []string `json:"missed"` // what was left out, and why
}

// dumper copies a tree. Everything it writes is made by it: a directory is entered only when
// Mkdir has made it, so no link in an image can lead out of the destination.
type dumper struct {
	*Session
	ctx    context.Context
	owners bool
	strict bool
	failed int                   // what was left out although it could be copied
	done   map[format.Ino]string // where files with several names went
	busy   map[format.Ino]bool   // directories that are being copied
	doc    RdumpDoc
}

func setupRdump(f *flag.FlagSet) runFunc {
	owners := f.Bool("o", false, "set owners, too")
	strict := f.Bool("s", false, "stop at the first error")
	return func(ctx context.Context, s *Session, args []string) error {
		if len(args) < 2 {
			return usagef("a path and a directory of the host")
		}
		d := &dumper{Session: s, ctx: ctx, owners: *owners, strict: *strict, done: map[format.Ino]string{}, busy: map[format.Ino]bool{}}
		d.doc.Type, d.doc.Missed = "rdump", []string{}
		to := args[len(args)-1]
		if err := os.Mkdir(to, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		for _, arg := range args[:len(args)-1] {
			from, err := imagePath(arg)
			if err != nil {
				return err
			}
			i, err := s.Vol.LookupLink(from)
			if err != nil {
				return err
			}
			if path.Clean(from) == "/" {
				err = d.contents(i, "", to)
			} else {
				err = d.node(i, path.Clean(from), filepath.Join(to, path.Base(path.Clean(from))))
			}
			if err != nil {
				return err
			}
		}
		err := s.emit(d.doc, func(w io.Writer) {
			for _, m := range d.doc.Missed {
				fmt.Fprintf(w, "left out: %s\n", m)
			}
			fmt.Fprintf(w, "%d files, %d directories, %d links, %d bytes\n", d.doc.Files, d.doc.Dirs, d.doc.Links, d.doc.Bytes)
		})
		if err == nil && d.failed > 0 {
			err = fmt.Errorf("rdump: %d files or directories could not be copied", d.failed)
		}
		return err
	}
}

// miss notes what could not be copied. The error is returned when it ends everything.
func (d *dumper) miss(from string, err error) error {
	if cerr := d.ctx.Err(); cerr != nil {
		return cerr
	}
	if d.strict {
		return fmt.Errorf("%s: %w", from, err)
	}
	if !errors.As(err, new(specialError)) {
		d.failed++
	}
	d.doc.Missed = append(d.doc.Missed, d.quote(from)+": "+err.Error())
	return nil
}

// specialError says that something is left out for what it is: a device, a FIFO, a socket.
type specialError struct{ kind format.FType }

func (e specialError) Error() string { return fmt.Sprintf("a %v", e.kind) }

func (d *dumper) node(i *inode.Inode, from, to string) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	var err error
	switch {
	case i.IsDir():
		return d.directory(i, from, to)
	case i.IsLink():
		err = d.link(i, to)
	case i.IsRegular():
		err = d.file(i, from, to)
	default:
		err = specialError{format.FTypeOf(i.Mode())}
	}
	if err != nil {
		return d.miss(from, err)
	}
	return nil
}

func (d *dumper) directory(i *inode.Inode, from, to string) error {
	if d.busy[i.Ino] {
		return d.miss(from, errors.New("a directory within itself"))
	}
	d.busy[i.Ino] = true
	defer delete(d.busy, i.Ino)
	if err := os.Mkdir(to, 0o700); err != nil {
		return d.miss(from, err)
	}
	d.doc.Dirs++
	if err := d.contents(i, from, to); err != nil {
		return err
	}
	if err := d.attributes(i, to); err != nil {
		return d.miss(from, err)
	}
	return nil
}

func (d *dumper) contents(i *inode.Inode, from, to string) error {
	entries, err := d.entriesOf(i.Ino)
	if err != nil {
		if err := d.miss(from+"/", err); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if e.Name == "." || e.Name == ".." || strings.ContainsAny(e.Name, "/\x00") || filepath.Base(e.Name) != e.Name {
			if err := d.miss(from+"/"+e.Name, errors.New("not a name for a file of the host")); err != nil {
				return err
			}
			continue
		}
		child, err := d.Vol.Inode(e.Ino)
		if err != nil {
			err = d.miss(from+"/"+e.Name, err)
		} else {
			err = d.node(child, from+"/"+e.Name, filepath.Join(to, e.Name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *dumper) link(i *inode.Inode, to string) error {
	target, err := i.Target()
	if err != nil {
		return err
	}
	if err := os.Symlink(target, to); err != nil {
		return err
	}
	d.doc.Links++
	if d.owners {
		return os.Lchown(to, int(i.UID()), int(i.GID()))
	}
	return nil
}

func (d *dumper) file(i *inode.Inode, from, to string) error {
	if first, ok := d.done[i.Ino]; ok {
		return os.Link(first, to)
	}
	f, err := d.Vol.FileOf(from, i)
	if err != nil {
		return err
	}
	defer f.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = f.CopyTo(d.ctx, out)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.attributes(i, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	if i.NLink() > 1 {
		d.done[i.Ino] = to
	}
	d.doc.Files++
	d.doc.Bytes += i.Size()
	return nil
}

// attributes sets owner, permissions and times. Without owners, programs that would run as their
// owner are not made.
func (d *dumper) attributes(i *inode.Inode, to string) error {
	mode := volume.FileMode(i) &^ (os.ModeType | os.ModeSetuid | os.ModeSetgid)
	if d.owners {
		if err := os.Lchown(to, int(i.UID()), int(i.GID())); err != nil {
			return err
		}
		mode = volume.FileMode(i) &^ os.ModeType
	}
	if err := os.Chmod(to, mode); err != nil {
		return err
	}
	return os.Chtimes(to, notBefore(i.ATime()), notBefore(i.MTime()))
}

// notBefore keeps Chtimes from taking a zero time for "leave it".
func notBefore(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return t
}
