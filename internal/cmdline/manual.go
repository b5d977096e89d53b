package cmdline

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"
)

// Page is the manual page of a program: the options come from the program's flags, what stands
// around them is written in roff.
type Page struct {
	Program string // name
	Summary string // one line: what it does
	Before  string // roff: SYNOPSIS and DESCRIPTION
	Groups  []Group
	After   string // roff: everything behind OPTIONS
}

// Manual writes the page in the form of man(7).
func (p Page) Manual(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".\\\" Made by %s --man. Do not edit.\n.TH %s 8 \"\" \"cowfs\" \"System Administration\"\n", p.Program, strings.ToUpper(p.Program))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n%s.SH OPTIONS\n", p.Program, Roff(p.Summary), p.Before)
	for _, g := range p.Groups {
		fmt.Fprintf(&b, ".SS %s\n", Roff(g.Title))
		for _, f := range g.Flags {
			if d, ok := f.(cli.DocGenerationFlag); ok {
				manualFlag(&b, f, d.GetUsage())
			}
		}
	}
	b.WriteString(p.After)
	_, err := io.WriteString(w, b.String())
	return err
}

// manualFlag writes one flag. The word in backquotes in its usage stands for its value.
func manualFlag(b *strings.Builder, f cli.Flag, usage string) {
	var names []string
	for _, word := range Words(f) {
		names = append(names, `\fB`+Roff(word)+`\fR`)
	}
	value := ""
	if before, rest, ok := strings.Cut(usage, "`"); ok {
		v, after, _ := strings.Cut(rest, "`")
		usage = before + v + after
		value = ` \fI` + Roff(strings.ToLower(v)) + `\fR`
	}
	fmt.Fprintf(b, ".TP\n%s%s\n%s\n", strings.Join(names, ", "), value, Roff(Sentence(usage)))
}

// Sentence is a text with a capital letter in front and a full
// stop behind it.
func Sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// Roff is plain text as it is written in a manual page.
func Roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line // else it were a request
		}
	}
	return strings.Join(lines, "\n")
}
