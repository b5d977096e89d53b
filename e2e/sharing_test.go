package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// physical lists where a file's blocks lie on its filesystem, one entry for each 4 KiB.
func physical(t testing.TB, path string) []int64 {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	var out []int64
	must(t, oracle.Extents(f, func(s oracle.Segment, at int64, _ bool) {
		for off := int64(0); off < s.End-s.Start; off += 4096 {
			out = append(out, at+off)
		}
	}))
	return out
}

// With --dedupe equal blocks are one block, within a file and across files; a write to one
// file is not seen in the others, and the tree is the same as without.
func TestDedupe(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home := zoo.Home(t)
	zoo.Small(t, home)
	want := oracle.SnapshotUnwritten(t, home)
	image := newImage(t, "2g", "--dedupe", "--root", home)
	checkImage(t, image, want, oracle.CompareOptions{})

	if plain := newImage(t, "2g", "--root", home); freeShare(t, plain) >= freeShare(t, image) {
		t.Error("sharing saves nothing")
	}

	m := oracle.Mount(t, image, oracle.MountOptions{})
	twinA, twinB := filepath.Join(m.Dir, "files/twin-a"), filepath.Join(m.Dir, "files/twin-b")
	a := physical(t, twinA)
	if b := physical(t, twinB); !slices.Equal(a, b) {
		t.Error("equal files do not share all blocks")
	}
	if longer := physical(t, filepath.Join(m.Dir, "files/twin-longer")); !slices.Equal(longer[:len(a)], a) {
		t.Error("a file that begins like another does not share that")
	}
	content, err := os.ReadFile(twinB)
	must(t, err)
	f, err := os.OpenFile(twinA, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("changed"), 8192)
	must(t, err)
	must(t, f.Close())
	if after, err := os.ReadFile(twinB); err != nil || !bytes.Equal(after, content) {
		t.Errorf("a write to one file changed another (%v)", err)
	}
	m.Unmount()
	oracle.RepairClean(t, oracle.Gen7, image)
	oracle.KernelWrites(t, oracle.Gen7, image, 4)

	failing(t, []string{"--size", "2g", "--dedupe", "-m", "reflink=0", "--root", home}, "reflink")
}

// On a host that can share blocks the image's data is that of the source's files.
func TestReflinkFromHost(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	oracle.NeedRoot(t)
	home := zoo.Home(t)
	root := filepath.Join(home, "root")
	must(t, os.Mkdir(root, 0o755))
	zoo.Small(t, root)
	want := oracle.SnapshotUnwritten(t, root)
	for _, args := range [][]string{
		{"--reflink", "always"}, {"--reflink", "auto"}, {"--reflink", "never"}, {"--reflink", "always", "-b", "size=64k"},
		{"--reflink", "always", "--dedupe"},
	} {
		image := filepath.Join(home, "image")
		if r := mkcowfs(t, append(args, "-q", "--size", "2g", "--root", root, image)...); r.Exit != 0 {
			t.Fatalf("%q: exit %d\n%s", args, r.Exit, r.Stderr)
		}
		inImage := make(map[int64]bool)
		for _, at := range physical(t, image) {
			inImage[at] = true
		}
		shared := 0
		source := physical(t, filepath.Join(root, "files/twin-a"))
		for _, at := range source {
			if inImage[at] {
				shared++
			}
		}
		if want := args[1] != "never"; want && shared != len(source) || !want && shared > 0 {
			t.Errorf("%q: %d of %d blocks of a file are shared with the image", args, shared, len(source))
		}
		checkImage(t, image, want, oracle.CompareOptions{})
		oracle.KernelWrites(t, oracle.Gen7, image, 8)
		must(t, os.Remove(image))
	}
	oracle.Equal(t, want, oracle.SnapshotUnwritten(t, root), oracle.CompareOptions{}) // the source is as it was
}

// Where the host cannot share, --reflink=always says so; auto copies.
func TestReflinkAcrossFilesystems(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	oracle.NeedRoot(t)
	home := zoo.Home(t) // another filesystem than that of temporary directories
	must(t, os.WriteFile(filepath.Join(home, "file"), bytes.Repeat([]byte("x"), 1<<20), 0o644))
	failing(t, []string{"--size", "400m", "--reflink", "always", "--root", home}, "file")
	checkImage(t, newImage(t, "400m", "--root", home), oracle.Snapshot(t, home), oracle.CompareOptions{})
}
