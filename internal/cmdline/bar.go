package cmdline

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"
)

// Bar shows how far a job is, on a terminal: how many bytes of how many, the rate, and the time
// left. It is ours because the usual libraries bring in more (one of them a web server) than making
// an empty image takes.
type Bar struct {
	w     *os.File // nil: show nothing
	what  string
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

// NewBar shows a bar on w, if that is a terminal and it is not to be quiet.
func NewBar(w *os.File, quiet bool) *Bar {
	b := &Bar{now: time.Now}
	if !quiet && term.IsTerminal(int(w.Fd())) {
		b.w = w
	}
	return b
}

// Update says how far the job is with what it does. It may be called from any goroutine.
func (b *Bar) Update(what string, done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w == nil || b.over || total == 0 {
		return
	}
	now := b.now()
	if b.start.IsZero() || what != b.what {
		b.start, b.what = now, what
	}
	if now.Sub(b.drawn) < barPause {
		return
	}
	b.drawn = now
	width, _, err := term.GetSize(int(b.w.Fd()))
	if err != nil {
		return // the terminal is gone, which is no reason to stop
	}
	fmt.Fprintf(b.w, "\r%s\x1b[K", barLine(what, done, total, now.Sub(b.start), width))
}

// barLine is the text of a bar in at most width columns.
func barLine(what string, done, total int64, spent time.Duration, width int) string {
	text := fmt.Sprintf("%s %3d%% ", what, int64(100*float64(done)/float64(total)))
	tail := fmt.Sprintf(" %s of %s", humanize.IBytes(uint64(done)), humanize.IBytes(uint64(total)))
	if sec := spent.Seconds(); sec > 0 && done > 0 {
		rate := float64(done) / sec
		left := time.Duration(float64(total-done)/rate) * time.Second
		tail += fmt.Sprintf(", %s/s, %v left", humanize.IBytes(uint64(rate)), left)
	}
	// The last column stays free: some terminals begin a new line with it.
	if room := min(width-1-len(text)-len(tail)-2, maxBar); room > 0 {
		full := min(int(float64(room)*float64(done)/float64(total)), room)
		text += "[" + strings.Repeat("#", full) + strings.Repeat(" ", room-full) + "]"
	}
	text += tail
	return text[:max(0, min(len(text), width-1))]
}

// Finish takes the bar away.
func (b *Bar) Finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if !b.drawn.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
