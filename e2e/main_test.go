package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
)

// bin is the directory with the programs under test; set once by TestMain.
var bin string

func TestMain(m *testing.M) {
	if to := os.Getenv(measureVariable); to != "" {
		os.Exit(measure(to, os.Args[1:]))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cowfs-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if otherMkfs() != "" {
		return m.Run() // what is tested is the tests
	}
	if out, err := exec.Command("go", "build", "-o", dir+"/", "../cmd/...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the programs: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// otherMkfs returns the mkfs.xfs that stands in for mkcowfs, or "".
func otherMkfs() string { return os.Getenv("COWFS_MKFS") }

// mkfsPath is the program under test.
func mkfsPath() string {
	if mkfs := otherMkfs(); mkfs != "" {
		return mkfs
	}
	return filepath.Join(bin, "mkcowfs")
}

// mkcowfs runs mkcowfs; the caller judges the outcome.
func mkcowfs(t testing.TB, args ...string) oracle.Result {
	t.Helper()
	return oracle.RunCmd(t, exec.Command(mkfsPath(), args...))
}

// cowdb runs cowdb on an image and returns what it prints.
func cowdb(t testing.TB, args ...string) string {
	t.Helper()
	return oracle.MustRun(t, filepath.Join(bin, "cowdb"), args...)
}

// newImage makes an image of that size in a directory of its own and returns its path.
func newImage(t testing.TB, size string, args ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if mkfs := otherMkfs(); mkfs != "" {
		makeOther(t, mkfs, image, size, args)
		return image
	}
	if size != "" {
		args = append([]string{"--size", size}, args...)
	}
	if r := mkcowfs(t, append(append([]string{"-q"}, args...), image)...); r.Exit != 0 {
		t.Fatalf("mkcowfs %q: exit %d\n%s%s", args, r.Exit, r.Stdout, r.Stderr)
	}
	return image
}

// makeOther is newImage with mkfs.xfs, a mount and cp in the place of mkcowfs.
func makeOther(t testing.TB, mkfs, image, size string, args []string) {
	t.Helper()
	root := ""
	if i := slices.Index(args, "--root"); i >= 0 {
		root = args[i+1]
		args = slices.Delete(slices.Clone(args), i, i+2)
	}
	oracle.MustRun(t, "truncate", "--size", strings.ToUpper(size), image)
	cmd := exec.Command(mkfs, append(append([]string{"-q"}, args...), image)...)
	// These let it make filesystems that are smaller than it likes.
	cmd.Env = append(os.Environ(), "TEST_DIR=x", "TEST_DEV=x", "QA_CHECK_FS=x")
	if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
		t.Fatalf("%v: exit %d\n%s%s", cmd.Args, r.Exit, r.Stdout, r.Stderr)
	}
	if root != "" {
		m := oracle.Mount(t, image, oracle.MountOptions{})
		oracle.MustRun(t, "cp", "-a", "--sparse=always", root+"/.", m.Dir)
		m.Unmount()
	}
}

// newTree makes a small tree of plain files and directories.
func newTree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for p, content := range files {
		p = filepath.Join(dir, p)
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		must(t, os.WriteFile(p, []byte(content), 0o644))
	}
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kernelSees mounts an image read-only and returns the tree that the kernel finds.
func kernelSees(t testing.TB, image string) *oracle.Tree {
	t.Helper()
	m := oracle.Mount(t, image, oracle.MountOptions{ReadOnly: true})
	defer m.Unmount()
	return snapshot(t, m.Dir)
}

// snapshot reads a source tree with all that an image of it has to keep.
func snapshot(t testing.TB, dir string) *oracle.Tree {
	t.Helper()
	if otherMkfs() != "" {
		return oracle.Snapshot(t, dir) // cp does not keep unwritten extents
	}
	return oracle.SnapshotUnwritten(t, dir)
}

// needMkcowfs skips a test of what only mkcowfs can do.
func needMkcowfs(t testing.TB) {
	t.Helper()
	if otherMkfs() != "" {
		t.Skip("COWFS_MKFS is set")
	}
}

// without is a tree less one directory of its root.
func without(tree *oracle.Tree, dir string) *oracle.Tree {
	out := &oracle.Tree{BlockSize: tree.BlockSize, Nodes: make(map[string]*oracle.Node)}
	for p, n := range tree.Nodes {
		if p != dir && !strings.HasPrefix(p, dir+"/") {
			out.Nodes[p] = n
		}
	}
	root := *tree.Nodes["."]
	root.Subdirs--
	out.Nodes["."] = &root
	return out
}

// wholeSeconds is what remains of a time in formats without fractions.
func wholeSeconds(t time.Time) time.Time { return t.Truncate(time.Second) }
