package cmdline

import (
	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/usage"
)

// FlagError words an error of the flag parser as users know flags, with their dashes and with the one
// that may have been meant, and makes it one about the command line.
func FlagError(err error, flags []cli.Flag) error {
	known := map[string]bool{}
	for _, f := range flags {
		for _, name := range f.Names() {
			known[name] = needsValue(f)
		}
	}
	return Usage(usage.Flag(err, known))
}
