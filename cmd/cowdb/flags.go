package main

import (
	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
)

func flagGroups() []cmdline.Group {
	return []cmdline.Group{
		{Title: "Image", Flags: []cli.Flag{
			&cli.BoolFlag{Name: "w", Usage: "open the image for writing; each change is made as a whole or not at all"},
			&cli.BoolFlag{Name: "dry-run", Usage: "make changes in memory only, and print at the end what they would be"},
			&cli.BoolFlag{Name: "raw", Usage: "show what is in place when the log is dirty, without the changes that it holds; with -w, only structures can be changed"},
			&cli.StringFlag{Name: "offset", Usage: "the volume begins `BYTES` into the image, as in a partition; k, m, g and t are powers of 1024"},
			&cli.UintFlag{Name: "sb", Usage: "use the superblock of group `AG`, where the first one is damaged"},
		}},
		{Title: "Commands and results", Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "c", Usage: "run `COMMAND`; may be given several times"},
			&cli.StringFlag{Name: "f", Usage: "run the commands of the file `SCRIPT`; - is standard input"},
			&cli.StringSliceFlag{Name: "let", Usage: "set a variable for them: `NAME=VALUE`; may be given several times"},
			&cli.BoolFlag{Name: "time", Usage: "tell at the end on standard error how long commands took"},
			&cli.BoolFlag{Name: "json", Usage: "print objects, one line of JSON each, instead of text"},
		}},
		{Title: "Other", Flags: []cli.Flag{
			&cli.StringFlag{Name: "completion", Usage: "print a completion script for `SHELL`: bash, zsh or fish"},
			&cli.BoolFlag{Name: "man", Usage: "print the manual page, for man -l -"},
			&cli.StringFlag{Name: "complete", Usage: "print what the last word of `LINE`, a command for the image, can become; of use to such scripts"},
			&cli.BoolFlag{Name: "version", Usage: "print the version"},
		}},
	}
}
