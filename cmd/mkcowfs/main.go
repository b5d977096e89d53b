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
	"github.com/cowfs/cowfs/mkfs"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1   // the image could not be made
	exitUsage       = 2   // other options are needed
	exitInterrupted = 130 // as if by SIGINT
)

// host is what the program has of its surroundings.
type host struct {
	getenv func(string) string
	stdin  io.Reader
	stdout io.Writer
	stderr *os.File
	// interruptible returns a context that ends when the user wants the program to end; until
	// then, that simply kills it.
	interruptible func(context.Context) (context.Context, context.CancelFunc)
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], host{os.Getenv, os.Stdin, os.Stdout, os.Stderr, catchSignals}))
}

// catchSignals makes the signals that ask a program to end cancel a context.
func catchSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return ctx, stop
}

// run does what args say and returns the exit code.
func run(ctx context.Context, args []string, h host) int {
	c := newCommand(h)
	args = append([]string{c.Name}, cmdline.Reorder(args, c.Flags)...)
	err := c.Run(ctx, args)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(h.stderr, "mkcowfs: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(h.stderr, "mkcowfs: %v\n", err)
	if errors.Is(err, mkfs.ErrOptions) || errors.Is(err, cmdline.ErrUsage) {
		fmt.Fprintln(h.stderr, "mkcowfs --help tells all options")
		return exitUsage
	}
	return exitFailure
}

func newCommand(h host) *cli.Command {
	return cmdline.Root(&cli.Command{
		Name:      "mkcowfs",
		Usage:     "make an XFS image",
		Flags:     flags(),
		Reader:    h.stdin,
		Writer:    h.stdout,
		ErrWriter: h.stderr,
		// Several suboptions in one argument are split by us, as are the patterns of --exclude.
		DisableSliceFlagSeparator: true,
		Action: func(ctx context.Context, c *cli.Command) error {
			switch {
			case c.Bool("version"):
				return printVersion(h.stdout)
			case c.Bool("man"):
				return printManual(h.stdout)
			case c.IsSet("completion"):
				return cmdline.Completion(h.stdout, c.String("completion"), c.Name, c.Flags)
			}
			return makeImage(ctx, c, h)
		},
	}, helpText)
}
