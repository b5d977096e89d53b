package oracle

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Gen is a generation of xfsprogs.
type Gen int

const (
	// Gen6 is the system's own xfsprogs, found on PATH (6.1 on Debian 12). It knows all
	// features up to nrext64 and refuses images with parent pointers or exchange-range.
	Gen6 Gen = iota
	// Gen7 is xfsprogs 7.2 or newer, which tools/install-xfsprogs puts beside the system.
	Gen7
)

// String names the generation as test names do.
func (g Gen) String() string {
	if g == Gen6 {
		return "xfsprogs-6"
	}
	return "xfsprogs-7"
}

// Missing says that a test cannot run because something is not there: it skips the test, or
// fails it where CI=true promises a complete machine.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI=true, but "+format, args...)
	}
	t.Skipf(format, args...)
}

// NeedRoot skips or fails the test when it does not run as root.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "this test needs root")
	}
}

// Tool returns the path of an xfsprogs tool such as "xfs_repair".
func Tool(t testing.TB, name string, gen Gen) string {
	t.Helper()
	if gen == Gen6 {
		return Program(t, name)
	}
	dir := os.Getenv("COWFS_XFSPROGS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			Missing(t, "no place for xfsprogs: %v", err)
		}
		dir = filepath.Join(cache, "cowfs", "xfsprogs", "bin")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		Missing(t, "no %s of xfsprogs 7: run tools/install-xfsprogs, or set COWFS_XFSPROGS to its directory: %v", name, err)
	}
	return path
}

// Program returns the path of a program of the system, e.g. "mke2fs".
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		// The administrator's tools are not on everybody's PATH.
		for _, dir := range []string{"/usr/sbin", "/sbin"} {
			if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return p
			}
		}
		Missing(t, "no %s on this machine", name)
	}
	return path
}

// Result is what a finished program left.
type Result struct {
	Stdout, Stderr string
	Exit           int // -1 when a signal ended it
}

// Run runs a program to its end, in the C locale and in UTC. It fails the test only when
// the program cannot be started; the exit code is the caller's to judge.
func Run(t testing.TB, name string, args ...string) Result {
	t.Helper()
	return RunCmd(t, exec.CommandContext(context.Background(), name, args...))
}

// RunCmd is Run for a command that the caller has set up; it owns the command's outputs.
func RunCmd(t testing.TB, cmd *exec.Cmd) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if cmd.Env == nil {
		cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", cmd.Path, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// MustRun runs a program that has to succeed and returns its standard output.
func MustRun(t testing.TB, name string, args ...string) string {
	t.Helper()
	r := Run(t, name, args...)
	if r.Exit != 0 {
		t.Fatalf("%s %q: exit %d\n%s%s", name, args, r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout
}
