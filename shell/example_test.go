package shell_test

import (
	"context"
	"log"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/shell"
	"github.com/cowfs/cowfs/volume"
)

// A command that runs on an image, as cowdb does it.
func ExampleSession_Run() {
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
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		log.Fatal(err)
	}
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	s := &shell.Session{Vol: v, Image: path, Out: os.Stdout}
	if err := s.Run(ctx, []string{"agf", "1", "seqno", "length"}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// seqno = 1
	// length = 4096
}
