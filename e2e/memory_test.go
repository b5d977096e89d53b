package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
)

// The kernel counts the memory of a process from before its exec, when it was a copy of its
// parent. So a program's memory is measured by a process between, which is this test's program
// again and still small.

// measureVariable makes this program run another and write its memory to the named file.
const measureVariable = "COWFS_E2E_MEASURE"

// measure runs a command, with our own outputs, and writes the bytes of memory that it took.
func measure(to string, args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	rss := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	if err := os.WriteFile(to, fmt.Appendln(nil, rss), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// memoryOf runs a program that has to succeed and returns the most memory that it took, in
// bytes.
func memoryOf(t testing.TB, args ...string) int64 {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	to := filepath.Join(t.TempDir(), "memory")
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), measureVariable+"="+to)
	if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
		t.Fatalf("%q: exit %d\n%s", args, r.Exit, r.Stderr)
	}
	b, err := os.ReadFile(to)
	must(t, err)
	var rss int64
	_, err = fmt.Sscan(string(b), &rss)
	must(t, err)
	return rss
}
