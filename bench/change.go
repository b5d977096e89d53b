package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/volume"
)

// changeSets are about changing what an image holds, and about the log that makes it safe.
var changeSets = []set{
	{name: "create", what: "100,000 files created in 100 directories", size: "4g", race: &race{
		ops: manyNames, fill: directories, ours: createByUs, linux: createByLinux}},
	{name: "remove", what: "100,000 files removed from 100 directories", size: "4g", race: &race{
		ops: manyNames, fill: func(w *volume.Writer) error { return errors.Join(directories(w), createByUs(w)) },
		ours: removeByUs, linux: removeByLinux}},
	{name: "write", what: "a file of 4 GiB written from beginning to end, per MiB", size: "6g", race: &race{
		ops: 4 << 10, rounds: 3, fill: emptyFile, ours: writeByUs(inOrder(4<<30, 1<<20), 1<<20), linux: writeByLinux(inOrder(4<<30, 1<<20), 1<<20)}},
	{name: "recover", what: "recovery of a full log of 64 MiB", size: "4g", race: &race{ops: 1, lap: recoverOnce}},
}

const (
	manyNames = 100_000
	dirCount  = 100
)

func nameOf(i int) string { return fmt.Sprintf("/%d/file-%d", i%dirCount, i) }

func directories(w *volume.Writer) error {
	for i := range dirCount {
		if err := w.Mkdir(fmt.Sprintf("/%d", i), volume.Attr{Mode: 0o755}); err != nil {
			return err
		}
	}
	return nil
}

func createByUs(w *volume.Writer) error {
	for i := range manyNames {
		if err := w.Create(nameOf(i), volume.Attr{Mode: 0o644}); err != nil {
			return err
		}
	}
	return nil
}

func createByLinux(dir string) error {
	for i := range manyNames {
		f, err := os.OpenFile(dir+nameOf(i), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

func removeByUs(w *volume.Writer) error {
	for i := range manyNames {
		if err := w.Remove(nameOf(i)); err != nil {
			return err
		}
	}
	return nil
}

func removeByLinux(dir string) error {
	for i := range manyNames {
		if err := os.Remove(dir + nameOf(i)); err != nil {
			return err
		}
	}
	return nil
}

func emptyFile(w *volume.Writer) error { return w.Create("/file", volume.Attr{Mode: 0o644}) }

// recoverOnce copies an image that Linux left with a full log, and measures how long one side takes to
// recover it and to have it on disk.
func recoverOnce(ctx context.Context, b *bench, p places, side int) (*Measurement, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("this takes a mount, and that takes root")
	}
	origin := p.image + ".full"
	if _, err := os.Stat(origin); errors.Is(err, os.ErrNotExist) {
		full := p
		full.image = origin
		if err := mounted(ctx, full, func(dir string) error { return fillLog(ctx, dir) }); err != nil {
			return nil, fmt.Errorf("fill the log: %w", err)
		}
	}
	if err := do(ctx, "cp", "--sparse=always", "--reflink=never", origin, p.image); err != nil {
		return nil, err
	}
	if err := syncFile(p.image); err != nil {
		return nil, err
	}
	m := &Measurement{}
	if side == 0 {
		return m, m.time(func() error {
			w, err := openWriter(p.image, volume.Options{Replay: true})
			if err != nil {
				return err
			}
			return errors.Join(w.Close(), syncFile(p.image))
		})
	}
	err := m.time(func() error {
		if err := mount(ctx, p); err != nil {
			return err
		}
		return syncFile(p.image)
	})
	return m, errors.Join(err, unix.Unmount(p.mount, 0))
}

// fillLog makes so many changes that the log of 64 MiB is as full as Linux lets it become, and has the
// volume go down before they are in place. Some files have a block, and each fourth gets another name.
func fillLog(ctx context.Context, dir string) error {
	for i := range 150 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o755); err != nil {
			return err
		}
	}
	for i := range 120_000 {
		path := filepath.Join(dir, fmt.Sprint(i%150), fmt.Sprint("file-", i))
		if err := os.WriteFile(path, make([]byte, max(0, i%10-8)), 0o644); err != nil {
			return err
		}
		if i%4 == 3 {
			if err := os.Rename(path, path+"-renamed"); err != nil {
				return err
			}
		}
	}
	return shutdown(ctx, dir)
}
