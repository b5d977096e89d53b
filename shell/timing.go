package shell

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Timing adds up how long the commands of a session take. Those that a command runs within itself
// count as a part of it.
type Timing struct {
	by      map[string]*spent
	running bool
}

// spent is what the commands of one name took.
type spent struct {
	name           string
	runs           int
	total, longest time.Duration
}

// start begins the time of a command; the function that it returns ends it.
func (t *Timing) start(name string) (stop func()) {
	if t.running {
		return func() {}
	}
	if c, err := Find(name); err == nil {
		name = c.Name
	}
	t.running = true
	began := time.Now()
	return func() {
		took := time.Since(began)
		t.running = false
		if t.by == nil {
			t.by = map[string]*spent{}
		}
		of := t.by[name]
		if of == nil {
			of = &spent{name: name}
			t.by[name] = of
		}
		of.runs++
		of.total += took
		of.longest = max(of.longest, took)
	}
}

// Write prints a line for each command that ran, what took most of the time first, and the sum.
func (t *Timing) Write(w io.Writer) {
	list := slices.SortedFunc(maps.Values(t.by), func(a, b *spent) int {
		return cmp.Or(cmp.Compare(b.total, a.total), strings.Compare(a.name, b.name))
	})
	all := spent{name: "all"}
	fmt.Fprintf(w, "%-12s %9s %12s %12s %12s\n", "command", "runs", "total ms", "each µs", "longest µs")
	for _, s := range list {
		s.write(w)
		all.runs += s.runs
		all.total += s.total
		all.longest = max(all.longest, s.longest)
	}
	if len(list) != 1 {
		all.write(w)
	}
}

func (s *spent) write(w io.Writer) {
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	fmt.Fprintf(w, "%-12s %9d %12.3f %12.1f %12.1f\n", s.name, s.runs, micros(s.total)/1000, micros(s.total)/float64(max(s.runs, 1)), micros(s.longest))
}
