package main

import (
	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
)

// The groups that --help shows flags in.
const (
	groupWhat   = "What to do"
	groupOutput = "What to print"
	groupRun    = "How to run"
)

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "n", Category: groupWhat, Usage: "change nothing: the image is opened for reading only"},
		&cli.BoolFlag{Name: "replay", Category: groupWhat, Usage: "write what a dirty log holds into the image first, as a mount would"},
		&cli.StringSliceFlag{Name: "only", Category: groupWhat, Usage: "tell of these `AREAS` or codes only, with commas between: refcount,cow.leaked"},
		&cli.StringFlag{Name: "offset", Category: groupWhat, Usage: "the volume begins `BYTES` into the image, as in a partition; k, m, g and t are powers of 1024"},
		&cli.StringFlag{Name: "explain", Category: groupWhat, Usage: "tell what the finding `CODE` means, what is lost, and how it is mended; \"list\" tells all codes"},

		&cli.BoolFlag{Name: "json", Category: groupOutput, Usage: "print objects, one line of JSON each, instead of text"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: groupOutput, Usage: "tell of each finding, and of a clean image too"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: groupOutput, Usage: "print nothing but errors: the exit code tells"},
		&cli.IntFlag{Name: "max-findings", Category: groupOutput, Usage: "keep `N` findings and count the others; 0 keeps all"},
		&cli.IntFlag{Name: "progress-fd", Category: groupOutput, Value: -1, Usage: "write progress to file descriptor `N`: a line of stage, bytes done and bytes in all"},

		&cli.IntFlag{Name: "threads", Category: groupRun, Usage: "work with `N` threads; by default, one for each CPU"},
		&cli.StringFlag{Name: "memory", Category: groupRun, Usage: "use `BYTES` of memory where there is a choice; by default, a share of what the machine has"},
		&cli.StringFlag{Name: "completion", Category: groupRun, Usage: "print a completion script for `SHELL`: bash, zsh or fish"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Category: groupRun, Usage: "print the version"},

		// Of repair, which is not there yet.
		&cli.BoolFlag{Name: "p", Hidden: true},
		&cli.BoolFlag{Name: "y", Hidden: true},
		&cli.BoolFlag{Name: "plan", Hidden: true},
		&cli.StringFlag{Name: "undo", Hidden: true},
	}
}

const intro = `cowfsck [options] IMAGE
cowfsck --explain CODE

Checks the XFS version 5 filesystem in IMAGE, a regular file or a block device that is not
mounted. A log that a crash left dirty is replayed in memory: the image is judged as it would be
after a mount, and stays as it is. Nothing is printed when nothing is wrong.

Examples:
  cowfsck disk.img                             check, change nothing
  cowfsck --replay disk.img                    bring in what the log holds, then check
  cowfsck --json disk.img | jq 'select(.type == "finding")'
  cowfsck --offset 1m --only refcount,cow disk.img
  cowfsck --explain refcount.too-low
`

const outro = `
Exit codes: 0 clean, 1 mended, 4 damage is left, 8 not all could be checked, 16 wrong options,
32 interrupted.
`

func helpText(flags []cli.Flag) string {
	return cmdline.Help(intro, outro, []string{groupWhat, groupOutput, groupRun}, flags)
}
