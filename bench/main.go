package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"context"
)

type options struct {
	runs    int
	sets    []string
	dir     string
	durable bool
	cold    bool
	json    string
}

func main() {
	var o options
	var sets string
	flag.IntVar(&o.runs, "runs", 7, "rounds that count; one more comes first, to warm up")
	flag.StringVar(&sets, "sets", "empty,go", "what to compare: "+strings.Join(setNames(), ", ")+", or all")
	flag.StringVar(&o.dir, "dir", "", "where trees and images go (default: a temporary directory)")
	flag.BoolVar(&o.durable, "durable", false, "count the time until the image is on disk")
	flag.BoolVar(&o.cold, "cold", false, "have checks read the image from the disk, not from the host's memory")
	flag.StringVar(&o.json, "json", "", "write the results to this `file`, too")
	flag.Parse()
	o.sets = strings.Split(sets, ",")
	if sets == "all" {
		o.sets = setNames()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	work, err := os.MkdirTemp(o.dir, "cowfs-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	b := &bench{options: o, work: work, mkcowfs: filepath.Join(work, "mkcowfs"), cowfsck: filepath.Join(work, "cowfsck"), cowdb: filepath.Join(work, "cowdb")}
	build := exec.CommandContext(ctx, "go", "build", "-o", work, "github.com/cowfs/cowfs/cmd/mkcowfs", "github.com/cowfs/cowfs/cmd/cowfsck", "github.com/cowfs/cowfs/cmd/cowdb")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as the README has it
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	chosen, err := chosenSets(o.sets)
	if err != nil {
		return err
	}
	report := Report{Machine: machine()}
	fmt.Println(report.Machine)
	for _, s := range chosen {
		result, err := b.compare(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		report.Sets = append(report.Sets, *result)
		result.print(os.Stdout)
	}
	if o.json == "" {
		return nil
	}
	out, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(out, '\n'), 0o644)
}
