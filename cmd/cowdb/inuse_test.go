package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
)

// cowdb runs the program, and returns its exit code and what it says on standard error.
func cowdb(stdin io.Reader, stdout io.Writer, args ...string) (int, string) {
	var stderr strings.Builder
	code := run(context.Background(), append([]string{"cowdb"}, args...), host{
		stdin: stdin, stdout: stdout, stderr: &stderr, getenv: func(string) string { return "" }, interruptible: same,
	})
	return code, stderr.String()
}

// An image that somebody else changes is left alone: another cowdb, or the kernel.
func TestImageInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image")
	scriptImage(t, path)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(who string, args ...string) {
		t.Helper()
		if code, text := cowdb(strings.NewReader(""), io.Discard, args...); code != exitFailure || !strings.Contains(text, "in use") {
			t.Errorf("%s: exit code %d, %q", who, code, text)
		}
	}
	in, script := io.Pipe()
	ended := make(chan int)
	go func() {
		code, _ := cowdb(in, io.Discard, "-w", path)
		ended <- code
	}()
	// Pipes hand over what is read: when the second line is taken, the first command has begun, and
	// the image is open.
	for range 2 {
		if _, err := io.WriteString(script, "ls /\n"); err != nil {
			t.Fatal(err)
		}
	}
	refused("a second writer", "-w", path, "mkdir", "/second")
	refused("a reader beside a writer", path, "ls", "/")
	if err := script.Close(); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != exitOK {
		t.Errorf("the first writer ended with %d", code)
	}

	m := oracle.Mount(t, path, oracle.MountOptions{ReadOnly: true})
	refused("while the kernel has it", "-w", path, "mkdir", "/second")
	if code, text := cowdb(strings.NewReader(""), io.Discard, path, "ls", "/"); code != exitOK {
		t.Errorf("reading while the kernel has it: exit code %d, %q", code, text)
	}
	m.Unmount()
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the image has changed")
	}
}
