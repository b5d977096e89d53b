package shell

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

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
					if letter, ok := strings.CutPrefix(w, "-"); ok && f.Lookup(letter) == nil {
						t.Errorf("%s: %s: %s has no flag %s", section, theirs, words[0], w)
					}
				}
			}
		}
	}
}

// No command of xfs_db is missing from the page, and none is there that xfs_db does not have.
func TestTableOfXfsDB(t *testing.T) {
	path := newImage(t)
	cmd := exec.Command(oracle.Tool(t, "xfs_db", oracle.Gen7), "-x", "-c", "help", path)
	out := oracle.RunCmd(t, cmd).Stdout
	rows := commandTable(t, "xfs_db")
	n := 0
	for _, line := range strings.Split(out, "\n") {
		usage, _, ok := strings.Cut(line, " -- ")
		if !ok {
			continue
		}
		name := strings.Fields(usage)[0]
		if _, ok := rows[name]; !ok {
			t.Errorf("%s is not in the table", name)
		}
		delete(rows, name)
		n++
	}
	if n < 60 {
		t.Fatalf("xfs_db lists %d commands:\n%s", n, out)
	}
	for name := range rows {
		t.Errorf("xfs_db has no %s", name)
	}
}

// Those of debugfs and xfs_io are what the tools have, as far as they are on the machine.
func TestTableOfOthers(t *testing.T) {
	debugfs, err := exec.LookPath("debugfs")
	if err != nil {
		t.Skip("no debugfs")
	}
	out, err := exec.Command(debugfs, "-R", "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	rows := commandTable(t, "debugfs")
	name := regexp.MustCompile(`(?m)^([a-z_]+)[, ]`)
	found := name.FindAllStringSubmatch(string(out), -1)
	if len(found) < 60 {
		t.Fatalf("debugfs lists %d commands:\n%s", len(found), out)
	}
	for _, m := range found {
		if _, ok := rows[m[1]]; !ok {
			t.Errorf("%s of debugfs is not in the table", m[1])
		}
	}
}
