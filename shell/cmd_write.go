package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
)

// ErrReadOnly says that a command would change an image that was opened for reading.
var ErrReadOnly = errors.New("the image is open for reading; give -w to change it")

// readOnly is why a session without a Writer makes no changes of files.
func (s *Session) readOnly() error {
	if s.Raw != nil {
		return errors.New("with --raw only structures can be changed")
	}
	return ErrReadOnly
}

// writeCommands change names, files and attributes. Each is one transaction, or a few for a
// large file.
func writeCommands() []*Command {
	return []*Command{
		{
			Name: "put", Args: "HOST /PATH", Summary: "copy a file of the host into the image",
			Text:     "HOST may be - for standard input. A file that is there is replaced; into a directory the file\ngoes under its own name.",
			Examples: []Example{{"put ./hosts /etc/hosts", "replace a file"}, {"put ./hosts /etc", "the same"}},
			setup:    writing(2, put, 1),
		},
		{
			Name: "mkdir", Args: "[-p] /DIR", Summary: "make a directory",
			Examples: []Example{{"mkdir -p /var/log/app", "make a directory and what is missing above it"}},
			setup: func(f *flag.FlagSet) runFunc {
				parents := f.Bool("p", false, "make missing parents; it may be there already")
				return withWriter(1, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
					if *parents {
						return mkdirAll(w, args[0])
					}
					return w.Mkdir(args[0], volume.Attr{Mode: 0o755})
				}, 0)
			},
		},
		{
			Name: "rm", Args: "[-r] /PATH", Summary: "remove a file or an empty directory",
			Examples: []Example{{"rm -r /tmp/build", "remove a directory with all that is in it"}},
			setup: func(f *flag.FlagSet) runFunc {
				all := f.Bool("r", false, "remove a directory with all that is in it")
				return withWriter(1, func(ctx context.Context, s *Session, w *volume.Writer, args []string) error {
					if i, err := w.LookupLink(args[0]); err == nil && i.Ino == w.Geo.RootIno {
						return w.Remove(args[0]) // which is refused, before anything in it is gone
					}
					if *all {
						return removeAll(ctx, w, args[0])
					}
					return w.Remove(args[0])
				}, 0)
			},
		},
		{
			Name: "mv", Args: "/FROM /TO", Summary: "rename or move, over what is there",
			Examples: []Example{{"mv /etc/hosts.new /etc/hosts", "replace a file by another"}},
			setup: writing(2, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
				return w.Rename(args[0], args[1])
			}, 0, 1),
		},
		{
			Name: "ln", Args: "[-s] TARGET /NAME", Summary: "give a file another name, or make a symbolic link",
			Examples: []Example{{"ln -s ../run /var/run", "make a symbolic link"}},
			setup: func(f *flag.FlagSet) runFunc {
				symbolic := f.Bool("s", false, "make a symbolic link")
				return withWriter(2, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
					if *symbolic {
						return w.Symlink(args[0], args[1], volume.Attr{})
					}
					if _, err := imagePath(args[0]); err != nil {
						return err
					}
					return w.Link(args[0], args[1])
				}, 1)
			},
		},
		{
			Name: "mknod", Args: "/PATH c|b|p|s [MAJOR MINOR]", Summary: "make a device, a FIFO or a socket",
			Examples: []Example{{"mknod /dev/null c 1 3", "make a character device"}},
			setup:    func(*flag.FlagSet) runFunc { return mknod },
		},
		{
			Name: "chmod", Args: "MODE /PATH", Summary: "set permissions, in octal",
			Examples: []Example{{"chmod 4755 /bin/su", "make a program run as its owner"}},
			setup: writing(2, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
				mode, err := strconv.ParseUint(args[0], 8, 12)
				if err != nil {
					return usagef("mode %q: not an octal number up to 7777", args[0])
				}
				return w.Chmod(args[1], uint16(mode))
			}, 1),
		},
		{
			Name: "chown", Args: "UID:GID /PATH", Summary: "set the owner",
			Examples: []Example{{"chown 33:33 /srv/www", "give a directory to another user"}},
			setup: writing(2, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
				user, group, ok := strings.Cut(args[0], ":")
				if !ok {
					return usagef("owner %q: not of the form UID:GID", args[0])
				}
				uid, err := number("UID", user, 32)
				if err != nil {
					return err
				}
				gid, err := number("GID", group, 32)
				if err != nil {
					return err
				}
				return w.Chown(args[1], uint32(uid), uint32(gid))
			}, 1),
		},
		{
			Name: "truncate", Args: "/PATH SIZE", Summary: "make a file shorter or longer",
			Examples: []Example{{"truncate /var/log/messages 0", "empty a file"}},
			setup: writing(2, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
				size, err := ParseSize(args[1])
				if err != nil {
					return err
				}
				return w.Truncate(args[0], size)
			}, 0),
		},
		rangeCommand("fallocate", "give a range of a file blocks that read as zeroes", Example{"fallocate /swap 0 1g", "reserve room for a file"}, true,
			func(w *volume.Writer, path string, off, n int64, keep bool) error {
				return w.Fallocate(path, off, n, keep)
			}),
		rangeCommand("zero", "make a range of a file read as zeroes", Example{"zero -k /disk.img 1m 64k", "wipe a part of a file"}, true,
			func(w *volume.Writer, path string, off, n int64, keep bool) error {
				return w.ZeroRange(path, off, n, keep)
			}),
		rangeCommand("punch", "make a range of a file a hole", Example{"punch /disk.img 1m 64k", "give the blocks of a part back"}, false,
			func(w *volume.Writer, path string, off, n int64, _ bool) error { return w.Punch(path, off, n) }),
		{
			Name: "setfattr", Args: "[-x] /PATH NAME [VALUE]", Summary: "set an extended attribute, or remove it",
			Text:     "NAME is as on Linux, e.g. user.comment.",
			Examples: []Example{{"setfattr /f user.comment hello", "set an attribute"}, {"setfattr -x /f user.comment", "remove it"}},
			setup:    setXattr,
		},
		{
			Name: "sync", Summary: "write everything back, and wait until all changes are on stable storage",
			Examples: []Example{{"sync", "make sure of all changes so far"}},
			setup:    writing(0, func(_ context.Context, _ *Session, w *volume.Writer, _ []string) error { return w.Sync() }),
		},
		writeCommand(), writebackCommand(), cowCommand(),
	}
}

