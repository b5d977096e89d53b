package repair_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/repair"
)

// A repair of an image whose first AGF is overwritten. The undo file takes it back.
func ExampleRun() {
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
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	if _, err := dev.WriteAt(make([]byte, 4), 512); err != nil { // the magic number of the first AGF
		log.Fatal(err)
	}
	result, err := repair.Run(ctx, dev, repair.Options{Undo: path + ".undo"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Mended(), result.After.Clean())
	// Output: true true
}
