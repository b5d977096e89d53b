package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/shell"
	"github.com/cowfs/cowfs/volume"
)

// job is what the command line asks for.
type job struct {
	image    string
	offset   int64
	readOnly bool // -n
	replay   bool
	options  check.Options
	finished string // the undo file of an earlier repair that was interrupted, and is finished now
}

// jobOf turns the command line into a job.
func jobOf(c *cli.Command) (*job, error) {
	j := &job{readOnly: c.Bool("n"), replay: c.Bool("replay")}
	switch args := c.Args().Slice(); {
	case len(args) == 0:
		return nil, cmdline.Usagef("no image is named; write cowfsck [options] IMAGE")
	case len(args) > 1:
		return nil, cmdline.Usagef("only one image can be checked at a time; %q is too much", args[1])
	default:
		j.image = args[0]
	}
	if j.readOnly && j.replay {
		return nil, cmdline.Usagef("-n and --replay: one changes nothing, the other does; drop one")
	}
	if c.Bool("quiet") && (c.Bool("json") || c.Bool("verbose")) {
		return nil, cmdline.Usagef("--quiet does not go together with --json or --verbose")
	}
	for _, flag := range []string{"strict", "keep-cow", "undo"} {
		if c.IsSet(flag) && !repairing(c) {
			return nil, cmdline.Usagef("--%s is for repairs; give -y, -p or --plan, too", flag)
		}
	}
	var err error
	if j.offset, err = sizeOf(c, "offset"); err != nil {
		return nil, err
	}
	if j.options.Memory, err = sizeOf(c, "memory"); err != nil {
		return nil, err
	}
	if j.options.Threads = c.Int("threads"); c.IsSet("threads") && (j.options.Threads < 1 || j.options.Threads > check.MaxThreads) {
		return nil, cmdline.Usagef("--threads %d: not a number of threads from 1 to %d", j.options.Threads, check.MaxThreads)
	}
	if j.options.MaxFindings = c.Int("max-findings"); j.options.MaxFindings < 0 {
		return nil, cmdline.Usagef("--max-findings %d: not a number of findings", j.options.MaxFindings)
	}
	j.options.Only, err = onlyOf(c.StringSlice("only"))
	return j, err
}

func sizeOf(c *cli.Command, flag string) (int64, error) {
	if !c.IsSet(flag) {
		return 0, nil
	}
	n, err := shell.ParseSize(c.String(flag))
	if err != nil {
		return 0, cmdline.Usagef("--%s: %w", flag, err)
	}
	return n, nil
}

// onlyOf checks names of areas, structures and codes.
func onlyOf(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		name = strings.TrimSpace(name)
		if !canLimit(name) {
			return nil, cmdline.Usagef("--only %q: not known%s; areas are %s; structures are %s; and cowfsck --explain list tells all codes",
				name, nearest(name, append(areas(), structures()...)), strings.Join(areas(), ", "), strings.Join(structures(), ", "))
		}
		out = append(out, name)
	}
	return out, nil
}

// canLimit reports whether findings can be limited to a name.
func canLimit(name string) bool {
	isName := func(s string) bool { return strings.EqualFold(s, name) }
	return check.FindCode(name) != nil || slices.Contains(areas(), name) || slices.ContainsFunc(structures(), isName)
}

// structures are the first words of the names of structures, as findings have them.
func structures() []string {
	out := []string{"attributes"} // as a whole; their blocks have names of their own
	for _, t := range format.BlockTypes() {
		if word, _, _ := strings.Cut(t.Name, " "); !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// areas are the first parts of codes' names.
func areas() []string {
	var out []string
	for _, c := range check.Codes() {
		if area, _, _ := strings.Cut(c.Name, "."); !slices.Contains(out, area) {
			out = append(out, area)
		}
	}
	return out
}

// open opens the image, at the offset. One that is mounted cannot even be looked at.
func (j *job) open(mode device.Mode) (device.Device, error) {
	file, err := device.Open(j.image, mode)
	if err != nil {
		return nil, err
	}
	if err := file.Unmounted(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if j.offset == 0 {
		return file, nil
	}
	if j.offset >= file.Size() {
		err := fmt.Errorf("%s: --offset: byte %d is behind the end, at byte %d", j.image, j.offset, file.Size())
		return nil, errors.Join(err, file.Close())
	}
	dev, err := device.NewWindow(file, j.offset, -1)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: --offset: %w", j.image, err), file.Close())
	}
	return dev, nil
}

// replayLog writes what a dirty log holds into the image, and tells whether there was anything.
func (j *job) replayLog() (replayed bool, err error) {
	dev, err := j.open(device.ReadWrite)
	if err != nil {
		return false, err
	}
	v, err := volume.Open(dev, volume.Options{})
	if err != nil || v.Log != volume.LogDirty {
		return false, errors.Join(err, dev.Close())
	}
	w, err := volume.OpenWriter(dev, volume.Options{Replay: true})
	if err != nil {
		return false, errors.Join(err, dev.Close())
	}
	return true, w.Close()
}
