package main

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// manyFiles makes an image with so many files of some bytes each, 200 to a directory.
func manyFiles(n int) func(context.Context, *bench, places) error {
	return func(ctx context.Context, b *bench, p places) error {
		r, w := io.Pipe()
		go func() { w.CloseWithError(writeFiles(w, n)) }()
		cmd := exec.CommandContext(ctx, b.mkcowfs, "-q", "--size", p.size, "--tar", "-", p.image)
		cmd.Stdin = r
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return errors.Join(err, r.Close())
	}
}

// writeFiles writes a tar archive of n files.
func writeFiles(w io.Writer, n int) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	t := tar.NewWriter(buffered)
	content := make([]byte, 600)
	at := time.Unix(1_700_000_000, 0)
	for i := range n {
		dir := fmt.Sprintf("dir%d", i/200)
		if i%200 == 0 {
			if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: at}); err != nil {
				return err
			}
		}
		size := int64(i % len(content))
		if err := t.WriteHeader(&tar.Header{Name: fmt.Sprintf("%s/file%d", dir, i), Mode: 0o644, Size: size, ModTime: at}); err != nil {
			return err
		}
		if _, err := t.Write(content[:size]); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), buffered.Flush())
}

// mounted makes an empty image, has the kernel mount it, and works with it there. It needs root.
func mounted(ctx context.Context, p places, work func(dir string) error) error {
	if err := do(ctx, xfsprogs7("mkfs.xfs"), "-q", "-d", "file,name="+p.image+",size="+p.size); err != nil {
		return err
	}
	return atMount(ctx, p, work)
}

// atMount has the kernel mount the image, and works with it there. It needs root.
func atMount(ctx context.Context, p places, work func(dir string) error) error {
	if os.Geteuid() != 0 {
		return errors.New("this takes a mount, and that takes root")
	}
	if err := mount(ctx, p); err != nil {
		return err
	}
	err := work(p.mount)
	return errors.Join(err, unix.Unmount(p.mount, 0))
}

// mount has the kernel mount the image.
func mount(ctx context.Context, p places) error {
	return do(ctx, "mount", "-o", "loop", p.image, p.mount)
}

// shutdown has the filesystem at dir go down, with what was done in the log only.
func shutdown(ctx context.Context, dir string) error {
	return do(ctx, xfsprogs7("xfs_io"), "-x", "-c", "shutdown -f", dir)
}

// do runs a program that has nothing to tell unless it fails.
func do(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w\n%s", args, err, out)
	}
	return nil
}

// clones makes a file of many extents with holes between them, clones it, and writes to some
// blocks of each clone.
func clones(n, extents int) func(context.Context, *bench, places) error {
	const block = 4096
	return func(ctx context.Context, _ *bench, p places) error {
		return mounted(ctx, p, func(dir string) error {
			origin, err := os.Create(filepath.Join(dir, "origin"))
			if err != nil {
				return err
			}
			defer origin.Close()
			if err := unix.Fallocate(int(origin.Fd()), 0, 0, int64(extents)*2*block); err != nil {
				return err
			}
			b := make([]byte, block)
			for i := range int64(extents) {
				if _, err := origin.WriteAt(b, 2*i*block); err != nil {
					return err
				}
				if err := unix.Fallocate(int(origin.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, (2*i+1)*block, block); err != nil {
					return err
				}
			}
			rng := rand.New(rand.NewPCG(1, 1))
			for i := range n {
				clone, err := os.Create(filepath.Join(dir, fmt.Sprint("clone", i)))
				if err != nil {
					return err
				}
				err = unix.IoctlFileClone(int(clone.Fd()), int(origin.Fd()))
				for k := 0; k < 300 && err == nil; k++ {
					_, err = clone.WriteAt(b, 2*rng.Int64N(int64(extents))*block)
				}
				if err = errors.Join(err, clone.Close()); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// dirty makes an image with files, and has it go down while n more and the removal of others are in
// the log only. Without files before there is nothing outside the log.
func dirty(before, n int) func(context.Context, *bench, places) error {
	return func(ctx context.Context, b *bench, p places) error {
		if before == 0 {
			return mounted(ctx, p, func(dir string) error { return goDown(ctx, dir, n) })
		}
		if err := manyFiles(before)(ctx, b, p); err != nil {
			return err
		}
		return atMount(ctx, p, func(dir string) error {
			for i := range before / 200 / 100 {
				if err := os.RemoveAll(filepath.Join(dir, fmt.Sprint("dir", i))); err != nil {
					return err
				}
			}
			return goDown(ctx, dir, n)
		})
	}
}

// goDown makes n files in the filesystem at dir, which then goes down.
func goDown(ctx context.Context, dir string, n int) error {
	for i := range n {
		at := filepath.Join(dir, fmt.Sprint("new", i/200))
		if i%200 == 0 {
			if err := os.Mkdir(at, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(at, fmt.Sprint("file", i)), make([]byte, i%600), 0o644); err != nil {
			return err
		}
	}
	return shutdown(ctx, dir)
}