// writeFunc is a command that changes the image.
type writeFunc func(ctx context.Context, s *Session, w *volume.Writer, args []string) error

// withWriter makes a command with n arguments of it, of which some are paths in the image.
func withWriter(n int, f writeFunc, paths ...int) runFunc {
	return func(ctx context.Context, s *Session, args []string) error {
		if err := exactly(args, n); err != nil {
			return err
		}
		for _, i := range paths {
			if _, err := imagePath(args[i]); err != nil {
				return err
			}
		}
		if s.Writer == nil {
			return s.readOnly()
		}
		return f(ctx, s, s.Writer, args)
	}
}

// writing is the setup of a command without flags that changes the image.
func writing(n int, f writeFunc, paths ...int) func(*flag.FlagSet) runFunc {
	return noFlags(withWriter(n, f, paths...))
}

// rangeCommand makes a command that changes a range of a file.
func rangeCommand(name, summary string, example Example, keeps bool, f func(w *volume.Writer, path string, off, n int64, keep bool) error) *Command {
	c := &Command{Name: name, Args: "/PATH OFFSET LENGTH", Summary: summary, Examples: []Example{example}}
	c.setup = func(fl *flag.FlagSet) runFunc {
		keep := new(bool)
		if keeps {
			keep = fl.Bool("k", false, "keep the size of the file")
		}
		return withWriter(3, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
			off, err := ParseSize(args[1])
			if err != nil {
				return err
			}
			n, err := ParseSize(args[2])
			if err != nil {
				return err
			}
			return f(w, args[0], off, n, *keep)
		}, 0)
	}
	if keeps {
		c.Args = "[-k] " + c.Args
	}
	return c
}

