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

// explain tells what a code means, or lists those of an area, or all.
func explain(w io.Writer, name string, asJSON bool) error {
	codes := explained(name)
	if len(codes) == 0 {
		return cmdline.Usagef("--explain %q: no such code or area%s; \"list\" tells all codes", name, cmp.Or(nearest(name, areas()), similar(name)))
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
		case name == c.Name:
			_, err = io.WriteString(w, article(c))
		default:
			_, err = fmt.Fprintf(w, "%-32s %-9s %s\n", c.Name, c.Severity, c.Summary)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// explained are the codes that a name stands for.
func explained(name string) []*check.Code {
	return slices.DeleteFunc(check.Codes(), func(c *check.Code) bool {
		area, _, _ := strings.Cut(c.Name, ".")
		return name != "list" && name != area && name != c.Name
	})
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

// fewCodes is how many codes are proposed.
const fewCodes = 8

// similar names the area that a code would be of, or a few codes with the word in them.
func similar(name string) string {
	if area, _, _ := strings.Cut(name, "."); slices.Contains(areas(), area) {
		return "; --explain " + area + " tells those of that area"
	}
	var out []string
	for _, c := range check.Codes() {
		if strings.Contains(c.Name, name) {
			out = append(out, c.Name)
		}
	}
	if len(out) == 0 || len(out) > fewCodes {
		return ""
	}
	return "; there are " + strings.Join(out, ", ")
}
