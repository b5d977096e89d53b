package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/internal/bigtree"
)

// set is one job that contenders do.
type set struct {
	name, what string
	size       string // of the images
	// source makes the tree that images are filled from, or finds it; nil for empty images.
	source func(ctx context.Context, dir string) (string, error)
	// image makes the image that contenders check, of a set that is about that.
	image  func(ctx context.Context, b *bench, p places) error
	repair bool  // contenders repair it
	dirty  bool  // the image has a dirty log
	race   *race // of a set that is about work on files of an image
	// script is what contenders do in an image, of a set that is about that.
	script *script
}

var sets = append([]set{
	{name: "empty", what: "an empty image of 10 GiB", size: "10g"},
	{name: "go", what: "the Go source tree", size: "1g", source: goSource},
	{name: "files", what: "200,000 files in 2,000 directories", size: "4g", source: func(_ context.Context, dir string) (string, error) {
		return dir, bigtree.Many(dir, 200_000, 2_000)
	}},
	{name: "names", what: "a directory of 1,000,000 names", size: "4g", source: func(_ context.Context, dir string) (string, error) {
		return dir, bigtree.Names(dir, 1_000_000)
	}},
	{name: "check-files", what: "check of an image with 1,000,000 small files", size: "8g", image: manyFiles(1_000_000)},
	{name: "check-clones", what: "check of 200 clones of a file with 20,000 extents, after random CoW", size: "8g", image: clones(200, 20_000)},
	{name: "check-sparse", what: "check of a sparse image of 10 TiB with 100,000 files", size: "10t", image: manyFiles(100_000)},
	{name: "check-dirty", what: "check of an image with 1,000,000 small files and changes to 60,000 in its log", size: "8g", image: dirty(1_000_000, 50_000), dirty: true},
	{name: "check-log", what: "check of an image whose log has all that there is, 50,000 files", size: "4g", image: dirty(0, 50_000), dirty: true},
}, slices.Concat(changeSets, cowSets, scriptSets, repairSets)...)

// chosenSets finds sets by name. Races come last: they take memory in this process, and the host counts
// that as memory of the programs that are started after it.
func chosenSets(names []string) (chosen []*set, err error) {
	var races []*set
	for _, name := range names {
		s, err := findSet(name)
		if err != nil {
			return nil, err
		}
		if s.race != nil {
			races = append(races, s)
		} else {
			chosen = append(chosen, s)
		}
	}
	return append(chosen, races...), nil
}

func setNames() []string {
	var out []string
	for _, s := range sets {
		out = append(out, s.name)
	}
	return out
}

func findSet(name string) (*set, error) {
	for i := range sets {
		if sets[i].name == name {
			return &sets[i], nil
		}
	}
	return nil, fmt.Errorf("no set %q; there are %s", name, strings.Join(setNames(), ", "))
}

// goSource copies the source tree of the Go toolchain, so that all read it from one place.
func goSource(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	return dir, exec.CommandContext(ctx, "cp", "-a", filepath.Join(strings.TrimSpace(string(root)), "src")+"/.", dir).Run()
}

// measure counts the files of a tree and their bytes.
func measure(dir string) (files, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		bytes += info.Size()
		return nil
	})
	return files, bytes, err
}

// archive packs a tree for those who read it from there.
func archive(ctx context.Context, dir, to string) error {
	return do(ctx, "tar", "--format=pax", "-cf", to, "-C", dir, ".")
}

// xfsprogs7 finds a tool of xfsprogs 7.2 where the tests do, or returns "".
func xfsprogs7(name string) string {
	dir := os.Getenv("COWFS_XFSPROGS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(cache, "cowfs/xfsprogs/bin")
	}
	return installed(filepath.Join(dir, name))
}

// installed returns a program's path, or "" when it is not there.
func installed(name string) string {
	path, err := exec.LookPath(name)
	if err != nil && !strings.Contains(name, "/") {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	if err != nil {
		return ""
	}
	return path
}