// put copies a file of the host into the image. It gets a name when it is whole.
func put(_ context.Context, s *Session, w *volume.Writer, args []string) error {
	in, mode := io.Reader(os.Stdin), uint16(0o644)
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return fmt.Errorf("%s: is a directory", args[0])
		}
		in, mode = f, uint16(info.Mode().Perm())
	}
	to, err := putTo(w, args[0], args[1])
	if err != nil {
		return err
	}
	temp := fmt.Sprintf("%s.%d.part", to, os.Getpid())
	if len(temp)-strings.LastIndexByte(temp, '/')-1 > format.MaxNameLen {
		temp = fmt.Sprintf("%s/.%d.part", temp[:strings.LastIndexByte(temp, '/')], os.Getpid())
	}
	if err := w.Create(temp, volume.Attr{Mode: mode}); err != nil {
		return err
	}
	_, err = w.ReadFrom(temp, in, 0)
	if err == nil {
		err = w.Rename(temp, to)
	}
	if err != nil {
		return errors.Join(err, w.Remove(temp))
	}
	return nil
}

// putTo is the path that a file of the host goes to.
func putTo(w *volume.Writer, host, to string) (string, error) {
	i, err := w.Lookup(to)
	switch {
	case err != nil || !i.IsDir():
		return to, nil // if it cannot be made, that will be told
	case host == "-":
		return "", fmt.Errorf("put: %s: is a directory", to)
	}
	return strings.TrimRight(to, "/") + "/" + filepath.Base(host), nil
}

// mkdirAll makes a directory and those above it that are missing.
func mkdirAll(w *volume.Writer, path string) error {
	at := ""
	for _, part := range strings.Split(strings.Trim(path, "/"), "/") {
		at += "/" + part
		if i, err := w.Lookup(at); err == nil && i.IsDir() {
			continue
		}
		if err := w.Mkdir(at, volume.Attr{Mode: 0o755}); err != nil {
			return err
		}
	}
	return nil
}

// removeAll removes a path with all that is below it.
func removeAll(ctx context.Context, w *volume.Writer, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	i, err := w.LookupLink(path)
	if err != nil {
		return err
	}
	if i.IsDir() {
		d, err := w.Dir(path)
		if err != nil {
			return err
		}
		var names []string
		for e, err := range d.Entries() {
			if err != nil {
				return err
			}
			names = append(names, e.Name)
		}
		for _, name := range names {
			if err := removeAll(ctx, w, path+"/"+name); err != nil {
				return err
			}
		}
	}
	return w.Remove(path)
}

var nodeKinds = map[string]uint16{"c": format.ModeChar, "b": format.ModeBlk, "p": format.ModeFIFO, "s": format.ModeSock}

func mknod(ctx context.Context, s *Session, args []string) error {
	if len(args) != 2 && len(args) != 4 {
		return usagef("a path, a kind and for devices two numbers are needed")
	}
	kind, ok := nodeKinds[args[1]]
	if device := args[1] == "c" || args[1] == "b"; !ok || device != (len(args) == 4) {
		return usagef("kind %q: c and b go with two numbers, p and s with none", args[1])
	}
	a := volume.Attr{Mode: 0o644}
	for i, to := range []*uint32{&a.Major, &a.Minor} {
		if len(args) == 4 {
			n, err := number("device number", args[2+i], 32)
			if err != nil {
				return err
			}
			*to = uint32(n)
		}
	}
	return withWriter(1, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
		return w.Mknod(args[0], kind, a)
	}, 0)(ctx, s, args[:1])
}

func setXattr(f *flag.FlagSet) runFunc {
	remove := f.Bool("x", false, "remove the attribute")
	return func(ctx context.Context, s *Session, args []string) error {
		n := 3
		if *remove {
			n = 2
		}
		return withWriter(n, func(_ context.Context, _ *Session, w *volume.Writer, args []string) error {
			if *remove {
				return w.RemoveXattr(args[0], args[1])
			}
			return w.SetXattr(args[0], args[1], []byte(args[2]), false, false)
		}, 0)(ctx, s, args)
	}
}
