package main

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar shows how much file data is written, on a terminal.
type bar struct {
	w    *os.File // nil: show nothing
	mu   sync.Mutex
	p    *progressbar.ProgressBar
	over bool
}

func newBar(w *os.File, quiet bool) *bar {
	if quiet || !term.IsTerminal(int(w.Fd())) {
		return &bar{}
	}
	return &bar{w: w}
}

// update is mkfs.Job.Progress.
func (b *bar) update(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w == nil || b.over || total == 0 {
		return
	}
	if b.p == nil {
		b.p = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(b.w),
			progressbar.OptionSetDescription("writing"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionFullWidth(),
			progressbar.OptionThrottle(100*time.Millisecond),
		)
	}
	_ = b.p.Set64(done) // a terminal that is gone is no reason to stop
}

// finish takes the bar away.
func (b *bar) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if b.p != nil {
		_ = b.p.Clear()
	}
}
