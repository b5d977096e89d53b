package oracle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// makeImage makes an empty image with mkfs.xfs.
func makeImage(t *testing.T, gen oracle.Gen, args ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "test.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 2<<30); err != nil {
		t.Fatal(err)
	}
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", gen), append(append([]string{"-q"}, args...), image)...)
	return image
}

// The zoo copied by the kernel and cp is the same zoo, and stays an image without complaint
// while the kernel works with it.
func TestZooSurvivesACopy(t *testing.T) {
	t.Parallel()
	oracle.NeedRoot(t)
	home := zoo.Home(t)
	zoo.Small(t, home)
	want := oracle.Snapshot(t, home)
	if n := want.Count(); n < 3500 {
		t.Errorf("the zoo has only %d nodes", n)
	}
	image := makeImage(t, oracle.Gen7)
	m := oracle.Mount(t, image, oracle.MountOptions{})
	oracle.MustRun(t, oracle.Program(t, "cp"), "-a", "--sparse=always", home+"/.", m.Dir)
	m.Unmount()
	oracle.RepairClean(t, oracle.Gen7, image)

	m = oracle.Mount(t, image, oracle.MountOptions{ReadOnly: true})
	oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
	oracle.KernelWrites(t, oracle.Gen7, image, 1)
}

func TestKernelWritesOnOldFormat(t *testing.T) {
	t.Parallel()
	image := makeImage(t, oracle.Gen6, "-m", "reflink=0,rmapbt=0", "-b", "size=1k")
	oracle.KernelWrites(t, oracle.Gen6, image, 2)
}

func TestRepairComplains(t *testing.T) {
	t.Parallel()
	image := makeImage(t, oracle.Gen7)
	if got := oracle.Repair(t, oracle.Gen7, image); got != nil {
		t.Fatalf("a fresh image has complaints: %q", got)
	}
	oracle.MustRun(t, oracle.Tool(t, "xfs_db", oracle.Gen7), "-x", "-c", "agf 1", "-c", "write -d longest 5", image)
	got := oracle.Repair(t, oracle.Gen7, image)
	if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "exit code 1") {
		t.Errorf("a wrong agf.longest has the complaints %q", got)
	}
	if got := oracle.Repair(t, oracle.Gen6, image); len(got) == 0 {
		t.Error("xfs_repair 6 accepts parent pointers")
	}
}

// recorder is a testing.TB that takes note of failures.
type recorder struct {
	testing.TB
	failed strings.Builder
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failed.WriteString(format)
	for _, a := range args {
		if s, ok := a.(string); ok {
			r.failed.WriteString(s)
		}
	}
}

func TestMountHearsTheKernel(t *testing.T) {
	t.Parallel()
	oracle.NeedRoot(t)
	image := makeImage(t, oracle.Gen7)
	// A directory whose block is damaged mounts well and complains when it is read.
	m := oracle.Mount(t, image, oracle.MountOptions{})
	dir := filepath.Join(m.Dir, "dir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	zoo.Names(t, dir, 50)
	m.Unmount()
	oracle.MustRun(t, oracle.Tool(t, "xfs_db", oracle.Gen7), "-x",
		"-c", "path /dir", "-c", "dblock 0", "-c", "write -d bhdr.hdr.owner 77", image)
	for _, options := range []oracle.MountOptions{{}, {Full: true}} {
		r := &recorder{TB: t}
		m = oracle.Mount(r, image, options)
		if _, err := os.ReadDir(filepath.Join(m.Dir, "dir")); err == nil {
			t.Error("the kernel reads a damaged directory")
		}
		m.Unmount()
		if !strings.Contains(r.failed.String(), "Metadata corruption detected") {
			t.Errorf("the kernel's complaint was not noticed, only %q", r.failed.String())
		}
	}
}

func TestMountRefused(t *testing.T) {
	t.Parallel()
	oracle.NeedRoot(t)
	image := filepath.Join(t.TempDir(), "zeros.img")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := oracle.TryMount(t, image, oracle.MountOptions{}); err == nil {
		t.Error("the kernel mounts a file of zeros")
	}
}
