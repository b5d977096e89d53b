package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/mkfs"
)

// makeImage runs the job and tells of it. Standard output has what mkfs.xfs would print there, or
// the JSON object; all else goes to standard error.
func makeImage(ctx context.Context, c *cli.Command, h host) error {
	j, err := jobOf(c, h)
	if err != nil {
		return err
	}
	quiet, asJSON := c.Bool("quiet"), c.Bool("json")
	bar := cmdline.NewBar(h.stderr, quiet || asJSON)
	j.Progress = func(done, total int64) { bar.Update("writing", done, total) }
	var printed error
	j.Planned = func(l *mkfs.Layout) {
		for _, w := range l.Warnings {
			fmt.Fprintf(h.stderr, "mkcowfs: warning: %s\n", w)
		}
		if !quiet && !asJSON {
			printed = mkfs.Table(h.stdout, l.Geometry, j.Path)
		}
	}
	// An empty image is there sooner than signals can be caught, and leaves nothing behind when it
	// is not.
	if j.Source.Given() {
		var stop context.CancelFunc
		ctx, stop = h.interruptible(ctx)
		defer stop()
	}
	sum, err := mkfs.Make(ctx, *j)
	bar.Finish()
	if err == nil {
		err = printed
	}
	switch {
	case err != nil:
		return err
	case asJSON:
		return printJSON(h.stdout, j, sum)
	case !quiet && j.Source.Given():
		printSummary(h.stderr, j, sum)
	}
	return nil
}

// jsonReport is the object that --json prints.
type jsonReport struct {
	Image    string      `json:"image"`
	Bytes    int64       `json:"bytes"` // size of the image
	Made     bool        `json:"made"`  // false after --dry-run
	Geometry mkfs.Report `json:"geometry"`
	Content  jsonContent `json:"content"`
	Warnings []string    `json:"warnings,omitempty"`
}

type jsonContent struct {
	Inodes       uint64 `json:"inodes"`
	Files        uint64 `json:"files"`
	Dirs         uint64 `json:"directories"`
	Bytes        uint64 `json:"bytes"` // of files, holes included
	DataBlocks   uint64 `json:"data_blocks"`
	SharedBlocks uint64 `json:"shared_blocks"`
	MetaBlocks   uint64 `json:"metadata_blocks"`
	FreeBlocks   uint64 `json:"free_blocks"`
}

func printJSON(w io.Writer, j *mkfs.Job, sum *mkfs.Summary) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(jsonReport{
		Image: j.Path, Bytes: sum.Bytes, Made: !j.DryRun,
		Geometry: mkfs.Describe(sum.Layout.Geometry), Content: jsonContent(sum.Stats), Warnings: sum.Layout.Warnings,
	})
}

// printSummary tells in a line or two what a filled image holds.
func printSummary(w io.Writer, j *mkfs.Job, sum *mkfs.Summary) {
	s, g := sum.Stats, sum.Layout.Geometry
	blocks := func(n uint64) string { return humanize.IBytes(n << g.BlockLog) }
	verb := "holds"
	if j.DryRun {
		verb = "would hold"
	}
	const own = 2 // inodes of every image that are in no directory
	others := "nothing else"
	if n := s.Inodes - s.Files - s.Dirs - own; n > 0 {
		others = count(n, "other", "others")
	}
	fmt.Fprintf(w, "%s: %s, %s %s, %s and %s\n", j.Path, humanize.IBytes(uint64(sum.Bytes)), verb,
		count(s.Files, "file", "files"), count(s.Dirs, "directory", "directories"), others)
	fmt.Fprintf(w, "  content %s, data blocks %s", humanize.IBytes(s.Bytes), blocks(s.DataBlocks))
	if s.SharedBlocks > 0 {
		fmt.Fprintf(w, " (sharing saved %s)", blocks(s.SharedBlocks))
	}
	fmt.Fprintf(w, ", metadata %s, log %s, free %s\n", blocks(s.MetaBlocks), blocks(uint64(g.LogBlocks)), blocks(s.FreeBlocks))
}

func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// printVersion tells which program this is.
func printVersion(w io.Writer) error {
	_, err := fmt.Fprintf(w, "mkcowfs version %s (geometry and options of mkfs.xfs 7.2)\n%s\n", cmdline.Version(), cmdline.Build())
	return err
}
