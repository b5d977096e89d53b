package metadump_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/metadump"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// A dump of an image's metadata, and an image of that again.
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
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		log.Fatal(err)
	}
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	var dump bytes.Buffer
	if _, err := metadump.Dump(ctx, v, &dump, metadump.Options{Obfuscate: true}); err != nil {
		log.Fatal(err)
	}
	var image *device.Memory
	_, err = metadump.Restore(ctx, &dump, func(size int64) (device.Device, error) {
		image = device.NewMemory(size)
		return image, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(image.Size() == dev.Size())
	// Output: true
}
