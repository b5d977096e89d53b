package check_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
)

// What a check finds when a header is overwritten.
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
	report, err := check.Run(ctx, dev, check.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Clean(), report.Findings[0].Code.Name)
	// Output: false agf.unreadable
}
