package volume_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// exampleWriter is a new volume with a file of 64 KiB and its clone.
func exampleWriter() (w *volume.Writer, done func()) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	dir, err := os.MkdirTemp("", "example")
	must(err)
	path := filepath.Join(dir, "disk.img")
	_, err = mkfs.Make(context.Background(), mkfs.Job{Config: mkfs.Config{Size: 512 << 20}, Path: path})
	must(err)
	dev, err := device.Open(path, device.ReadWrite)
	must(err)
	w, err = volume.OpenWriter(dev, volume.Options{})
	must(err)
	must(w.Create("/f", volume.Attr{Mode: 0o644}))
	must(w.WriteAt("/f", bytes.Repeat([]byte("old!"), 16<<10), 0))
	must(w.Clone("/f", "/clone"))
	return w, func() {
		must(w.Close())
		must(os.RemoveAll(dir))
	}
}

// start reads the first bytes of a file.
func start(w *volume.Writer, path string) string {
	b, err := w.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[:4])
}

// A write is in memory first. Blocks that a clone shares are left to it.
func ExampleWriter_WriteAt() {
	w, done := exampleWriter()
	defer done()
	if err := w.WriteAt("/f", []byte("new!"), 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(start(w, "f"), start(w, "clone"), w.Stats().Dirty > 0)
	if err := w.Writeback("/f", 0, 1<<20); err != nil {
		fmt.Println(err)
	}
	fmt.Println(start(w, "f"), start(w, "clone"), w.Stats().Dirty > 0)
	// Output:
	// new! old! true
	// new! old! false
}

// A direct write is on the device when it returns.
func ExampleWriter_WriteDirect() {
	w, done := exampleWriter()
	defer done()
	if err := w.WriteDirect("/f", bytes.Repeat([]byte("new!"), 1024), 4096); err != nil {
		fmt.Println(err)
	}
	b, _ := w.ReadFile("f")
	fmt.Println(string(b[4092:4100]), w.Stats().Remaps)
	// Output: old!new! 1
}

// A staged write can be seen before it is part of the file, and dropped.
func ExampleWriter_Stage() {
	w, done := exampleWriter()
	defer done()
	if err := w.Stage("/f", []byte("new!"), 0); err != nil {
		fmt.Println(err)
	}
	i, _ := w.Lookup("/f")
	r, err := w.StagedReader(i)
	if err != nil {
		fmt.Println(err)
		return
	}
	b := make([]byte, 4)
	if _, err := io.ReadFull(r, b); err != nil {
		fmt.Println(err)
	}
	fmt.Println("as it is:", start(w, "f"), "as it will be:", string(b))
	if err := w.CowCancel("/f", 0, 4); err != nil {
		fmt.Println(err)
	}
	files, _ := w.CowStatus()
	fmt.Println(len(files), "files with a CoW fork")
	// Output:
	// as it is: old! as it will be: new!
	// 0 files with a CoW fork
}

// The stages of a write, one by one.
func ExampleWriter_CowAllocate() {
	w, done := exampleWriter()
	defer done()
	status := func() {
		files, _ := w.CowStatus()
		for _, f := range files {
			for _, x := range f.Extents {
				fmt.Printf("blocks %d to %d are %v\n", x.Off, x.End, x.State)
			}
		}
	}
	for _, step := range []func() error{
		func() error { return w.CowReserve("/f", 0, 8192) },
		func() error { return w.CowAllocate("/f", 0, 8192) },
		func() error { return w.WriteAt("/f", []byte("new!"), 0) },
		func() error { return w.CowWrite("/f", 0, 8192) },
		func() error { return w.CowRemap("/f", 0, 8192) },
		func() error { return w.CowCancel("/f", 0, 8192) },
	} {
		if err := step(); err != nil {
			fmt.Println(err)
		}
		status()
	}
	fmt.Println(start(w, "f"))
	// Output:
	// blocks 0 to 2 are reserved
	// blocks 0 to 2 are allocated
	// blocks 0 to 2 are allocated
	// blocks 0 to 1 are written
	// blocks 1 to 2 are allocated
	// blocks 1 to 2 are allocated
	// new!
}

// owners counts who has the first block of a file.
func owners(w *volume.Writer, path string) int {
	i, err := w.Lookup(path)
	if err != nil {
		return 0
	}
	list, err := w.Shared(context.Background(), i)
	if err != nil || len(list) == 0 {
		return 1
	}
	return len(list[0].Owners)
}

// A clone takes no space: it has the blocks of the file, until one of the two is written to.
func ExampleWriter_Clone() {
	w, done := exampleWriter()
	defer done()
	if err := w.Clone("/f", "/second"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(owners(w, "/f"), "owners")
	if err := w.WriteAt("/second", []byte("new!"), 0); err != nil {
		fmt.Println(err)
	}
	if err := w.WritebackAll(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(owners(w, "/f"), "owners:", start(w, "f"), start(w, "second"))
	// Output:
	// 3 owners
	// 2 owners: old! new!
}

// Parts of files can be cloned, in whole blocks.
func ExampleWriter_CloneRange() {
	w, done := exampleWriter()
	defer done()
	if err := w.WriteAt("/f", bytes.Repeat([]byte("new!"), 1024), 8192); err != nil {
		fmt.Println(err)
	}
	if err := w.CloneRange("/f", 8192, "/clone", 0, 4096); err != nil {
		fmt.Println(err)
	}
	fmt.Println(start(w, "clone"))
	fmt.Println(errors.Is(w.CloneRange("/f", 100, "/clone", 0, 4096), volume.ErrRange))
	// Output:
	// new!
	// true
}

// Files that were written apart share their blocks again, if they hold the same.
func ExampleWriter_Dedupe() {
	w, done := exampleWriter()
	defer done()
	same := bytes.Repeat([]byte("same"), 1024)
	for _, path := range []string{"/a", "/b"} {
		if err := w.Create(path, volume.Attr{Mode: 0o644}); err != nil {
			fmt.Println(err)
		}
		if err := w.WriteAt(path, same, 0); err != nil {
			fmt.Println(err)
		}
	}
	n, err := w.Dedupe("/a", 0, "/b", 0, int64(len(same)))
	fmt.Println(n, err, owners(w, "/a"), "owners")
	n, err = w.Dedupe("/a", 0, "/f", 0, int64(len(same)))
	fmt.Println(n, err, owners(w, "/a"), "owners")
	// Output:
	// 4096 <nil> 2 owners
	// 0 <nil> 2 owners
}

// A new version of a file takes the place of the old one, as a whole or not at all.
func ExampleWriter_Exchange() {
	w, done := exampleWriter()
	defer done()
	if err := w.Create("/next", volume.Attr{Mode: 0o644}); err != nil {
		fmt.Println(err)
	}
	if err := w.WriteAt("/next", []byte("new!"), 0); err != nil {
		fmt.Println(err)
	}
	if err := w.Exchange("/f", 0, "/next", 0, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(start(w, "f"), start(w, "next"))
	// Output: new! old!
}

// Unshare gives a file blocks of its own, so that later writes need no space.
func ExampleWriter_Unshare() {
	w, done := exampleWriter()
	defer done()
	before := owners(w, "/clone")
	if err := w.Unshare("/clone", 0, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(before, "owners, then", owners(w, "/clone"))
	// Output: 2 owners, then 1
}
