package cmdline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// Group is some flags under a heading of the help text. Cli's own categories would have it describe
// all flags on each start.
type Group struct {
	Title string
	Flags []cli.Flag
}

// Flags lists the flags of all groups.
func Flags(groups []Group) []cli.Flag {
	var out []cli.Flag
	for _, g := range groups {
		out = append(out, g.Flags...)
	}
	return out
}

// Help is the text of --help: all flags by their groups, between what else there is to say.
func Help(intro, outro string, groups []Group) string {
	var b strings.Builder
	b.WriteString(intro)
	for _, group := range groups {
		fmt.Fprintf(&b, "\n%s:\n", group.Title)
		for _, f := range group.Flags {
			if d, ok := f.(cli.DocGenerationFlag); ok {
				describe(&b, f, d.GetUsage())
			}
		}
	}
	b.WriteString(outro)
	return b.String()
}

// Columns of the help text.
const (
	nameWidth = 26
	textWidth = 68
)

// describe prints one flag. The word in backquotes in its usage stands for its value.
func describe(b *strings.Builder, f cli.Flag, usage string) {
	name := strings.Join(Words(f), ", ")
	if before, rest, ok := strings.Cut(usage, "`"); ok {
		value, after, _ := strings.Cut(rest, "`")
		name, usage = name+" "+value, before+value+after
	}
	lines := Wrap(usage, textWidth)
	if len(name) > nameWidth {
		fmt.Fprintf(b, "  %s\n", name)
		name = ""
	}
	for _, line := range lines {
		fmt.Fprintf(b, "  %-*s %s\n", nameWidth, name, line)
		name = ""
	}
}

// Wrap breaks a text into lines of at most width bytes.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
