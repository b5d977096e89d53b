package shell

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/internal/oracle"
)

// commandTable is a section of the page about other tools' commands: ours by theirs.
type commandRow struct{ ours, why string }

// commandTable reads a section of the page.
func commandTable(t *testing.T, section string) map[string]commandRow {
	t.Helper()
	page, err := os.ReadFile("../docs/cowdb-commands.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("no section about %s", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	out := map[string]commandRow{}
	for _, line := range strings.Split(text, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		name := strings.Trim(cells[1], " `")
		if _, twice := out[name]; twice {
			t.Errorf("%s: %s comes twice", section, name)
		}
		out[name] = commandRow{strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])}
	}
	return out
}

var spans = regexp.MustCompile("`([^`]*)`")

// Every command of ours that the page names exists, with the flags that it is named with, and where
// there is none, it says why.
func TestCommandTables(t *testing.T) {
	for _, section := range []string{"xfs_db", "xfs_io", "debugfs"} {
		rows := commandTable(t, section)
		if len(rows) < 20 {
			t.Errorf("%s: only %d rows", section, len(rows))
		}
		for theirs, row := range rows {
			names := spans.FindAllStringSubmatch(row.ours, -1)
			if len(names) == 0 && (row.ours != "—" || row.why == "") {
				t.Errorf("%s: %s: neither a command nor a reason: %q, %q", section, theirs, row.ours, row.why)
			}
			for _, m := range names {
				words := strings.Fields(m[1])
				if words[0] == "help" || words[0] == "quit" {
					continue
				}
				c, err := Find(words[0])
				if err != nil {
					t.Errorf("%s: %s: %v", section, theirs, err)
					continue
				}
				f := c.flags()
				c.setup(f)
				for _, w := range words[1:] {
					if letter, ok := strings.CutPrefix(w, "-"); ok && f.Lookup(strings.TrimPrefix(letter, "-")) == nil {
						t.Errorf("%s: %s: %s has no flag %s", section, theirs, words[0], w)
					}
				}
			}
		}
	}
}

// No command of another tool is missing from the page, and none is there that the tool does not have.
// testdata/commands has the names that the tools list; where they are installed, that is held against
// what they list.
func TestTablesAreComplete(t *testing.T) {
	for _, tool := range []string{"xfs_db", "xfs_io", "debugfs"} {
		text, err := os.ReadFile("testdata/commands/" + tool)
		if err != nil {
			t.Fatal(err)
		}
		names := strings.Fields(string(text))
		rows := commandTable(t, tool)
		for _, name := range names {
			if _, ok := rows[name]; !ok {
				t.Errorf("%s of %s is not in the table", name, tool)
			}
			delete(rows, name)
		}
		for name := range rows {
			t.Errorf("%s has no %s", tool, name)
		}
		if len(names) < 70 {
			t.Errorf("%s has only %d commands", tool, len(names))
		}
	}
}

func TestListedCommands(t *testing.T) {
	path := newImage(t)
	described := regexp.MustCompile(`(?m)^(\w+)\b.* -- `)
	for _, c := range []struct {
		tool string
		args []string
		name *regexp.Regexp
	}{
		{"xfs_db", []string{"-x", "-c", "help", path}, described},
		{"xfs_io", []string{"-x", "-c", "help", path}, described},
		{"debugfs", []string{"-R", "help"}, regexp.MustCompile(`(?m)^([a-z_]+)[, ]`)},
	} {
		t.Run(c.tool, func(t *testing.T) {
			program, err := exec.LookPath(c.tool)
			if c.tool != "debugfs" {
				program = oracle.Tool(t, c.tool, oracle.Gen7)
			} else if err != nil {
				t.Skip("no debugfs")
			}
			out := oracle.RunCmd(t, exec.Command(program, c.args...)).Stdout
			var names []string
			for _, m := range c.name.FindAllStringSubmatch(out, -1) {
				names = append(names, m[1])
			}
			slices.Sort(names)
			text, err := os.ReadFile("testdata/commands/" + c.tool)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(string(text)), slices.Compact(names)); diff != "" {
				t.Errorf("recorded, then listed:\n%s", diff)
			}
		})
	}
}
