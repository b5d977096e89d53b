package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/source"
)

// jobOf turns the command line into a job.
func jobOf(c *cli.Command, h host) (*mkfs.Job, error) {
	settings, defaults, err := settingsOf(c)
	if err != nil {
		return nil, err
	}
	config, err := mkfs.NewConfig(settings, defaults)
	if err != nil {
		return nil, err
	}
	config.Label = c.String("label")
	j := &mkfs.Job{
		Config:    *config,
		Minimize:  c.Bool("minimize"),
		Force:     c.Bool("force"),
		NoDiscard: c.Bool("no-discard"),
		DryRun:    c.Bool("dry-run"),
		Durable:   c.Bool("sync"),
		Dedupe:    c.Bool("dedupe"),
		Time:      time.Now(),
	}
	if j.Path, err = imagePath(c, settings); err != nil {
		return nil, err
	}
	if c.IsSet("free") {
		if j.Free, err = mkfs.Percent(c.String("free")); err != nil {
			return nil, cmdline.Usagef("--free %w", err)
		}
		j.Minimize = true
	}
	if j.Clone, err = cloneMode(c.String("reflink")); err != nil {
		return nil, err
	}
	epoch, seed, err := mkfs.Reproducible(h.getenv)
	if err != nil {
		return nil, err
	}
	if epoch != nil {
		j.Time = *epoch
	}
	j.Seed = seed
	j.Source, err = sourceOf(c, h, settings, epoch)
	return j, err
}

// settingsOf collects what the command line and files say of options of mkfs.xfs.
func settingsOf(c *cli.Command) (settings, defaults []mkfs.Setting, err error) {
	settings, defaults, err = mkfs.ReadFiles(c.StringSlice("c"))
	if err != nil {
		return nil, nil, cmdline.Usage(err)
	}
	for _, l := range letters {
		for _, arg := range c.StringSlice(string(l.letter)) {
			s, err := mkfs.ParseSuboptions(l.letter, arg)
			if err != nil {
				return nil, nil, err
			}
			settings = append(settings, s...)
		}
	}
	if c.IsSet("p") {
		s, err := mkfs.ParseContent(c.String("p"))
		if err != nil {
			return nil, nil, err
		}
		settings = append(settings, s...)
	}
	if c.IsSet("size") {
		bytes, err := mkfs.ParseSize(c.String("size"))
		if err != nil {
			return nil, nil, cmdline.Usagef("--size %w", err)
		}
		settings = append(settings, mkfs.Setting{Section: 'd', Key: "size", Value: strconv.FormatUint(bytes, 10)})
	}
	if c.IsSet("uuid") {
		settings = append(settings, mkfs.Setting{Section: 'm', Key: "uuid", Value: c.String("uuid")})
	}
	if c.IsSet("profile") {
		s, err := mkfs.Profile(c.String("profile"))
		if err != nil {
			return nil, nil, err
		}
		defaults = append(defaults, s...)
	}
	return settings, defaults, nil
}

// imagePath is the argument, or what -d name= says in its place.
func imagePath(c *cli.Command, settings []mkfs.Setting) (string, error) {
	name := mkfs.Value(settings, 'd', "name")
	switch args := c.Args().Slice(); {
	case len(args) == 0 && name == "":
		return "", cmdline.Usagef("no image is named; write mkcowfs [options] IMAGE")
	case len(args) == 0:
		return name, nil
	case len(args) > 1:
		hint := ""
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			hint = fmt.Sprintf("; --root %s fills the image from that directory", args[0])
		}
		return "", cmdline.Usagef("only one image can be made at a time; %q is too much%s", args[1], hint)
	case name != "":
		return "", cmdline.Usagef("the image is named by -d name=%s and as an argument, %s; drop one", name, args[0])
	default:
		return args[0], nil
	}
}

func cloneMode(s string) (populate.CloneMode, error) {
	for i, name := range []string{"auto", "always", "never"} {
		if s == name {
			return populate.CloneMode(i), nil
		}
	}
	return 0, cmdline.Usagef("--reflink %q: not known; there are auto, always, never", s)
}

func sourceOf(c *cli.Command, h host, settings []mkfs.Setting, epoch *time.Time) (mkfs.Source, error) {
	s := mkfs.Source{Dir: c.String("root"), Tars: c.StringSlice("tar"), OCI: c.String("oci")}
	if dir := mkfs.Value(settings, 'p', "file"); dir != "" {
		if s.Dir != "" {
			return s, cmdline.Usagef("--root and -p cannot both be given; drop one")
		}
		s.Dir = dir
	}
	o := source.Options{AllRoot: c.Bool("all-root"), Exclude: c.StringSlice("exclude"), NoXattrs: c.Bool("no-xattrs"), Stdin: h.stdin}
	if text := c.String("owner"); text != "" {
		if o.AllRoot {
			return s, cmdline.Usagef("--owner and --all-root cannot both be given; drop one")
		}
		var ids [2]uint32
		if err := numbers(text, ids[:]); err != nil {
			return s, cmdline.Usagef("--owner %q: %w; write UID:GID", text, err)
		}
		o.Owner = &source.Owner{UID: ids[0], GID: ids[1]}
	}
	var err error
	if o.UIDMap, err = idMap(c, "uid-map"); err != nil {
		return s, err
	}
	if o.GIDMap, err = idMap(c, "gid-map"); err != nil {
		return s, err
	}
	if v := c.Generic("clamp-mtime").(*clamp); v.given {
		if o.ClampMtime = v.at; v.at == nil {
			if epoch == nil {
				return s, cmdline.Usagef("--clamp-mtime has no value and %s is not set; write --clamp-mtime=SECONDS", mkfs.EpochVariable)
			}
			sec := epoch.Unix()
			o.ClampMtime = &sec
		}
	}
	s.Options = o
	return s, nil
}

func idMap(c *cli.Command, flag string) ([]source.IDMap, error) {
	var out []source.IDMap
	for _, text := range c.StringSlice(flag) {
		var v [3]uint32
		if err := numbers(text, v[:]); err != nil {
			return nil, cmdline.Usagef("--%s %q: %w; write INSIDE:OUTSIDE:COUNT", flag, text, err)
		}
		out = append(out, source.IDMap{Inside: v[0], Outside: v[1], Count: v[2]})
	}
	return out, nil
}

// numbers reads numbers with colons between them.
func numbers(s string, out []uint32) error {
	parts := strings.Split(s, ":")
	if len(parts) != len(out) {
		return fmt.Errorf("not %d numbers with colons between", len(out))
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is not a number of 32 bits", p)
		}
		out[i] = uint32(n)
	}
	return nil
}
