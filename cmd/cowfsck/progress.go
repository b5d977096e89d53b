package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/cowfs/cowfs/internal/cmdline"
)

// interval is how often progress is told.
const interval = 100 * time.Millisecond

// progress shows how far a check is: a bar on a terminal, lines for a program.
type progress struct {
	terminal *os.File  // nil: no bar
	lines    io.Writer // nil: no lines

	mu    sync.Mutex
	over  bool
	stage string
	bar   *progressbar.ProgressBar
	last  time.Time // when a line was written
}

// newProgress shows progress on stderr, if it is a terminal and not to be quiet, and on a file
// descriptor unless that is -1.
func newProgress(stderr *os.File, fd int, quiet bool) (*progress, error) {
	p := &progress{}
	if fd >= 0 {
		f := os.NewFile(uintptr(fd), "progress")
		if _, err := f.Stat(); err != nil {
			return nil, cmdline.Usagef("--progress-fd %d: not open", fd)
		}
		p.lines = f
	} else if fd != -1 {
		return nil, cmdline.Usagef("--progress-fd %d: not a file descriptor", fd)
	}
	if !quiet && term.IsTerminal(int(stderr.Fd())) {
		p.terminal = stderr
	}
	return p, nil
}

// update is check.Options.Progress.
func (p *progress) update(stage string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	if stage != p.stage {
		p.clear()
		p.stage, p.last = stage, time.Time{}
	}
	p.line(done, total)
	if p.terminal == nil || total <= 0 {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.terminal),
			progressbar.OptionSetDescription(stage),
			progressbar.OptionShowBytes(true), // the rate, too
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionFullWidth(),
			progressbar.OptionThrottle(interval),
		)
	}
	if p.bar.GetMax64() != total {
		p.bar.ChangeMax64(total)
	}
	_ = p.bar.Set64(min(done, total)) // a terminal that is gone is no reason to stop
}

// line writes a line for a program, not too often.
func (p *progress) line(done, total int64) {
	if p.lines == nil || time.Since(p.last) < interval && done < total {
		return
	}
	p.last = time.Now()
	if _, err := fmt.Fprintf(p.lines, "%s %d %d\n", p.stage, done, total); err != nil {
		p.lines = nil // the reader is gone
	}
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// finish takes the bar away.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.clear()
}
