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
	"github.com/cowfs/cowfs/shell"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1   // a command failed, or the image is damaged where it looked
	exitUsage       = 2   // wrong flags, an unknown command, wrong arguments
	exitInterrupted = 130 // as if by SIGINT
)

// host is what the program has of its surroundings.
type host struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// interactive says that commands come from a person, quote that one reads the output.
	interactive, quote bool
	// interruptible returns a context that ends when the user wants the program to end.
	interruptible func(context.Context) (context.Context, context.CancelFunc)
}

func main() {
	os.Exit(run(context.Background(), os.Args, host{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		interactive: isTerminal(os.Stdin), quote: isTerminal(os.Stdout), interruptible: catchSignals,
	}))
}

// catchSignals makes the signals that ask a program to end cancel a context.
func catchSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return ctx, stop
}

// run does what args say, the program's name being the first, and returns the exit code.
func run(ctx context.Context, args []string, h host) int {
	err := newCommand(h).Run(ctx, args)
	var usage *shell.UsageError
	var script *shell.ScriptError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(h.stderr, "cowdb: interrupted")
		return exitInterrupted
	case errors.As(err, &script): // it says where
		fmt.Fprintln(h.stderr, err)
	default:
		fmt.Fprintf(h.stderr, "cowdb: %v\n", err)
	}
	if errors.Is(err, cmdline.ErrUsage) {
		fmt.Fprintln(h.stderr, "cowdb --help tells all options")
		return exitUsage
	}
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

func newCommand(h host) *cli.Command {
	one := 1
	return cmdline.Root(&cli.Command{
		Name:      "cowdb",
		Usage:     "look into an XFS image, and change it",
		Flags:     cmdline.Flags(flagGroups()),
		Reader:    h.stdin,
		Writer:    h.stdout,
		ErrWriter: h.stderr,
		// Flags behind the image belong to the command there.
		StopOnNthArg: &one,
		// A command in a -c flag may have commas in it.
		DisableSliceFlagSeparator: true,
		Action: func(ctx context.Context, c *cli.Command) error {
			switch {
			case c.Bool("version"):
				_, err := fmt.Fprintf(h.stdout, "cowdb version %s\n%s\n", cmdline.Version(), cmdline.Build())
				return err
			case c.Bool("man"):
				return printManual(h.stdout)
			case c.IsSet("completion"):
				return printCompletion(h.stdout, c.String("completion"), c.Flags)
			}
			return runImage(ctx, c, h)
		},
	}, helpText)
}
