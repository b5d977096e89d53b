package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cowfs/cowfs/internal/cmdline"
)

// interval is how often progress is told to a program.
const interval = 100 * time.Millisecond

// progress shows how far a check is: a bar on a terminal, lines for a program.
type progress struct {
	bar *cmdline.Bar

	mu    sync.Mutex
	lines io.Writer // nil: no lines
	stage string
	last  time.Time // when a line was written
}

// newProgress shows progress on stderr, if it is a terminal and not to be quiet, and on a file
// descriptor unless that is -1.
func newProgress(stderr *os.File, fd int, quiet bool) (*progress, error) {
	p := &progress{bar: cmdline.NewBar(stderr, quiet)}
	if fd >= 0 {
		f := os.NewFile(uintptr(fd), "progress")
		if _, err := f.Stat(); err != nil {
			return nil, cmdline.Usagef("--progress-fd %d: not open", fd)
		}
		p.lines = f
	} else if fd != -1 {
		return nil, cmdline.Usagef("--progress-fd %d: not a file descriptor", fd)
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
		p.lines = nil // the reader is gone
	}
}

// finish takes the bar away.
func (p *progress) finish() { p.bar.Finish() }
