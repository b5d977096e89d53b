package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/bigtree"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// soakTree fills an image with the tree in each of the layouts and asks every oracle. It
// returns the most memory that a run took, in bytes.
func soakTree(t *testing.T, root, size string, layouts ...string) int64 {
	t.Helper()
	want := oracle.Snapshot(t, root)
	t.Logf("%d names", want.Count())
	most := int64(0)
	for i, args := range layouts {
		image := filepath.Join(t.TempDir(), "image")
		start := time.Now()
		memory := memoryOf(t, append([]string{mkfsPath()}, append(strings.Fields(args), "-q", "--size", size, "--root", root, image)...)...)
		most = max(most, memory)
		t.Logf("%q: %d MiB of memory, %.1f s", args, memory>>20, time.Since(start).Seconds())
		oracle.RepairClean(t, oracle.Gen7, image)
		m := oracle.Mount(t, image, oracle.MountOptions{ReadOnly: true})
		oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
		m.Unmount()
		oracle.KernelWrites(t, oracle.Gen7, image, uint64(100+i))
		if strings.Contains(args, old) {
			oracle.RepairClean(t, oracle.Gen6, image)
		}
		oracle.MustRun(t, "rm", image)
	}
	return most
}

func limitMemory(t *testing.T, used, limit int64) {
	t.Helper()
	if used > limit {
		t.Errorf("mkcowfs took %d MiB of memory, more than %d MiB", used>>20, limit>>20)
	}
}

func TestSoakGoSource(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := strings.TrimSpace(oracle.MustRun(t, "go", "env", "GOROOT")) + "/src"
	layouts := []string{"", old}
	if oracle.Soaking() {
		layouts = append(layouts, "-b size=1k", "-b size=64k", "--dedupe", "-d agcount=64", "-d agcount=1", "-n parent=0 -m rmapbt=0,reflink=0", "-i size=2048")
	}
	limitMemory(t, soakTree(t, root, "6g", layouts...), 64<<20)
}

func TestSoakManyFiles(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := t.TempDir()
	zoo.Many(t, root, oracle.Soak(6_000, 200_000), oracle.Soak(60, 2_000))
	layouts := []string{""}
	if oracle.Soaking() {
		layouts = append(layouts, "-b size=1k", "-b size=64k -i maxpct=90", old+"-d agcount=64")
	}
	limitMemory(t, soakTree(t, root, "30g", layouts...), 200<<20)
}

func TestSoakManyNames(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := t.TempDir()
	zoo.Names(t, root, oracle.Soak(30_000, 1_000_000))
	layouts := []string{"", "-b size=1k"}
	if oracle.Soaking() {
		layouts = append(layouts, "-b size=64k", "-n size=64k", "-n parent=0", old+"-i nrext64=0")
	}
	limitMemory(t, soakTree(t, root, "30g", layouts...), 300<<20)
}

func TestSoakManyExtents(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := filepath.Join(zoo.Home(t))
	if err := bigtree.Sparse(filepath.Join(root, "sparse"), 1<<40, 10_000, 4096); err != nil {
		t.Fatal(err)
	}
	layouts := []string{"", "-b size=1k", "-b size=64k"}
	if oracle.Soaking() {
		layouts = append(layouts, "-d agcount=64", old+"-m rmapbt=0", "-i size=2048", "-m reflink=0")
	}
	limitMemory(t, soakTree(t, root, "10g", layouts...), 64<<20)
}

func TestSoakManyLinks(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := t.TempDir()
	zoo.Links(t, root, 10_000)
	layouts := []string{"", "-b size=1k"}
	if oracle.Soaking() {
		layouts = append(layouts, "-b size=64k", "-n parent=0", "-n size=64k")
	}
	limitMemory(t, soakTree(t, root, "2g", layouts...), 64<<20)
}
