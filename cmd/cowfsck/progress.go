package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
)

// interval is how often progress is told to a program.
const interval = 100 * time.Millisecond

// progress shows how far a check is: a bar on a terminal, lines for a program.
type progress struct {
	bar *cmdline.Bar

	mu    sync.Mutex
	lines *os.File // nil: no lines
	stage string
	last  time.Time // when a line was written
}

// newProgress shows progress on standard error, if it is a terminal and not to be quiet, and on the
// file descriptor that the command line names, if any.
func newProgress(c *cli.Command, h host) (*progress, error) {
	p := &progress{bar: cmdline.NewBar(h.stderr, c.Bool("quiet"))}
	if !c.IsSet("progress-fd") {
		return p, nil
	}
	fd := c.Int("progress-fd")
	if fd < 0 {
		return nil, cmdline.Usagef("--progress-fd %d: not a file descriptor", fd)
	}
	// A descriptor of our own, as others may close theirs.
	var err error
	if p.lines, err = dupDescriptor(fd); err != nil {
		return nil, cmdline.Usagef("--progress-fd %d: %w", fd, err)
	}
	return p, nil
}

// update is check.Options.Progress.
func (p *progress) update(stage string, done, total int64) {
	p.bar.Update(stage, done, total)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lines == nil || stage == p.stage && time.Since(p.last) < interval && done < total {
		return
	}
	p.stage, p.last = stage, time.Now()
	if _, err := fmt.Fprintf(p.lines, "%s %d %d\n", stage, done, total); err != nil {
		p.closeLines() // the reader is gone
	}
}

func (p *progress) closeLines() {
	if p.lines != nil {
		_ = p.lines.Close() // nothing is kept back
		p.lines = nil
	}
}

// finish takes the bar away.
func (p *progress) finish() {
	p.bar.Finish()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeLines()
}
