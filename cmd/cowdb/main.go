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
	// interactive says that commands come from a person, quote that one reads the output.
	interactive, quote bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, host{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		interactive: isTerminal(os.Stdin), quote: isTerminal(os.Stdout),
	})
	stop()
	os.Exit(code)
}

// run does what args say, the program's name being the first, and returns the exit code.
func run(ctx context.Context, args []string, h host) int {
	err := newApp(h).RunContext(ctx, args)
	var usage *shell.UsageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(h.stderr, "cowdb: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(h.stderr, "cowdb: %v\n", err)
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

func newApp(h host) *cli.App {
	return &cli.App{
		Name:            "cowdb",
		Usage:           "look into an XFS image, and change it",
		HideHelpCommand: true,
		Version:         version(),
		Reader:          h.stdin,
		Writer:          h.stdout,
		ErrWriter:       h.stderr,
		Flags:           flags(),
		// A command in a -c flag may have commas in it.
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     helpText(),
		Action: func(c *cli.Context) error {
			return runImage(c, h)
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return &shell.UsageError{Message: err.Error() + "; see cowdb --help"}
		},
		// Errors are printed by run alone.
		ExitErrHandler: func(*cli.Context, error) {},
	}
}

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "w", Usage: "open the image for writing; each change is made as a whole or not at all"},
		&cli.BoolFlag{Name: "json", Usage: "print objects, one line of JSON each, instead of text"},
		&cli.BoolFlag{Name: "raw", Usage: "show what is in place when the log is dirty, without the changes that it holds; with -w, only structures can be changed"},
		&cli.StringFlag{Name: "offset", Usage: "the volume begins `BYTES` into the image, as in a partition; k, m, g and t are powers of 1024"},
		&cli.UintFlag{Name: "sb", Usage: "use the superblock of group `AG`, where the first one is damaged"},
		&cli.StringSliceFlag{Name: "c", Usage: "run `COMMAND`; may be given several times"},
		&cli.StringFlag{Name: "f", Usage: "run the commands of the file `SCRIPT`, a line each"},
	}
}
