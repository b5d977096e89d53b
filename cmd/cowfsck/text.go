package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
)

// shown is how many findings of a code are told, unless all are to be.
const shown = 10

// printText tells of the findings, by code, and sums up. Of a clean image it says nothing unless
// asked to.
func printText(w io.Writer, r *result, verbose bool) error {
	out := bufio.NewWriter(w)
	groups, order := byCode(r.Findings)
	for _, code := range order {
		all := groups[code]
		fmt.Fprintf(out, "%s (%s): %s\n", code.Name, plural(len(all), severityNoun(code.Severity)), code.Summary)
		for i, f := range all {
			if i == shown && !verbose {
				fmt.Fprintf(out, "  and %d more; -v tells all\n", len(all)-shown)
				break
			}
			fmt.Fprintf(out, "  %s\n", describe(f))
		}
	}
	if r.Dropped > 0 {
		fmt.Fprintf(out, "%s more, beyond --max-findings\n", plural(r.Dropped, "finding"))
	}
	if verbose || !r.quiet() {
		summarize(out, r)
	}
	return out.Flush()
}

// quiet reports whether there is nothing to tell: nothing was found, all that was asked for was
// judged, and the log was clean.
func (r *result) quiet() bool {
	return r.found() == 0 && r.exit() == exitClean && !r.Dirty
}

// byCode groups findings, and gives the codes in the order in which they first come.
func byCode(list []check.Finding) (map[*check.Code][]*check.Finding, []*check.Code) {
	groups := map[*check.Code][]*check.Finding{}
	var order []*check.Code
	for i := range list {
		code := list[i].Code
		if groups[code] == nil {
			order = append(order, code)
		}
		groups[code] = append(groups[code], &list[i])
	}
	return groups, order
}

// severityNoun is what one finding of a severity is called.
func severityNoun(s check.Severity) string {
	switch s {
	case check.Damage:
		return "fault"
	case check.Unchecked:
		return "part not checked"
	}
	return s.String()
}

func plural(n int, noun string) string {
	text := humanize.Comma(int64(n)) + " " + noun
	switch {
	case n == 1:
		return text
	case strings.HasSuffix(noun, "y"):
		return strings.TrimSuffix(text, "y") + "ies"
	case strings.HasPrefix(noun, "part "):
		return strings.Replace(text, "part", "parts", 1)
	}
	return text + "s"
}

// describe tells of a finding in a line: where, what, and which file.
func describe(f *check.Finding) string {
	parts := where(f.Place)
	what := f.Structure
	if f.Field != "" {
		what = strings.TrimSpace(what + " " + f.Field)
	}
	if what != "" {
		parts = append(parts, what)
	}
	text := strings.Join(parts, ", ")
	if values := values(printable(f.Got), printable(f.Want)); values != "" {
		text += ": " + values
	}
	if f.Note != "" {
		text += " (" + printable(f.Note) + ")"
	}
	if f.Path != "" {
		text += " " + printable(f.Path)
	}
	return text
}

// where tells a place in words.
func where(p check.Place) []string {
	var parts []string
	if p.AG != format.NullAGNumber {
		parts = append(parts, fmt.Sprintf("AG %d", p.AG))
	}
	switch {
	case p.Block == format.NullAGBlock:
	case p.Count > 1:
		parts = append(parts, fmt.Sprintf("blocks %d to %d", p.Block, uint64(p.Block)+uint64(p.Count)-1))
	default:
		parts = append(parts, fmt.Sprintf("block %d", p.Block))
	}
	if p.Ino != format.NullIno {
		parts = append(parts, fmt.Sprintf("inode %d", p.Ino))
	}
	if p.Offset >= 0 {
		parts = append(parts, fmt.Sprintf("byte %d", p.Offset))
	}
	return parts
}

func values(got, want string) string {
	switch {
	case got != "" && want != "":
		return got + ", should be " + want
	case got != "":
		return got
	case want != "":
		return "should be " + want
	}
	return ""
}

// summarize tells the verdict, what was looked at, and what to do next.
func summarize(w io.Writer, r *result) {
	fmt.Fprintf(w, "%s: %s", printable(r.image), r.verdict())
	var sums []string
	for s, n := range r.Counts {
		if n > 0 {
			sums = append(sums, plural(n, severityNoun(check.Severity(s))))
		}
	}
	if r.Dropped > 0 {
		sums = append(sums, plural(r.Dropped, "finding")+" not kept")
	}
	if len(sums) > 0 {
		fmt.Fprintf(w, ": %s", strings.Join(sums, ", "))
	}
	s := r.Stats
	fmt.Fprintf(w, "; %s, %s, %s, %s, %s read\n", plural(int(s.Groups), "group"), plural(int(s.Inodes), "inode"),
		plural(int(s.Dirs), "directory"), plural(int(s.Extents), "extent"), humanize.IBytes(uint64(s.Read)))
	for _, line := range advice(r) {
		fmt.Fprintf(w, "%s\n", line)
	}
}

// advice tells what to do next.
func advice(r *result) []string {
	var out []string
	if len(r.only) > 0 {
		out = append(out, "Only "+strings.Join(r.only, ", ")+" was asked for; the rest may be wrong.")
	}
	switch {
	case r.Complete:
	case len(r.only) > 0:
		out = append(out, "Not all could be judged; without --only it is told why.")
	default:
		out = append(out, "Not all could be judged, so nothing says that the rest is right.")
	}
	switch {
	case r.replayed:
		out = append(out, "The log was dirty; what it held is in the image now.")
	case r.Dirty:
		out = append(out, "The log is dirty; the image was judged as it is with what the log holds. --replay brings that in, as does a mount.")
	}
	switch {
	case r.exit() != exitDamaged:
	case r.repaired && r.safely:
		out = append(out, "This is left: -p mends only what is safe. cowfsck --plan tells what -y would do.")
	case r.repaired:
		out = append(out, "This could not be mended. Copy from the image what you need (cowdb get).")
	default:
		out = append(out, "Nothing was mended. cowfsck --plan tells what a repair would do, and cowfsck -y does it; --explain CODE tells what a finding means.")
	}
	return out
}
