package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/volume"
)

// race is work on files that Linux does through a mount, and a volume.Writer without one. The two
// take turns, each on an image that is made anew and filled alike. What counts is the time of the
// work and of bringing all of it to disk; making, mounting and unmounting the image does not.
type race struct {
	ops    int // what the work is divided by for the time of one operation
	rounds int // at most so many, as a round takes long; 0: as many as are asked for
	fill   func(w *volume.Writer) error
	ours   func(w *volume.Writer) error
	linux  func(dir string) error
	// lap measures one side, where all this does not fit: as turn does.
	lap func(ctx context.Context, b *bench, p places, side int) (*Measurement, error)
}

// race runs a set that is one.
func (b *bench) race(ctx context.Context, s *set, p places) (*SetResult, error) {
	out := &SetResult{Name: s.name, What: s.what, Durable: true, Ops: s.race.ops, Contenders: []ContenderResult{{Name: "cowfs"}}}
	if os.Geteuid() == 0 {
		out.Contenders = append(out.Contenders, ContenderResult{Name: "Linux, on a loop mount"})
	} else {
		out.Missing = append(out.Missing, "Linux, on a loop mount: needs root")
	}
	rounds := b.runs
	if s.race.rounds > 0 {
		rounds = min(rounds, s.race.rounds)
	}
	for range rounds {
		for i := range out.Contenders {
			lap := s.race.lap
			if lap == nil {
				lap = s.race.turn
			}
			m, err := lap(ctx, b, p, i)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", out.Contenders[i].Name, err)
			}
			out.Contenders[i].Runs = append(out.Contenders[i].Runs, *m)
		}
	}
	out.summarize()
	return out, nil
}

// turn makes an image, and measures one side's work on it: 0 is ours, 1 that of Linux.
func (r *race) turn(ctx context.Context, b *bench, p places, side int) (*Measurement, error) {
	if err := os.RemoveAll(p.image); err != nil {
		return nil, err
	}
	if err := do(ctx, b.mkcowfs, "-q", "--size", p.size, p.image); err != nil {
		return nil, err
	}
	w, err := openWriter(p.image, volume.Options{})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(r.fill(w), w.Close()); err != nil {
		return nil, err
	}
	if err := syncFile(p.image); err != nil {
		return nil, err
	}
	m := &Measurement{}
	if side == 0 {
		err = r.byUs(p, m)
	} else {
		err = r.byLinux(ctx, p, m)
	}
	return m, err
}

func (r *race) byUs(p places, m *Measurement) error {
	w, err := openWriter(p.image, volume.Options{})
	if err != nil {
		return err
	}
	err = m.time(func() error { return errors.Join(r.ours(w), w.Sync()) })
	return errors.Join(err, w.Close())
}

func (r *race) byLinux(ctx context.Context, p places, m *Measurement) error {
	if err := mount(ctx, p); err != nil {
		return err
	}
	err := func() error {
		top, err := os.Open(p.mount)
		if err != nil {
			return err
		}
		defer top.Close()
		return m.time(func() error { return errors.Join(r.linux(p.mount), unix.Syncfs(int(top.Fd()))) })
	}()
	return errors.Join(err, unix.Unmount(p.mount, 0))
}

// time notes how long work takes.
func (m *Measurement) time(work func() error) error {
	before, start := cpuTime(), time.Now()
	err := work()
	m.Seconds, m.CPUSeconds = time.Since(start).Seconds(), cpuTime()-before
	return err
}

// cpuTime is what this process has used so far, in seconds. What Linux does for it in other
// processes is not in it.
func cpuTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func openWriter(path string, o volume.Options) (*volume.Writer, error) {
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		return nil, err
	}
	w, err := volume.OpenWriter(dev, o)
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return w, nil
}

// printRace is print of a race.
func (s *SetResult) printRace(out io.Writer) {
	fmt.Fprintf(out, "\n%s, to disk\n", s.What)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tmedian s\tratio\tmicroseconds each\t")
	for _, c := range s.Contenders {
		fmt.Fprintf(t, "%s\t%.4f\t%.2f\t%.2f\t\n", c.Name, c.Seconds, c.Ratio, c.Seconds/float64(s.Ops)*1e6)
	}
	t.Flush()
	for _, m := range s.Missing {
		fmt.Fprintf(out, "left out: %s\n", m)
	}
}
