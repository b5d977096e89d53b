package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/internal/usage"
	"github.com/cowfs/cowfs/shell"
)

var (
	//go:embed manual/before.roff
	manualBefore string
	//go:embed manual/after.roff
	manualAfter string
)

// printManual prints the manual page, which lies in docs/man too.
func printManual(w io.Writer) error {
	page := cmdline.Page{
		Program: "cowdb", Summary: "look into an XFS image and change it",
		Before: manualBefore, Groups: flagGroups(), After: manualCommands() + manualAfter,
	}
	return page.Manual(w)
}

// manualCommands is the sections about all commands and keywords, from what each says of itself.
func manualCommands() string {
	var b strings.Builder
	b.WriteString(".SH COMMANDS\n")
	for _, c := range shell.Commands() {
		manualCommand(&b, c)
	}
	b.WriteString(".SH WORDS OF SCRIPTS\n")
	for _, c := range shell.Keywords() {
		manualCommand(&b, c)
	}
	return b.String()
}

func manualCommand(b *strings.Builder, c *shell.Command) {
	fmt.Fprintf(b, ".TP\n.B %s \\fR%s\n%s\n", cmdline.Roff(c.Name), cmdline.Roff(c.Args), cmdline.Roff(cmdline.Sentence(c.Summary)))
	b.WriteString(".RS\n")
	if len(c.Aliases) > 0 {
		fmt.Fprintf(b, ".PP\nAlso called %s.\n", cmdline.Roff(strings.Join(c.Aliases, ", ")))
	}
	if c.Text != "" {
		fmt.Fprintf(b, ".PP\n%s\n", cmdline.Roff(strings.TrimSpace(c.Text)))
	}
	c.Flags(func(name, says string) {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", cmdline.Roff(usage.Dashed(name)), cmdline.Roff(cmdline.Sentence(says)))
	})
	b.WriteString(".PP\n.EX\n")
	for _, e := range c.Examples {
		fmt.Fprintln(b, cmdline.Roff(e.Line))
		if e.Says != "" {
			fmt.Fprintf(b, "    %s\n", cmdline.Roff(e.Says))
		}
	}
	b.WriteString(".EE\n.RE\n")
}
