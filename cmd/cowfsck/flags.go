package main

import (
	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
)

// flagGroups lists the flags as the help text does.
func flagGroups() []cmdline.Group {
	return []cmdline.Group{
		{Title: "What to do", Flags: []cli.Flag{
			&cli.BoolFlag{Name: "n", Usage: "change nothing: the image is opened for reading only"},
			&cli.BoolFlag{Name: "p", Aliases: []string{"a"}, Usage: "mend what takes nothing from anybody: replay the log, free what a crash has left, add up counters"},
			&cli.BoolFlag{Name: "y", Usage: "mend all that can be mended"},
			&cli.BoolFlag{Name: "plan", Usage: "tell what a repair would do, and change nothing"},
			&cli.BoolFlag{Name: "strict", Usage: "with -y: change nothing if anything would be lost"},
			&cli.StringFlag{Name: "keep-cow", Usage: "save blocks that were staged for a write of no known file in `DIR` before they are freed"},
			&cli.StringFlag{Name: "undo", Usage: "the undo file of a repair is `FILE`; by default it lies beside the image, with .undo behind its name"},
			&cli.StringFlag{Name: "undo-apply", Usage: "take back the repair whose undo file is `FILE`: every byte is put back"},
			&cli.BoolFlag{Name: "replay", Usage: "write what a dirty log holds into the image first, as a mount would"},
			&cli.StringSliceFlag{Name: "only", Usage: "tell of these `AREAS`, structures or codes only, with commas between: refcount,rmapbt,cow.leaked"},
			&cli.StringFlag{Name: "offset", Usage: "the volume begins `BYTES` into the image, as in a partition; k, m, g and t are powers of 1024"},
			&cli.StringFlag{Name: "explain", Usage: "tell what the finding `CODE` means, what is lost, and how it is mended; an area or \"list\" tells its codes or all"},
			&cli.BoolFlag{Name: "f", Usage: "has no effect: every check is a full one. fsck(8) passes it on"},
		}},
		{Title: "What to print", Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print objects, one line of JSON each, instead of text"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "tell of each finding, and of a clean image too"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but errors: the exit code tells"},
			&cli.IntFlag{Name: "max-findings", Usage: "keep `N` findings and count the others; 0 keeps a million"},
			&cli.IntFlag{Name: "progress-fd", Value: -1, Usage: "write progress to file descriptor `N`: a line of stage, bytes done and bytes in all"},
		}},
		{Title: "How to run", Flags: []cli.Flag{
			&cli.IntFlag{Name: "threads", Usage: "work with `N` threads, 256 at most; by default, one for each CPU"},
			&cli.StringFlag{Name: "memory", Usage: "use `BYTES` of memory; with less, a check may take several passes. By default, an eighth of the machine's"},
			&cli.StringFlag{Name: "completion", Usage: "print a completion script for `SHELL`: bash, zsh or fish"},
			&cli.BoolFlag{Name: "man", Usage: "print the manual page, for man -l -"},
			&cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version"},
		}},
	}
}

// flags lists all flags.
func flags() []cli.Flag { return cmdline.Flags(flagGroups()) }

const intro = `cowfsck [options] IMAGE
cowfsck --explain CODE

Checks and repairs the XFS version 5 filesystem in IMAGE, a regular file or a block device that is
not mounted. Without -p or -y nothing is changed. A log that a crash left dirty is replayed in
memory: the image is judged as it would be after a mount, and stays as it is. Nothing is printed
when nothing is wrong and the log is clean. A repair writes an undo file first; interrupted, it goes
on when it is run again.

Examples:
  cowfsck disk.img                             check, change nothing
  cowfsck --plan disk.img                      tell what a repair would do
  cowfsck -y disk.img                          mend all that can be mended
  cowfsck --undo-apply disk.img.undo disk.img  take that back
  cowfsck --replay disk.img                    bring in what the log holds, then check
  cowfsck --json disk.img | jq 'select(.type == "finding")'
  cowfsck --offset 1m --only refcount,cow disk.img
  cowfsck --explain refcount.too-low
`

const outro = `
Exit codes: 0 clean, 1 mended, 4 damage is left, 8 not all could be checked, 16 wrong options,
32 interrupted.
`

func helpText() string { return cmdline.Help(intro, outro, flagGroups()) }
