package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"golang.org/x/sys/unix"
)

// backedDevice is a block device of that size, in MiB, full of old bytes.
func backedDevice(t testing.TB, mib int) (device, backing string) {
	t.Helper()
	backing = filepath.Join(t.TempDir(), "disk")
	must(t, os.WriteFile(backing, []byte(strings.Repeat("stale!!!", mib<<17)), 0o600))
	return oracle.Loop(t, backing), backing
}

// A block device is written in place, whatever it held before.
func TestBlockDevice(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := smallTree(t)
	device, backing := backedDevice(t, 400)
	if r := mkcowfs(t, "-q", "--root", root, device); r.Exit != 0 {
		t.Fatalf("exit %d\n%s", r.Exit, r.Stderr)
	}
	oracle.RepairClean(t, oracle.Gen7, device)
	checkImage(t, backing, oracle.Snapshot(t, root), oracle.CompareOptions{})
	oracle.KernelWrites(t, oracle.Gen7, backing, 6)

	// It is a filesystem now, and not overwritten unasked; nor is one that is mounted.
	if r := mkcowfs(t, device); r.Exit == 0 || !strings.Contains(r.Stderr, "-f") {
		t.Errorf("exit %d, %q", r.Exit, r.Stderr)
	}
	dir := t.TempDir()
	must(t, unix.Mount(device, dir, "xfs", 0, ""))
	defer unix.Unmount(dir, 0)
	if r := mkcowfs(t, "-f", device); r.Exit == 0 {
		t.Error("a mounted filesystem is overwritten")
	}
}

// A run on a block device that ends before its time leaves no filesystem, old or new.
func TestBlockDeviceInterrupted(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	oracle.NeedRoot(t)
	root := t.TempDir()
	zoo.Many(t, root, 5000, 50)
	device, _ := backedDevice(t, 400)
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen6), "-q", "-f", device)
	interrupted := 0
	for i := range 30 {
		cmd := exec.Command(mkfsPath(), "-q", "-f", "--root", root, device)
		must(t, cmd.Start())
		timer := time.AfterFunc(time.Duration(3*i+40)*time.Millisecond, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		b := head(t, device, 4)
		switch {
		case err == nil && b != "XFSB":
			t.Fatalf("the device begins with %q after a whole run", b)
		case err == nil:
			oracle.RepairClean(t, oracle.Gen7, device)
		case b == "XFSB" && len(oracle.Repair(t, oracle.Gen6, device)) > 0 && len(oracle.Repair(t, oracle.Gen7, device)) > 0:
			t.Fatal("a killed run left half a filesystem")
		default:
			interrupted++
		}
	}
	if interrupted == 0 {
		t.Error("no run was interrupted; the tree is too small for this machine")
	}
}
