package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
)

// result is what a check came to.
type result struct {
	*check.Report
	image    string
	replayed bool     // the log was dirty, and is not any more
	repaired bool     // this is what a repair has left
	safely   bool     // and it did only what is safe
	only     []string // what the findings were limited to
}

// verdict says in a word how the image is; see docs/cowfsck.md.
func (r *result) verdict() string {
	switch {
	case r.Counts[check.Damage] > 0:
		return "damaged"
	case r.Counts[check.Leak] > 0:
		return "leaking"
	case !r.complete():
		return "incomplete"
	case r.Counts[check.Oddity] > 0:
		return "odd"
	}
	return "clean"
}

// complete says that all of the image was judged, and nothing left out on request.
func (r *result) complete() bool { return r.Complete && len(r.only) == 0 }

// found is how many findings there are.
func (r *result) found() (n int) {
	for _, k := range r.Counts {
		n += k
	}
	return n
}

// exit is the exit code that goes with the verdict.
func (r *result) exit() int {
	switch r.verdict() {
	case "damaged", "leaking":
		return exitDamaged
	case "incomplete":
		if !r.Complete {
			return exitFailure
		}
		// What was asked for was judged.
	}
	if r.replayed {
		return exitMended
	}
	return exitClean
}

// checkImage does what the command line says and returns the exit code.
func checkImage(ctx context.Context, c *cli.Command, h host) (int, error) {
	j, err := jobOf(c)
	if err != nil {
		return 0, err
	}
	p, err := newProgress(c, h)
	if err != nil {
		return 0, err
	}
	if file := j.interrupted(""); file != "" && !c.Bool("quiet") {
		h.complain(fmt.Sprintf("%s: a repair was interrupted while it changed the image: -p or -y finishes it, and --undo-apply %s takes it back", j.image, file))
	}
	if err := j.begin(c, h); err != nil {
		return 0, err
	}
	j.options.Progress = p.update
	r, err := j.run(ctx)
	p.finish()
	if err != nil {
		if c.Bool("json") {
			printJSONError(h.stdout, j.image, err)
		}
		return 0, err
	}
	switch {
	case c.Bool("json"):
		err = printJSON(h.stdout, r)
	case !c.Bool("quiet"):
		err = printText(h.stdout, r, c.Bool("verbose"))
	}
	return r.exit(), err
}

// begin is what comes before a check or a repair.
func (j *job) begin(c *cli.Command, h host) error {
	j.limitMemory()
	if c.Bool("json") {
		return printJSONHeader(h.stdout, j.image)
	}
	return nil
}

// leastMemory is what the collector of garbage is left, whatever --memory says, in bytes: with less
// it would do nothing but collect.
const leastMemory = 32 << 20

// garbage is how much of it may lie about before it is collected, in percent of what is in use. Most
// that is in use is a few large things, changes to the image above all, so to look at them again
// is cheap.
const garbage = 50

// limitMemory has garbage collected in time for what --memory allows.
func (j *job) limitMemory() {
	debug.SetGCPercent(garbage)
	if j.options.Memory > 0 {
		debug.SetMemoryLimit(max(j.options.Memory, leastMemory))
	}
}

// run does the job.
func (j *job) run(ctx context.Context) (*result, error) {
	r := &result{image: j.image, only: j.options.Only}
	if j.replay {
		var err error
		if r.replayed, err = j.replayLog(); err != nil {
			return nil, j.named(fmt.Errorf("replay the log: %w", err))
		}
	}
	dev, err := j.open(device.ReadOnly)
	if err != nil {
		return nil, j.named(err)
	}
	r.Report, err = check.Run(ctx, dev, j.options)
	if err = errors.Join(err, dev.Close()); err != nil {
		return nil, j.named(err)
	}
	return r, nil
}

// named has an error name the image, and be in one line.
func (j *job) named(err error) error {
	if !strings.Contains(err.Error(), j.image) {
		err = fmt.Errorf("%s: %w", j.image, err)
	}
	return oneLine{err}
}

// oneLine is an error whose text has no line breaks.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", "; ") }

func (e oneLine) Unwrap() error { return e.error }
