package cow_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the tables of docs/cow.md name is there: files of this package, tests, and sessions of cowdb.
func TestTable(t *testing.T) {
	page, err := os.ReadFile("../docs/cow.md")
	must(t, err)
	name := regexp.MustCompile("`([^`]+)`")
	function := regexp.MustCompile(`^(\w+)\.((?:Test|Example)\w+)$`)
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || !strings.Contains(line, "`") {
			continue
		}
		rows++
		tests := 0
		for _, m := range name.FindAllStringSubmatch(cells[1]+cells[2], -1) {
			switch f := function.FindStringSubmatch(m[1]); {
			case f != nil:
				tests++
				if !declared(t, f[1], f[2]) {
					t.Errorf("no test %s", m[1])
				}
			case strings.HasSuffix(m[1], ".txtar"):
				tests++
				dir, file := filepath.Split(m[1])
				if _, err := os.Stat(filepath.Join("../cmd", dir, "testdata", file)); err != nil {
					t.Error(err)
				}
			case strings.HasSuffix(m[1], ".go"):
				if _, err := os.Stat(m[1]); err != nil {
					t.Error(err)
				}
			}
		}
		if tests == 0 {
			t.Errorf("no test in the row%s", cells[0])
		}
	}
	if rows < 25 {
		t.Errorf("only %d rows were found", rows)
	}
}

// declared reports whether a package has a test.
func declared(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob("../" + dir + "/*_test.go")
	must(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		must(t, err)
		if strings.Contains(string(b), "func "+name+"(") {
			return true
		}
	}
	return false
}
