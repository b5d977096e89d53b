package cmdline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// Help is the text of --help: all flags by their groups, which are their categories, between what
// else there is to say.
func Help(intro, outro string, groups []string, flags []cli.Flag) string {
	var b strings.Builder
	b.WriteString(intro)
	for _, group := range groups {
		fmt.Fprintf(&b, "\n%s:\n", group)
		for _, f := range flags {
			if d, ok := f.(cli.DocGenerationFlag); ok && category(f) == group {
				describe(&b, f, d.GetUsage())
			}
		}
	}
	b.WriteString(outro)
	return b.String()
}

func category(f cli.Flag) string {
	if c, ok := f.(cli.CategorizableFlag); ok {
		return c.GetCategory()
	}
	return ""
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
