package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"
)

// bar shows how much file data is written, on a terminal. It is ours because the usual libraries
// bring in more (one of them a web server) than making an empty image takes.
type bar struct {
	w     *os.File // nil: show nothing
	now   func() time.Time
	mu    sync.Mutex
	start time.Time
	drawn time.Time // the last time; zero if never
	over  bool
}

const (
	barPause = 100 * time.Millisecond // between two drawings
	maxBar   = 60                     // columns
)

func newBar(w *os.File, quiet bool) *bar {
	b := &bar{now: time.Now}
	if !quiet && term.IsTerminal(int(w.Fd())) {
		b.w = w
	}
	return b
}

// update is mkfs.Job.Progress.
func (b *bar) update(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w == nil || b.over || total == 0 {
		return
	}
	now := b.now()
	if b.start.IsZero() {
		b.start = now
	}
	if now.Sub(b.drawn) < barPause {
		return
	}
	b.drawn = now
	width, _, err := term.GetSize(int(b.w.Fd()))
	if err != nil {
		return // the terminal is gone, which is no reason to stop
	}
	fmt.Fprintf(b.w, "\r%s\x1b[K", barLine(done, total, now.Sub(b.start), width))
}

// barLine is the text of a bar in at most width columns.
func barLine(done, total int64, spent time.Duration, width int) string {
	text := fmt.Sprintf("writing %3d%% ", 100*done/total)
	tail := fmt.Sprintf(" %s of %s", humanize.IBytes(uint64(done)), humanize.IBytes(uint64(total)))
	if sec := spent.Seconds(); sec > 0 && done > 0 {
		rate := float64(done) / sec
		left := time.Duration(float64(total-done)/rate) * time.Second
		tail += fmt.Sprintf(", %s/s, %v left", humanize.IBytes(uint64(rate)), left)
	}
	// The last column stays free: some terminals begin a new line with it.
	if room := min(width-1-len(text)-len(tail)-2, maxBar); room > 0 {
		full := int(int64(room) * done / total)
		text += "[" + strings.Repeat("#", full) + strings.Repeat(" ", room-full) + "]"
	}
	text += tail
	return text[:max(0, min(len(text), width-1))]
}

// finish takes the bar away.
func (b *bar) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if !b.drawn.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
