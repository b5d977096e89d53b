package populate_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/source"
	"github.com/cowfs/cowfs/volume"
)

// An archive becomes an image in memory. mkfs.Make does the same with files and devices.
func Example() {
	ctx := context.Background()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	content := []byte("box\n")
	err := w.WriteHeader(&tar.Header{Name: "etc/hostname", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
	if err != nil {
		log.Fatal(err)
	}
	if _, err = w.Write(content); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	tree, err := source.ReadTar(ctx, []string{"-"}, source.Options{Stdin: &archive})
	if err != nil {
		log.Fatal(err)
	}
	defer tree.Close()

	g, err := (&mkfs.Config{Size: 64 << 20}).Geometry()
	if err != nil {
		log.Fatal(err)
	}
	plan, err := populate.NewPlan(ctx, populate.Options{Geo: g, Tree: tree})
	var full *populate.NoSpaceError
	if errors.As(err, &full) {
		log.Fatalf("a larger image is needed: %v", err)
	} else if err != nil {
		log.Fatal(err)
	}
	dev := device.NewMemory(int64(g.DBlocks) << g.BlockLog)
	if err := plan.Write(ctx, dev); err != nil {
		log.Fatal(err)
	}

	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	text, err := fs.ReadFile(v, "etc/hostname")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d file in %d directories: %s", plan.Stats().Files, plan.Stats().Dirs, text)
	// Output: 1 file in 2 directories: box
}
