package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/internal/usage"
)

// explain tells what a code means, or lists all.
func explain(w io.Writer, name string, asJSON bool) error {
	codes := check.Codes()
	if name != "list" {
		c := check.FindCode(name)
		if c == nil {
			return cmdline.Usagef("--explain %q: no such code%s; \"list\" tells all", name, cmp.Or(nearest(name, nil), similar(name)))
		}
		codes = []*check.Code{c}
	}
	if asJSON {
		if err := printJSONHeader(w, ""); err != nil {
			return err
		}
	}
	for _, c := range codes {
		var err error
		switch {
		case asJSON:
			err = newEncoder(w).Encode(jsonCode{"code", c.Name, c.Severity.String(), c.Summary, c.Means, c.Lost, c.Repair})
		case name == "list":
			_, err = fmt.Fprintf(w, "%-32s %-9s %s\n", c.Name, c.Severity, c.Summary)
		default:
			_, err = io.WriteString(w, article(c))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// article is all there is to say of a code.
func article(c *check.Code) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s\n", c.Name, c.Severity, c.Summary)
	for _, p := range []struct{ head, text string }{{"What it means", c.Means}, {"What is lost", c.Lost}, {"How it is mended", c.Repair}} {
		if p.text != "" {
			fmt.Fprintf(&b, "\n%s:\n", p.head)
			for _, line := range cmdline.Wrap(p.text, 92) {
				fmt.Fprintf(&b, "  %s\n", line)
			}
		}
	}
	return b.String()
}

// nearest proposes a code, or one of some areas, that is spelled much like a name.
func nearest(name string, areas []string) string {
	known := slices.Clone(areas)
	for _, c := range check.Codes() {
		known = append(known, c.Name)
	}
	return usage.Suggest(name, known)
}

// similar names codes of the same area, or with the word in them.
func similar(name string) string {
	area, _, _ := strings.Cut(name, ".")
	var out []string
	for _, c := range check.Codes() {
		if area != "" && strings.Contains(c.Name, area) {
			out = append(out, c.Name)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; there are " + strings.Join(out, ", ")
}
