package shell

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle/xfsdb"
)

// agreeInNumbers compares what is computed.
func agreeInNumbers(t *testing.T, path string) {
	s := readerOn(t, path, false)
	var out bytes.Buffer
	s.Out = &out
	run := func(line string) string {
		t.Helper()
		out.Reset()
		if err := s.Run(t.Context(), strings.Fields(line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return out.String()
	}
	numbers := regexp.MustCompile(`\d+`)
	for _, c := range []struct {
		ours, theirs string
		pick         func(string) []string // the numbers that should agree, in their order
	}{
		{"hash user.comment", "hash user.comment", strings.Fields},
		{"frag", "frag", func(s string) []string {
			n := numbers.FindAllString(s, -1) // ours: actual, files, ideal; theirs: actual, ideal, percent
			if strings.Contains(s, "would do") {
				return []string{n[0], n[2]}
			}
			return n[:2]
		}},
		{"frag -d", "frag -d", func(s string) []string {
			n := numbers.FindAllString(s, -1)
			if strings.Contains(s, "would do") {
				return []string{n[0], n[2]}
			}
			return n[:2]
		}},
		{"agresv", "agresv", func(s string) []string { return numbers.FindAllString(s, -1) }},
		{"logres", "logres", func(s string) []string {
			lines := strings.Split(strings.TrimSpace(s), "\n")
			return numbers.FindAllString(lines[len(lines)-1], -1)
		}},
		{"convert agno 1 agblock 5 fsblock", "convert agno 1 agblock 5 fsblock", decimal(numbers)},
		{"convert agno 2 agino 77 ino", "convert agno 2 agino 77 ino", decimal(numbers)},
		{"convert fsblock 100 daddr", "convert fsblock 100 daddr", decimal(numbers)},
		{"convert daddr 999 agblock", "convert daddr 999 agblock", decimal(numbers)},
		{"convert ino 131 inoidx", "convert ino 131 inoidx", decimal(numbers)},
		{"convert byte 3333333 blkoff", "convert byte 3333333 blkoff", decimal(numbers)},
	} {
		theirs := xfsdb.Run(t, path, [][]string{{c.theirs}})[0]
		theirs = strings.ReplaceAll(theirs, "xfs_db> ", "")
		if got, want := c.pick(run(c.ours)), c.pick(theirs); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, xfs_db has %q", c.ours, got, want)
		}
	}
	for _, kind := range []string{"bnobt", "cntbt", "inobt", "finobt", "rmapbt", "bmapbt"} {
		for _, w := range []string{"min", "max"} {
			args := fmt.Sprintf("btheight -b 4096 -n 12345678 -w %s %s", w, kind)
			theirs := strings.ReplaceAll(xfsdb.Run(t, path, [][]string{{args}})[0], "xfs_db> ", "")
			total := regexp.MustCompile(`(\d+) levels, (\d+) blocks`)
			if got, want := total.FindString(run(args)), total.FindString(theirs); got == "" || got != want {
				t.Errorf("%s: %q, xfs_db has %q", args, got, theirs)
			}
		}
	}
}

// decimal picks the decimal number out of what convert prints: we print it first, xfs_db in
// parentheses.
func decimal(numbers *regexp.Regexp) func(string) []string {
	paren := regexp.MustCompile(`^0x[0-9a-f]+ \((\d+)\)`)
	return func(s string) []string {
		if m := paren.FindStringSubmatch(strings.TrimSpace(s)); m != nil {
			return m[1:]
		}
		return numbers.FindAllString(s, 1)
	}
}
