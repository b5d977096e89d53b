package volume_test

import (
	"bytes"
	"context"
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
