package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestManual has docs/man as the program tells it.
func TestManual(t *testing.T) {
	var got bytes.Buffer
	if err := printManual(&got); err != nil {
		t.Fatal(err)
	}
	const path = "../../docs/man/cowfsck.8"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("go run ./cmd/cowfsck --man >docs/man/cowfsck.8 brings it up to date (-page +program):\n%s", d)
	}
}
