package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

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
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], host{os.Getenv, os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run does what args say and returns the exit code.
func run(ctx context.Context, args []string, h host) int {
	app := newApp(h)
	args = append([]string{app.Name}, reorder(args, app.Flags)...)
	err := app.RunContext(ctx, args)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(h.stderr, "mkcowfs: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(h.stderr, "mkcowfs: %v\n", err)
	if errors.Is(err, mkfs.ErrOptions) || errors.Is(err, errUsage) {
		fmt.Fprintln(h.stderr, "mkcowfs --help tells all options")
		return exitUsage
	}
	return exitFailure
}

// errUsage is the class of errors about the command line itself.
var errUsage = errors.New("wrong usage")

type usageError struct{ error }

func (e usageError) Is(target error) bool { return target == errUsage }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func newApp(h host) *cli.App {
	all := flags()
	return &cli.App{
		Name:            "mkcowfs",
		Usage:           "make an XFS image",
		HideHelpCommand: true,
		HideVersion:     true, // -V, as mkfs.xfs has it
		Flags:           all,
		Reader:          h.stdin,
		Writer:          h.stdout,
		ErrWriter:       h.stderr,
		// A template with nothing to fill in.
		CustomAppHelpTemplate: helpText(all),
		// Several suboptions in one argument are split by us, as are the patterns of --exclude.
		DisableSliceFlagSeparator: true,
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usageError{err} },
		ExitErrHandler:            func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			switch {
			case c.Bool("version"):
				return printVersion(h.stdout)
			case c.IsSet("completion"):
				return printCompletion(h.stdout, c.String("completion"), c.App.Flags)
			}
			return makeImage(c, h)
		},
	}
}
