package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bench is one run of the program.
type bench struct {
	options
	work             string
	mkcowfs, cowfsck string
	cowdb            string
}

// places are what the words in command lines stand for.
type places struct{ image, size, tree, archive, mount string }

func (p places) fill(args []string) []string {
	r := strings.NewReplacer(wordImage, p.image, wordSize, p.size, wordTree, p.tree, wordArchive, p.archive, wordMount, p.mount)
	out := slices.Clone(args)
	for i, a := range out {
		// A script's own words are none of ours.
		if i > 0 && out[i-1] == "-ec" {
			continue
		}
		out[i] = r.Replace(a)
	}
	return out
}

// compare runs a set.
func (b *bench) compare(ctx context.Context, s *set) (result *SetResult, err error) {
	result = &SetResult{Name: s.name, What: s.what, Durable: b.durable}
	dir := filepath.Join(b.work, s.name)
	p := places{image: filepath.Join(dir, "image"), size: s.size, archive: filepath.Join(dir, "archive.tar"), mount: filepath.Join(dir, "mount")}
	for _, d := range []string{dir, p.mount, filepath.Join(dir, "tree")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
	}
	defer os.RemoveAll(dir)
	if s.race != nil {
		return b.race(ctx, s, p)
	}
	if s.source != nil {
		if p.tree, err = s.source(ctx, filepath.Join(dir, "tree")); err != nil {
			return nil, fmt.Errorf("make the source: %w", err)
		}
		if result.Files, result.Bytes, err = measure(p.tree); err != nil {
			return nil, err
		}
		if err := archive(ctx, p.tree, p.archive); err != nil {
			return nil, err
		}
	}
	if s.image != nil {
		if err := s.image(ctx, b, p); err != nil {
			return nil, fmt.Errorf("make the image: %w", err)
		}
	}
	contenders := b.contenders(s)
	if s.script != nil {
		if err := s.script.prepare(ctx, b, s.size, p); err != nil {
			return nil, fmt.Errorf("make the image: %w", err)
		}
		if contenders, err = b.scripted(ctx, s.script, p); err != nil {
			return nil, err
		}
	}
	var running []contender
	for _, c := range contenders {
		if c.missing != "" {
			result.Missing = append(result.Missing, c.name+": "+c.missing)
			continue
		}
		running = append(running, c)
		result.Contenders = append(result.Contenders, ContenderResult{Name: c.name})
	}
	for round := range b.runs + 1 {
		for i, c := range running {
			m, err := b.once(ctx, c, p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 { // the first warms up
				result.Contenders[i].Runs = append(result.Contenders[i].Runs, *m)
			}
		}
	}
	if s.image != nil && len(running) > 0 {
		if result.Limit, err = b.limit(p.image, result.Contenders[0].Runs[0].Read); err != nil {
			return nil, err
		}
	}
	result.summarize()
	return result, nil
}

// once runs a contender: from nothing to an image, or over the one that there is.
func (b *bench) once(ctx context.Context, c contender, p places) (*Measurement, error) {
	if !c.judges {
		if err := os.RemoveAll(p.image); err != nil {
			return nil, err
		}
	}
	if c.prepare != nil {
		if err := c.prepare(ctx, p); err != nil {
			return nil, err
		}
	}
	unix.Sync()
	if c.judges && b.cold {
		if err := forget(p.image); err != nil {
			return nil, err
		}
	}
	args := p.fill(c.args)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if c.stdin != "" {
		in, err := os.Open(c.stdin)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		cmd.Stdin = in
	}
	start := time.Now()
	read, err := runCounting(cmd)
	if err != nil && !(c.judges && cmd.ProcessState != nil && cmd.ProcessState.ExitCode() > 0) {
		return nil, fmt.Errorf("%q: %w\n%s", args, err, out.Bytes())
	}
	if b.durable {
		if err := syncFile(p.image); err != nil {
			return nil, err
		}
	}
	wall := time.Since(start)
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	var st unix.Stat_t
	if err := unix.Stat(p.image, &st); err != nil {
		return nil, fmt.Errorf("%q made no image: %w", args, err)
	}
	return &Measurement{
		Seconds: wall.Seconds(), Exit: cmd.ProcessState.ExitCode(), CPUSeconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		MaxRSS: usage.Maxrss << 10, Allocated: st.Blocks * 512, Read: read,
	}, nil
}

// forget has the host give up what it keeps of a file in memory.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
