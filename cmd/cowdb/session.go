package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/shell"
	"github.com/cowfs/cowfs/volume"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func usagef(format string, args ...any) error {
	return &shell.UsageError{Message: fmt.Sprintf(format, args...)}
}

// runImage opens the image that the command line names and runs what it asks for.
func runImage(c *cli.Context, h host) error {
	args := c.Args().Slice()
	if len(args) == 0 {
		return usagef("no image given; see cowdb --help")
	}
	if args[0] == "help" {
		return shell.Help(h.stdout, args[1:])
	}
	if len(args) > 1 && (c.IsSet("c") || c.IsSet("f")) {
		return usagef("a command behind the image does not go together with -c or -f")
	}
	if c.IsSet("c") && c.IsSet("f") {
		return usagef("-c and -f do not go together")
	}
	s := &shell.Session{Image: args[0], Out: h.stdout, JSON: c.Bool("json"), Quote: h.quote}
	close, err := openImage(c, s)
	if err != nil {
		return err
	}
	for _, w := range s.Vol.Warnings() {
		fmt.Fprintf(h.stderr, "cowdb: %s: warning: %s\n", args[0], w)
	}
	if err := errors.Join(runCommands(c, s, args[1:], h), close()); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}

// openImage opens the session's image, for writing with -w, and returns what closes it.
func openImage(c *cli.Context, s *shell.Session) (close func() error, err error) {
	var offset int64
	if c.IsSet("offset") {
		if offset, err = shell.ParseSize(c.String("offset")); err != nil {
			return nil, err
		}
	}
	mode := device.ReadOnly
	if c.Bool("w") {
		mode = device.ReadWrite
	}
	file, err := device.Open(s.Image, mode)
	if err != nil {
		return nil, err
	}
	var dev device.Device = file
	if offset > 0 {
		if dev, err = device.NewWindow(file, offset, -1); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: --offset: %w", s.Image, err), file.Close())
		}
	}
	o := volume.Options{Superblock: format.AGNumber(c.Uint("sb")), Replay: !c.Bool("raw")}
	if c.Bool("w") && !c.Bool("raw") {
		if s.Writer, err = volume.OpenWriter(dev, o); err == nil {
			s.Vol = s.Writer.Volume
			return s.Writer.Close, nil
		}
	} else if s.Vol, err = volume.Open(dev, o); err == nil {
		if c.Bool("w") {
			s.Raw = dev
		}
		return s.Vol.Close, nil
	}
	if errors.Is(err, volume.ErrReplay) {
		err = fmt.Errorf("%w; --raw shows the image without", err)
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", s.Image, err), dev.Close())
}

// runCommands runs the commands of the one source that there is.
func runCommands(c *cli.Context, s *shell.Session, words []string, h host) error {
	switch {
	case len(words) > 0:
		return s.Run(c.Context, words)
	case c.IsSet("c"):
		return runLines(c.Context, s, c.StringSlice("c"))
	case c.IsSet("f"):
		script, err := os.Open(c.String("f"))
		if err != nil {
			return err
		}
		defer script.Close()
		return s.Script(c.Context, c.String("f"), script)
	case h.interactive:
		return converse(c.Context, s, h)
	}
	return s.Script(c.Context, "stdin", h.stdin)
}

func runLines(ctx context.Context, s *shell.Session, lines []string) error {
	for _, line := range lines {
		words, err := shell.Split(line)
		if err == nil {
			err = s.Run(ctx, words)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// converse runs commands as a person types them. Errors are told, and the next one is asked for.
func converse(ctx context.Context, s *shell.Session, h host) error {
	lines := bufio.NewScanner(h.stdin)
	for ctx.Err() == nil {
		io.WriteString(h.stderr, "cowdb> ")
		if !lines.Scan() {
			break
		}
		words, err := shell.Split(lines.Text())
		if err == nil && len(words) == 1 && (words[0] == "quit" || words[0] == "exit") {
			return nil
		}
		if err == nil {
			err = s.Run(ctx, words)
		}
		if err != nil {
			fmt.Fprintf(h.stderr, "%v\n", err)
		}
	}
	return errors.Join(ctx.Err(), lines.Err())
}
