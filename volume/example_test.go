package volume_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// An image is changed, then read as a file system of package io/fs.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "disk.img")
	if _, err := mkfs.Make(ctx, mkfs.Job{Path: path, Config: mkfs.Config{Size: 64 << 20}}); err != nil {
		log.Fatal(err)
	}
	if err := exampleFiles(path); err != nil {
		log.Fatal(err)
	}

	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		log.Fatal(err)
	}
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	err = fs.WalkDir(v, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			fmt.Println(path, d.Type())
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	clone, err := v.Lookup("/clone")
	if err != nil {
		log.Fatal(err)
	}
	shared, err := v.Shared(ctx, clone)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(shared), "extent is shared by", len(shared[0].Owners))
	// Output:
	// . d---------
	// clone ----------
	// file ----------
	// 1 extent is shared by 2
}

// exampleFiles makes a file and a clone of it.
func exampleFiles(path string) (err error) {
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		return err
	}
	w, err := volume.OpenWriter(dev, volume.Options{Replay: true})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := w.Close(); err == nil { // makes sure that the changes last
			err = cerr
		}
	}()
	for _, name := range []string{"/file", "/clone"} {
		if err := w.Create(name, volume.Attr{Mode: 0o644}); err != nil {
			return err
		}
	}
	if err := w.WriteAt("/file", make([]byte, 8192), 0); err != nil {
		return err
	}
	return w.Clone("/file", "/clone")
}
