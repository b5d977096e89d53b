package cmdtest

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Manual has docs/man as the program in the working directory's package prints it.
func Manual(t *testing.T, program string, print func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := print(&got); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../docs/man/" + program + ".8")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("go run ./cmd/%[1]s --man >docs/man/%[1]s.8 brings it up to date (-page +program):\n%[2]s", program, d)
	}
}
