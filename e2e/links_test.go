package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)\s]*)?\)`)
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names under which a page's headings can be linked to.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		found[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return found
}

// TestLinks follows the links between the pages of the project.
func TestLinks(t *testing.T) {
	pages := []string{"../README.md", "../CHANGES/README.md"}
	for _, pattern := range []string{"../docs/*.md", "../docs/tutorials/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) < 4 {
			t.Fatal(pattern, more, err)
		}
		pages = append(pages, more...)
	}
	for _, name := range pages {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range link.FindAllStringSubmatch(string(page), -1) {
			to := name
			if l[1] != "" {
				to = filepath.Join(filepath.Dir(name), l[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s: %v", name, l[0], err)
				continue
			}
			if l[2] == "" || !strings.HasSuffix(to, ".md") {
				continue
			}
			other, err := os.ReadFile(to)
			if err != nil {
				t.Fatal(err)
			}
			if !anchors(string(other))[l[2][1:]] {
				t.Errorf("%s: %s: no such heading", name, l[0])
			}
		}
	}
}
