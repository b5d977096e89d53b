package cmdline

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/urfave/cli/v3"
)

func TestFlagError(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--nonsense"}, "--nonsense: no such option"},
		{[]string{"--thread=1"}, `--thread: no such option; did you mean "--threads"?`},
		{[]string{"--froce", "img"}, `--froce: no such option; did you mean "--force"?`},
		{[]string{"-Z"}, "-Z: no such option"},
		{[]string{"img", "--size"}, "--size needs a value"},
		{[]string{"-b"}, "-b needs a value"},
		{[]string{"--threads", "x"}, `--threads "x": not a number`},
		{[]string{"--threads=99999999999999999999"}, `--threads "99999999999999999999": too large a number`},
		{[]string{"--force=2"}, `--force "2": it takes no value`},
	} {
		cmd := &cli.Command{
			Name: "test", Writer: io.Discard, ErrWriter: io.Discard,
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "size"}, &cli.StringFlag{Name: "b"}, &cli.IntFlag{Name: "threads"}, &cli.BoolFlag{Name: "force"},
			},
			OnUsageError:   func(_ context.Context, c *cli.Command, err error, _ bool) error { return FlagError(err, c.Flags) },
			ExitErrHandler: func(context.Context, *cli.Command, error) {},
		}
		err := cmd.Run(context.Background(), append([]string{"test"}, Reorder(c.args, cmd.Flags)...))
		if err == nil || err.Error() != c.want || !errors.Is(err, ErrUsage) {
			t.Errorf("%q: got %v, want %s", c.args, err, c.want)
		}
	}
}
