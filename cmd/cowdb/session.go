package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/metadump"
	"github.com/cowfs/cowfs/shell"
	"github.com/cowfs/cowfs/volume"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// checkArgs judges what the command line says.
func checkArgs(c *cli.Command) error {
	switch args := c.Args(); {
	case args.Len() == 0:
		return cmdline.Usagef("no image is named; write cowdb [options] IMAGE [command]")
	case args.Len() > 1 && len(args.Get(1)) > 1 && args.Get(1)[0] == '-':
		return cmdline.Usagef("%s: %s: options stand before the image", args.First(), args.Get(1))
	case args.Len() > 1 && (c.IsSet("c") || c.IsSet("f")):
		return cmdline.Usagef("a command behind the image does not go together with -c or -f")
	case c.IsSet("c") && c.IsSet("f"):
		return cmdline.Usagef("-c and -f do not go together")
	case c.Bool("dry-run") && c.Bool("raw"):
		return cmdline.Usagef("--dry-run and --raw do not go together")
	}
	return nil
}

// runImage opens the image that the command line names and runs what it asks for.
func runImage(ctx context.Context, c *cli.Command, h host) error {
	args := c.Args().Slice()
	if len(args) > 0 && args[0] == "help" {
		return shell.Help(h.stdout, args[1:])
	}
	if len(args) > 1 && (args[1] == "--help" || args[1] == "-h") {
		_, err := io.WriteString(h.stdout, helpText())
		return err
	}
	if err := checkArgs(c); err != nil {
		return err
	}
	s := &shell.Session{Image: args[0], Out: h.stdout, JSON: c.Bool("json"), Quote: h.quote}
	for _, v := range c.StringSlice("let") {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return cmdline.Usagef("--let %q: write NAME=VALUE", v)
		}
		if err := s.Let(name, value); err != nil {
			return cmdline.Usagef("--let %w", err)
		}
	}
	close, err := openImage(ctx, c, s)
	if err != nil {
		return err
	}
	if c.IsSet("complete") {
		printWords(h.stdout, s, c.String("complete"))
		return close()
	}
	for _, w := range s.Vol.Warnings() {
		fmt.Fprintf(h.stderr, "cowdb: %s: warning: %s\n", args[0], w)
	}
	if c.Bool("time") {
		s.Timing = &shell.Timing{}
	}
	err = runCommands(ctx, c, s, args[1:], h)
	if s.Timing != nil {
		s.Timing.Write(h.stderr)
	}
	if errors.Is(err, shell.ErrQuit) {
		err = nil
	}
	if err == nil && s.Dry != nil {
		err = s.Run(ctx, []string{"changes"})
	}
	err = errors.Join(err, s.End(), close())
	var script *shell.ScriptError
	if err != nil && !errors.As(err, &script) {
		err = fmt.Errorf("%s: %w", args[0], err)
	}
	return err
}

// openImage opens the session's image, for writing with -w, and returns what closes it.
func openImage(ctx context.Context, c *cli.Command, s *shell.Session) (close func() error, err error) {
	var offset int64
	if c.IsSet("offset") {
		if offset, err = shell.ParseSize(c.String("offset")); err != nil {
			return nil, fmt.Errorf("--offset: %w", err)
		}
	}
	mode := device.ReadOnly
	if c.Bool("w") && !c.Bool("dry-run") {
		mode = device.ReadWrite
	}
	file, err := device.Open(s.Image, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if _, isCommand := shell.Find(s.Image); isCommand == nil {
			err = fmt.Errorf("%w; the image stands before the command", err)
		}
	}
	if err != nil {
		return nil, err
	}
	var dev device.Device = file
	if offset > 0 {
		if dev, err = device.NewWindow(file, offset, -1); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: --offset: %w", s.Image, err), file.Close())
		}
	}
	if metadump.Is(dev) {
		if dev, err = loadDump(ctx, c, s.Image, dev); err != nil {
			return nil, err
		}
	}
	close, err = openVolume(c, s, dev)
	var corrupt *format.CorruptError
	switch {
	case errors.Is(err, volume.ErrReplay):
		err = fmt.Errorf("%w; --raw shows the image without", err)
	case errors.As(err, &corrupt) && corrupt.Structure == "superblock" && c.Uint("sb") == 0:
		err = fmt.Errorf("%w; --sb 1 uses the copy of group 1, if there is one", err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Image, err), dev.Close())
	}
	return close, nil
}

// loadDump makes an image in memory of a metadump that was opened in place of an image.
func loadDump(ctx context.Context, c *cli.Command, name string, dev device.Device) (device.Device, error) {
	if c.Bool("w") {
		return nil, errors.Join(fmt.Errorf("%s: a metadump is only read; mdrestore makes an image of it", name), dev.Close())
	}
	mem, _, err := metadump.Load(ctx, dev)
	if cerr := dev.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return mem, nil
}

// openVolume opens the volume on a device in the way that the flags say.
func openVolume(c *cli.Command, s *shell.Session, dev device.Device) (close func() error, err error) {
	o := volume.Options{Superblock: format.AGNumber(c.Uint("sb")), Replay: !c.Bool("raw")}
	switch {
	case c.Bool("dry-run"):
		if s.Dry, err = volume.DryRun(dev, o); err != nil {
			return nil, err
		}
		s.Writer, s.Vol = s.Dry.Writer, s.Dry.Volume
		return s.Dry.Close, nil
	case c.Bool("w") && !c.Bool("raw"):
		if s.Writer, err = volume.OpenWriter(dev, o); err != nil {
			return nil, err
		}
		s.Vol = s.Writer.Volume
		return s.Writer.Close, nil
	}
	if s.Vol, err = volume.Open(dev, o); err != nil {
		return nil, err
	}
	if c.Bool("w") {
		s.Raw = dev
	}
	return s.Vol.Close, nil
}

// runCommands runs the commands of the one source that there is.
func runCommands(ctx context.Context, c *cli.Command, s *shell.Session, words []string, h host) error {
	if len(words) == 0 && !c.IsSet("c") && !c.IsSet("f") && h.interactive {
		return converse(ctx, s, h)
	}
	ctx, stop := h.interruptible(ctx)
	defer stop()
	switch {
	case len(words) > 0:
		return s.Run(ctx, words)
	case c.IsSet("c"):
		return s.Script(ctx, "", strings.NewReader(strings.Join(c.StringSlice("c"), "\n")))
	case c.IsSet("f") && c.String("f") != "-":
		return s.File(ctx, c.String("f"))
	}
	return s.Stream(ctx, "stdin", h.stdin)
}

func printWords(w io.Writer, s *shell.Session, line string) {
	_, words := s.Complete(line)
	for _, word := range words {
		fmt.Fprintln(w, word)
	}
}
