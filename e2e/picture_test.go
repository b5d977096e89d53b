package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/cowfs/cowfs/"

// imports lists for each package, but those that only tests and measurements use, which packages of
// the module it imports. Names are relative to the module. On the way it has a doc.go in every one.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir string
			Imports         []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(p.Dir, "doc.go")); err != nil {
			t.Errorf("package %s: %v", p.ImportPath, err)
		}
		name, ok := inPicture(p.ImportPath)
		if !ok {
			continue
		}
		all[name] = []string{}
		for _, i := range p.Imports {
			if to, ok := inPicture(i); ok {
				all[name] = append(all[name], to)
			}
		}
	}
}

func inPicture(importPath string) (name string, ok bool) {
	name, ok = strings.CutPrefix(importPath, module)
	for _, other := range []string{"internal/", "bench", "e2e"} {
		ok = ok && !strings.HasPrefix(name, other)
	}
	return name, ok && !strings.HasSuffix(name, "test")
}

// reaches tells whether one package imports another, directly or not, without the direct import.
func reaches(all map[string][]string, from, to string, direct bool) bool {
	for _, next := range all[from] {
		if next == to {
			if direct {
				return true
			}
			continue
		}
		if reaches(all, next, to, true) {
			return true
		}
	}
	return false
}

// picture draws the packages. An arrow that others imply is left out.
func picture(all map[string][]string) string {
	names := []string{}
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for _, from := range names {
		fmt.Fprintf(&b, "  %s[%s]\n", strings.ReplaceAll(from, "/", "_"), from)
	}
	for _, from := range names {
		slices.Sort(all[from])
		for _, to := range all[from] {
			if !reaches(all, from, to, false) {
				fmt.Fprintf(&b, "  %s --> %s\n", strings.ReplaceAll(from, "/", "_"), to)
			}
		}
	}
	return b.String()
}

// TestArchitecture has the picture of the packages as they are, and each of them described.
func TestArchitecture(t *testing.T) {
	const name, head, tail = "../docs/architecture.md", "```mermaid\n", "```"
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(page), head)
	shown, after, ok2 := strings.Cut(rest, tail)
	if !ok1 || !ok2 {
		t.Fatal("there is no picture")
	}
	all := imports(t)
	if len(all) < 20 {
		t.Errorf("only %d packages", len(all))
	}
	drawn := picture(all)
	if *update {
		if err := os.WriteFile(name, []byte(before+head+drawn+tail+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if d := cmp.Diff(shown, drawn); d != "" {
		t.Errorf("go test ./e2e -run Architecture -update draws it anew (-page +now):\n%s", d)
	}
	rows, _, _ := strings.Cut(before, "| I want to change")
	for p := range all {
		if !strings.Contains(rows, path.Base(p)) {
			t.Errorf("package %s is not in the rows above the picture", p)
		}
	}
}
