package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"
)

// Report is all of a run, in the form of -json.
type Report struct {
	Machine string      `json:"machine"`
	Sets    []SetResult `json:"sets"`
}

// SetResult is the outcome of a set.
type SetResult struct {
	Name       string            `json:"name"`
	What       string            `json:"what"`
	Durable    bool              `json:"durable"` // times include that until the image is on disk
	Files      int64             `json:"files"`
	Bytes      int64             `json:"bytes"`
	Ops        int               `json:"ops,omitempty"` // that the work of a race consists of
	Contenders []ContenderResult `json:"contenders"`
	// Limit is how long it takes to read as many bytes of the image as the first contender has
	// read, one after the other: in seconds, 0 where that says nothing.
	Limit   float64  `json:"limit,omitempty"`
	Missing []string `json:"missing,omitempty"`
}

// ContenderResult is one contender's part of it.
type ContenderResult struct {
	Name    string        `json:"name"`
	Seconds float64       `json:"seconds"` // median
	Ratio   float64       `json:"ratio"`   // to the first contender: median over rounds
	MaxRSS  int64         `json:"max_rss"` // bytes, of the worst run
	Runs    []Measurement `json:"runs"`
}

// Measurement is one run.
type Measurement struct {
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	MaxRSS     int64   `json:"max_rss"`   // bytes
	Allocated  int64   `json:"allocated"` // bytes that the image takes on the host
	Read       int64   `json:"read"`      // bytes, by the program and those that it started; 0 where that is not known
	Exit       int     `json:"exit"`      // not 0 where an image is found to be damaged
}

func (s *SetResult) summarize() {
	for i := range s.Contenders {
		c := &s.Contenders[i]
		var seconds, ratios []float64
		for round, m := range c.Runs {
			seconds = append(seconds, m.Seconds)
			ratios = append(ratios, m.Seconds/s.Contenders[0].Runs[round].Seconds)
			c.MaxRSS = max(c.MaxRSS, m.MaxRSS)
		}
		c.Seconds, c.Ratio = median(seconds), median(ratios)
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func (s *SetResult) print(w io.Writer) {
	if s.Ops > 0 {
		s.printRace(w)
		return
	}
	fmt.Fprintf(w, "\n%s", s.What)
	if s.Files > 0 {
		fmt.Fprintf(w, ": %s files, %s", humanize.Comma(s.Files), humanize.IBytes(uint64(s.Bytes)))
	}
	if s.Durable {
		fmt.Fprint(w, ", to disk")
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tmedian s\tratio\tCPU s\tmemory\tread\timage\t")
	for _, c := range s.Contenders {
		var cpu []float64
		for _, m := range c.Runs {
			cpu = append(cpu, m.CPUSeconds)
		}
		name := c.Name
		if exit := c.Runs[len(c.Runs)-1].Exit; exit != 0 {
			name = fmt.Sprintf("%s (exit code %d)", name, exit)
		}
		fmt.Fprintf(t, "%s\t%.4f\t%.2f\t%.4f\t%s\t%s\t%s\t\n", name, c.Seconds, c.Ratio, median(cpu),
			humanize.IBytes(uint64(c.MaxRSS)), humanize.IBytes(uint64(c.Runs[len(c.Runs)-1].Read)), humanize.IBytes(uint64(c.Runs[len(c.Runs)-1].Allocated)))
	}
	t.Flush()
	if s.Limit > 0 {
		fmt.Fprintf(w, "the limit: what %s reads, read one after the other: %.4f s\n", s.Contenders[0].Name, s.Limit)
	}
	for _, m := range s.Missing {
		fmt.Fprintf(w, "left out: %s\n", m)
	}
}

// machine describes where the run took place, in a line.
func machine() string {
	var u unix.Utsname
	kernel := "unknown kernel"
	if unix.Uname(&u) == nil {
		kernel = "Linux " + unix.ByteSliceToString(u.Release[:])
	}
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d x %s, %s, %s", runtime.NumCPU(), model, kernel, runtime.Version())
}
