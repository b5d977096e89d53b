package cmdline

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
)

// Root gives a program's command what all of ours have in common: a help text of its own, made only
// when it is asked for, no commands of the library's, and errors that come back from Run and end
// nothing.
func Root(c *cli.Command, help func() string) *cli.Command {
	c.HideHelpCommand, c.HideVersion = true, true
	c.CustomRootCommandHelpTemplate = "{{call .Metadata.help}}"
	c.Metadata = map[string]any{"help": help}
	// Beside an image, --help is taken for that of a command.
	c.CommandNotFound = func(context.Context, *cli.Command, string) { fmt.Fprint(c.Writer, help()) }
	c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
		return FlagError(err, c.Flags)
	}
	c.ExitErrHandler = func(context.Context, *cli.Command, error) {}
	return c
}
