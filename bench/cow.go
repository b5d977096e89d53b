package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/volume"
)

// cowSets are about files that share blocks.
var cowSets = []set{
	{name: "cow-clones", what: "10,000 clones of a file of one extent", size: "4g", race: &race{
		ops: 10_000, fill: origin(1), ours: cloneByUs(10_000), linux: cloneByLinux(10_000)}},
	{name: "cow-clones-extents", what: "10,000 clones of a file of 1,000 extents, per extent", size: "8g", race: &race{
		ops: 10_000_000, rounds: 1, fill: origin(1_000), ours: cloneByUs(10_000), linux: cloneByLinux(10_000)}},
	{name: "cow-clones-1000", what: "1,000 clones of a file of 1,000 extents, per extent", size: "8g", race: &race{
		ops: 1_000_000, rounds: 3, fill: origin(1_000), ours: cloneByUs(1_000), linux: cloneByLinux(1_000)}},
	{name: "cow-clone-large", what: "a clone of a file of 5,000 extents, per extent", size: "4g", race: &race{
		ops: 5_000, fill: origin(5_000), ours: cloneByUs(1), linux: cloneByLinux(1)}},
	{name: "cow-random", what: "50,000 writes of 4 KiB at random places of a shared file of 1 GiB", size: "4g", race: &race{
		ops: 50_000, rounds: 5, fill: shared(1 << 30), ours: writeByUs(randomPlaces(1<<30), block), linux: writeByLinux(randomPlaces(1<<30), block)}},
	{name: "cow-stream", what: "a shared file of 4 GiB written anew from beginning to end, per MiB", size: "12g", race: &race{
		ops: 4 << 10, rounds: 3, fill: shared(4 << 30), ours: writeByUs(inOrder(4<<30, 1<<20), 1<<20), linux: writeByLinux(inOrder(4<<30, 1<<20), 1<<20)}},
}

const block = 4096

// origin makes a directory for clones and a file of so many extents, each one block, which lie apart
// on the device as well as in the file.
func origin(extents int64) func(*volume.Writer) error {
	return func(w *volume.Writer) error {
		if err := w.Mkdir("/clones", volume.Attr{Mode: 0o755}); err != nil {
			return err
		}
		if err := w.Create("/origin", volume.Attr{Mode: 0o644}); err != nil {
			return err
		}
		if err := w.WriteAt("/origin", make([]byte, (2*extents-1)*block), 0); err != nil {
			return err
		}
		for i := range extents - 1 {
			if err := w.Punch("/origin", (2*i+1)*block, block); err != nil {
				return err
			}
		}
		return nil
	}
}

func cloneByUs(n int) func(*volume.Writer) error {
	return func(w *volume.Writer) error {
		for i := range n {
			if err := w.Clone("/origin", fmt.Sprintf("/clones/%d", i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func cloneByLinux(n int) func(dir string) error {
	return func(dir string) error {
		src, err := os.Open(filepath.Join(dir, "origin"))
		if err != nil {
			return err
		}
		defer src.Close()
		for i := range n {
			dst, err := os.Create(fmt.Sprintf("%s/clones/%d", dir, i))
			if err != nil {
				return err
			}
			err = unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
			dst.Close()
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// shared makes a file of some size and a clone of it.
func shared(size int64) func(*volume.Writer) error {
	return func(w *volume.Writer) error {
		if err := w.Create("/file", volume.Attr{Mode: 0o644}); err != nil {
			return err
		}
		p := pattern(4<<20, 1)
		for off := int64(0); off < size; off += int64(len(p)) {
			if err := w.WriteAt("/file", p, off); err != nil {
				return err
			}
		}
		return w.Clone("/file", "/clone")
	}
}

// pattern is n random bytes.
func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// randomPlaces are 50,000 offsets of blocks of a file of some size.
func randomPlaces(size int64) []int64 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]int64, 50_000)
	for i := range out {
		out[i] = rng.Int64N(size/block) * block
	}
	return out
}

// inOrder are the offsets of all pieces of a file.
func inOrder(size, piece int64) (out []int64) {
	for off := int64(0); off < size; off += piece {
		out = append(out, off)
	}
	return out
}

// writeByUs writes n bytes to the file at each of some offsets.
func writeByUs(offsets []int64, n int) func(*volume.Writer) error {
	return func(w *volume.Writer) error {
		p := pattern(n, 2)
		for _, off := range offsets {
			if err := w.WriteAt("/file", p, off); err != nil {
				return err
			}
		}
		return nil
	}
}

func writeByLinux(offsets []int64, n int) func(dir string) error {
	return func(dir string) error {
		f, err := os.OpenFile(filepath.Join(dir, "file"), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		p := pattern(n, 2)
		for _, off := range offsets {
			if _, err := f.WriteAt(p, off); err != nil {
				return err
			}
		}
		return nil
	}
}
