package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCodes makes sure that names are unique and in form, that everything is explained, and that
// there is a test which names each code.
func TestCodes(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(b)
	}
	seen := map[string]bool{}
	for _, c := range Codes() {
		area, what, ok := strings.Cut(c.Name, ".")
		if !ok || area == "" || what == "" || strings.ToLower(c.Name) != c.Name || strings.ContainsAny(c.Name, " _") {
			t.Errorf("name %q is not of the form area.what", c.Name)
		}
		if seen[c.Name] {
			t.Errorf("two codes are named %s", c.Name)
		}
		seen[c.Name] = true
		if FindCode(c.Name) != c {
			t.Errorf("%s is not found by its name", c.Name)
		}
		for _, text := range []string{c.Means, c.Lost, c.Repair} {
			if len(text) < 8 || !strings.HasSuffix(text, ".") || text != strings.TrimSpace(text) {
				t.Errorf("%s: not explained: %q", c.Name, text)
			}
		}
		if c.Summary == "" || strings.HasSuffix(c.Summary, ".") {
			t.Errorf("%s: summary %q", c.Name, c.Summary)
		}
		if !strings.Contains(tests.String(), c.Name) {
			t.Errorf("%s: no test names it", c.Name)
		}
	}
}
