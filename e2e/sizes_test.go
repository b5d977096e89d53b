package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"golang.org/x/sys/unix"
)

// smallTree is a tree of a few files that fits into the smallest image.
func smallTree(t testing.TB) string {
	t.Helper()
	root := newTree(t, map[string]string{
		"etc/hostname": "box\n", "bin/tool": strings.Repeat("tool", 20_000), "empty": "", "deep/er/and/deeper": "x",
	})
	must(t, os.Symlink("../bin/tool", filepath.Join(root, "etc/link")))
	return root
}

// Images of each size that a file can have, from below the least that mkfs.xfs makes, hold a
// tree, are mounted, and can be written by the kernel.
func TestSizes(t *testing.T) {
	t.Parallel()
	root := smallTree(t)
	want := oracle.Snapshot(t, root)
	for _, size := range []string{
		"16m", "17m", "20m", "31m", "32m", "33m", "63m", "64m", "65m", "100m", "128m", "200m", "255m", "299m", "300m", "301m", "512m", "777777664",
		"1g", "10g", "100g", "1023g", "1t", "1025g", "3t", "4t", "5t", "10t", "17592186040320",
	} {
		variants := []string{""}
		if strings.HasSuffix(size, "m") || strings.HasSuffix(size, "t") {
			variants = append(variants, "-b size=1k")
			if size > "17m" { // where the log takes the whole group without them
				variants = append(variants, "-n parent=0 -m rmapbt=0,reflink=0")
			}
			if !strings.HasSuffix(size, "m") || len(size) == 4 && size >= "300m" { // the log for such blocks is large
				variants = append(variants, "-b size=64k")
			}
		}
		for _, args := range variants {
			t.Run(strings.TrimSpace(size+" "+args), func(t *testing.T) {
				t.Parallel()
				image := newImage(t, size, append(strings.Fields(args), "--root", root)...)
				checkImage(t, image, want, oracle.CompareOptions{})
				oracle.KernelWrites(t, oracle.Gen7, image, 3)
			})
		}
	}
}

// The largest image, on a host whose files can be that long.
func TestSixteenTebibytes(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	oracle.NeedRoot(t)
	image := filepath.Join(zoo.Home(t), "image")
	root := smallTree(t)
	if r := mkcowfs(t, "-q", "--size", "16t", "--root", root, image); r.Exit != 0 {
		t.Fatalf("exit %d\n%s", r.Exit, r.Stderr)
	}
	checkImage(t, image, oracle.Snapshot(t, root), oracle.CompareOptions{})
}

// imageSize is the size of an image in bytes.
func imageSize(t testing.TB, image string) int64 {
	t.Helper()
	st, err := os.Stat(image)
	must(t, err)
	return st.Size()
}

// Without a size the image is the smallest that holds the content, with what --free asks left
// over; it is an image like any other.
func TestMinimize(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home := zoo.Home(t)
	zoo.Small(t, home)
	trees := map[string]string{"zoo": home, "small": smallTree(t), "nothing": t.TempDir()}
	for name, root := range trees {
		want := oracle.SnapshotUnwritten(t, root)
		for _, args := range []string{"", "-b size=1k", "-b size=64k", "-d agcount=4", "-m rmapbt=0 -n parent=0"} {
			t.Run(strings.TrimSpace(name+" "+args), func(t *testing.T) {
				t.Parallel()
				flags := append(strings.Fields(args), "--root", root)
				image := newImage(t, "", append(flags, "--minimize")...)
				checkImage(t, image, want, oracle.CompareOptions{})
				size := imageSize(t, image)
				// A tenth less is not enough.
				smaller := filepath.Join(t.TempDir(), "smaller")
				if r := mkcowfs(t, append(flags, "--size", strconv.FormatInt(size*9/10, 10), smaller)...); r.Exit == 0 {
					t.Errorf("%d bytes are taken, but nine tenths of it are enough", size)
				}

				roomy := newImage(t, "", append(flags, "--free", "30%")...)
				if free := freeShare(t, roomy); free < 0.30 || free > 0.40 && imageSize(t, roomy) > size && size > 64<<20 {
					t.Errorf("%.3f of the image are free, want 0.30", free)
				}
				oracle.RepairClean(t, oracle.Gen7, roomy)
				oracle.KernelWrites(t, oracle.Gen7, roomy, 5)
			})
		}
	}
}

// freeShare is the part of an image's data blocks that its superblock says are free.
func freeShare(t testing.TB, image string) float64 {
	t.Helper()
	out := oracle.MustRun(t, oracle.Tool(t, "xfs_db", oracle.Gen7), "-r", "-c", "sb 0", "-c", "p dblocks fdblocks", image)
	var all, free float64
	_, err := fmt.Sscanf(out, "dblocks = %f\nfdblocks = %f", &all, &free)
	must(t, err)
	return free / all
}

// A file that is there gives the size, keeps its place, and loses what it held before.
func TestIntoExistingFile(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := smallTree(t)
	image := filepath.Join(t.TempDir(), "image")
	must(t, os.WriteFile(image, []byte(strings.Repeat("old content ", 1<<20)), 0o640))
	must(t, os.Truncate(image, 600<<20))
	if r := mkcowfs(t, "-q", "--root", root, image); r.Exit != 0 {
		t.Fatalf("exit %d\n%s", r.Exit, r.Stderr)
	}
	if size := imageSize(t, image); size != 600<<20 {
		t.Errorf("the file's size became %d", size)
	}
	checkImage(t, image, oracle.Snapshot(t, root), oracle.CompareOptions{})
	var st unix.Stat_t
	must(t, unix.Stat(image, &st))
	if st.Blocks*512 > 128<<20 {
		t.Errorf("the image takes %d MiB of the host: holes are written out", st.Blocks/2048)
	}
}
