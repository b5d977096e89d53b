package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
	"github.com/cowfs/cowfs/mkfs"
)

// sound makes an image of 300 MiB.
func sound(t *testing.T) string {
	t.Helper()
	return imageOf(t, "", "image")
}

// imageOf makes an image of 300 MiB, of a name, with the content of a directory unless that is "".
func imageOf(t *testing.T, dir, name string) string {
	t.Helper()
	config, err := mkfs.NewConfig([]mkfs.Setting{{Section: 'd', Key: "size", Value: "300m"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	j := mkfs.Job{Config: *config, Path: filepath.Join(t.TempDir(), name), Time: time.Unix(0, 0)}
	j.Source.Dir = dir
	if _, err := mkfs.Make(context.Background(), j); err != nil {
		t.Fatal(err)
	}
	return j.Path
}

// cowfsck runs the program and returns its exit code and what it prints.
func cowfsck(ctx context.Context, t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out strings.Builder
	code = run(ctx, args, host{&out, f})
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), string(text)
}

// TestInterrupted has an interrupted run end with the exit code of one.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if code, _, stderr := cowfsck(ctx, t, sound(t)); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	for _, flag := range []string{"-n", "--plan"} {
		code, stdout, _ := cowfsck(ctx, t, "--json", flag, sound(t))
		if code != exitInterrupted || !regexp.MustCompile(`^{"type":"header",.*}\n{"type":"error",.*"error":"interrupted","exit":32}\n$`).MatchString(stdout) {
			t.Errorf("%s: exit code %d, and programs read: %s", flag, code, stdout)
		}
	}
}

// TestOffset checks a volume within a larger file, whose tail is cut off as well.
func TestOffset(t *testing.T) {
	ctx := context.Background()
	image, err := os.ReadFile(sound(t))
	if err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, append(make([]byte, 1<<20), image...), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := cowfsck(ctx, t, "--offset", "1m", disk); code != exitClean {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if code, _, stderr := cowfsck(ctx, t, disk); code != exitFailure || strings.Count(stderr, "\n") != 1 {
		t.Errorf("without the offset: exit code %d: %s", code, stderr)
	}
	if err := os.Truncate(disk, 1<<20+int64(len(image))-1<<16); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := cowfsck(ctx, t, "--json", "--offset", "1m", disk); code == exitClean || !strings.Contains(stdout+stderr, `"complete":false`) {
		t.Errorf("cut short: exit code %d: %s%s", code, stdout, stderr)
	}
}

// TestOnlyIncomplete says that not all was judged also when the findings that tell why were not asked
// for.
func TestOnlyIncomplete(t *testing.T) {
	image := sound(t)
	if err := os.Truncate(image, 299<<20); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := cowfsck(context.Background(), t, "--only", "dir", image)
	if code != exitFailure || !strings.Contains(stdout, "\nNot all could be judged; without --only it is told why.\n") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

// TestProgressFD reads the lines that tell a program how far a check is.
func TestProgressFD(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		lines <- string(b)
	}()
	code, stdout, stderr := cowfsck(context.Background(), t, "--progress-fd", fmt.Sprint(w.Fd()), sound(t))
	w.Close()
	got := <-lines
	if code != exitClean || stdout+stderr != "" {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if !regexp.MustCompile(`^([a-z ]+ \d+ \d+\n)+$`).MatchString(got) {
		t.Errorf("progress is %q", got)
	}
}

// TestReplay checks an image with a dirty log, as it is, and brings in what the log holds.
func TestReplay(t *testing.T) {
	ctx := context.Background()
	image := dirty.Image(t, dirty.Case{Name: "cow-open", Cow: true, Open: true}, 3)
	before, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{image}, {"-n", image}} {
		code, stdout, stderr := cowfsck(ctx, t, args...)
		if code != exitClean || !strings.Contains(stdout, "The log is dirty") {
			t.Errorf("%q: exit code %d: %s%s", args, code, stdout, stderr)
		}
	}
	if _, stdout, _ := cowfsck(ctx, t, "--json", image); !strings.Contains(stdout, `"dirty":true`) {
		t.Errorf("--json: %s", stdout)
	}
	after, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("a check has changed the image")
	}
	code, stdout, stderr := cowfsck(ctx, t, "--replay", image)
	if code != exitMended || !strings.Contains(stdout, "The log was dirty") {
		t.Errorf("--replay: exit code %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := cowfsck(ctx, t, "--replay", image); code != exitClean || stdout != "" {
		t.Errorf("once more: exit code %d: %s%s", code, stdout, stderr)
	}
	oracle.RepairClean(t, oracle.Gen7, image)
}

// TestMounted refuses an image that is mounted, and the device that shows it, whatever it is asked to
// do. One that only has a device can be looked at.
func TestMounted(t *testing.T) {
	ctx := context.Background()
	image := sound(t)
	loop := oracle.Loop(t, image)
	for _, path := range []string{image, loop} {
		if code, stdout, stderr := cowfsck(ctx, t, "-n", path); code != exitClean || stdout+stderr != "" {
			t.Errorf("%s, not mounted: exit code %d: %s%s", path, code, stdout, stderr)
		}
	}
	dir := t.TempDir()
	if err := unix.Mount(loop, dir, "xfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, 0)
	for _, path := range []string{image, loop} {
		for _, flag := range []string{"-v", "-n", "--plan", "-p", "-y", "--replay"} {
			code, stdout, stderr := cowfsck(ctx, t, flag, path)
			if code != exitFailure || stdout != "" || !strings.Contains(stderr, path+": image is in use") {
				t.Errorf("%s %s: exit code %d: %s%s", flag, path, code, stdout, stderr)
			}
		}
	}
}
