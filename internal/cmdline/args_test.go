package cmdline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"
)

// optional is the value of a flag that can stand without one.
type optional string

func (o *optional) IsBoolFlag() bool   { return true }
func (o *optional) Set(s string) error { *o = optional(s); return nil }
func (o *optional) String() string     { return string(*o) }
func (o *optional) Get() any           { return *o }

func TestReorder(t *testing.T) {
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}}, &cli.BoolFlag{Name: "q"}, &cli.BoolFlag{Name: "dry-run"},
		&cli.StringSliceFlag{Name: "b"}, &cli.StringSliceFlag{Name: "d"}, &cli.StringFlag{Name: "label", Aliases: []string{"L"}},
		&cli.StringFlag{Name: "size"}, &cli.StringFlag{Name: "tar"}, &cli.StringSliceFlag{Name: "exclude"},
		&cli.GenericFlag{Name: "clamp-mtime", Value: new(optional)},
	}
	for in, want := range map[string]string{
		"image":                           "-- image",
		"-f image -q":                     "-f -q -- image",
		"-fq image":                       "-f -q -- image",
		"-fqbsize=4k image":               "-f -q -b=size=4k -- image",
		"-b size=4k image":                "-b=size=4k -- image",
		"-dsize=1g -L name i":             "-d=size=1g -L=name -- i",
		"--size 1g --tar - i":             "--size=1g --tar=- -- i",
		"--size=1g --dry-run i":           "--size=1g --dry-run -- i",
		"i -- -f -b x":                    "-- i -f -b x",
		"--clamp-mtime i":                 "--clamp-mtime -- i",
		"--clamp-mtime=5 i":               "--clamp-mtime=5 -- i",
		"-b":                              "-b",
		"--size":                          "--size",
		"-Z i":                            "-Z -- i",
		"- i":                             "-- - i",
		"--exclude -x --exclude=-y --q i": "--exclude=-x --exclude=-y --q -- i",
	} {
		if d := cmp.Diff(strings.Fields(want), Reorder(strings.Fields(in), flags)); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}
