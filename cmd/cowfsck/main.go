package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
)

// Exit codes, those of fsck(8).
const (
	exitClean       = 0
	exitMended      = 1 // something was wrong, and is not any more
	exitDamaged     = 4 // something is wrong
	exitFailure     = 8 // not all could be looked at
	exitUsage       = 16
	exitInterrupted = 32
)

// host is what the program has of its surroundings.
type host struct {
	stdout io.Writer
	stderr *os.File
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], host{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run does what args say and returns the exit code.
func run(ctx context.Context, args []string, h host) int {
	code := exitClean
	c := newCommand(h, &code)
	err := c.Run(ctx, append([]string{c.Name}, cmdline.Reorder(args, c.Flags)...))
	if err == nil {
		return code
	}
	code = exitOf(err)
	h.complain(message(err))
	if code == exitUsage {
		fmt.Fprintln(h.stderr, "cowfsck --help tells all options")
	}
	return code
}

// complain tells what is wrong in a line.
func (h host) complain(text string) { fmt.Fprintf(h.stderr, "cowfsck: %s\n", escaped(text)) }

// message is what is said of an error, to people and to programs.
func message(err error) string {
	if exitOf(err) == exitInterrupted {
		return "interrupted"
	}
	return escaped(err.Error())
}

// exitOf is the exit code that goes with an error.
func exitOf(err error) int {
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, cmdline.ErrUsage):
		return exitUsage
	}
	return exitFailure
}

// newCommand is the program; what it does without an error sets the exit code.
func newCommand(h host, code *int) *cli.Command {
	return cmdline.Root(&cli.Command{
		Name:      "cowfsck",
		Usage:     "check and repair an XFS image",
		Flags:     flags(),
		Writer:    h.stdout,
		ErrWriter: h.stderr,
		Action: func(ctx context.Context, c *cli.Command) (err error) {
			switch {
			case c.Bool("version"):
				_, err = fmt.Fprintf(h.stdout, "cowfsck version %s\n%s\n", cmdline.Version(), cmdline.Build())
			case c.IsSet("completion"):
				err = cmdline.Completion(h.stdout, c.String("completion"), c.Name, c.Flags)
			case c.Bool("man"):
				err = printManual(h.stdout)
			case c.IsSet("explain"):
				err = explain(h.stdout, c.String("explain"), c.Bool("json"))
			case c.IsSet("undo-apply"):
				err = applyUndo(c, h)
			case repairing(c):
				*code, err = repairImage(ctx, c, h)
			default:
				*code, err = checkImage(ctx, c, h)
			}
			return err
		},
	}, helpText)
}
