package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

const intro = `mkcowfs [options] IMAGE

Makes an XFS version 5 filesystem in IMAGE, a regular file or a block device. A file appears
whole when all is done; until then nothing is changed. The size is --size, else that of IMAGE if
it exists, else the smallest that holds the content.

Examples:
  mkcowfs --size 10G disk.img                         an empty image
  mkcowfs --root ./rootfs root.img                    the smallest image that holds a directory
  mkcowfs --root ./rootfs --free 20% --all-root root.img
  mkcowfs --oci ./layout:latest --dedupe app.img      a container image
  mkcowfs --tar base.tar.gz --tar more.tar.zst a.img  layers on one another
  mkcowfs -N -b size=1k -d size=1g disk.img           show the geometry, make nothing
`

const outro = `
Exit codes: 0 made, 1 failed, 2 wrong options, 130 interrupted.

Environment: SOURCE_DATE_EPOCH replaces the current time, DETERMINISTIC_SEED is the seed of the
UUID and of inode generations. With one of them the same command makes the same image.
`

// helpText tells all that can be said on the command line, by group.
func helpText() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, group := range flagGroups() {
		fmt.Fprintf(&b, "\n%s:\n", group.title)
		for _, f := range group.flags {
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
	name := strings.Join(words(f), ", ")
	if before, rest, ok := strings.Cut(usage, "`"); ok {
		value, after, _ := strings.Cut(rest, "`")
		name, usage = name+" "+value, before+value+after
	}
	lines := wrap(usage, textWidth)
	if len(name) > nameWidth {
		fmt.Fprintf(b, "  %s\n", name)
		name = ""
	}
	for _, line := range lines {
		fmt.Fprintf(b, "  %-*s %s\n", nameWidth, name, line)
		name = ""
	}
}

// wrap breaks a text into lines of at most width bytes.
func wrap(text string, width int) []string {
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
