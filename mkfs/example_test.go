package mkfs_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/mkfs"
)

// An image of a directory, as small as can be.
func ExampleMake() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "disk.img")
	tree := filepath.Join(dir, "tree")
	if err := os.MkdirAll(filepath.Join(tree, "etc"), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "etc/hostname"), []byte("box\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	made, err := mkfs.Make(context.Background(), mkfs.Job{Path: path, Source: mkfs.Source{Dir: tree}, Minimize: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.Bytes>>20, "MiB")
	// Output: 16 MiB
}
