package e2e

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/internal/oracle"
)

var update = flag.Bool("update", false, "write what the commands of the tutorials answer into them")

// console is a block of a session in a page.
var console = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// typed is a command of a session and the answer that the page shows.
type typed struct{ command, answer string }

// readSession takes the commands of a block apart. Lines that begin with > belong to the command.
func readSession(block string) (list []typed) {
	for _, line := range strings.SplitAfter(block, "\n") {
		switch {
		case strings.HasPrefix(line, "$ "):
			list = append(list, typed{command: line[2:]})
		case strings.HasPrefix(line, "> ") && len(list) > 0 && list[len(list)-1].answer == "":
			list[len(list)-1].command += line[2:]
		case len(list) > 0:
			list[len(list)-1].answer += line
		}
	}
	return list
}

// TestTutorials follows the pages under docs/tutorials, each as one session of a shell.
func TestTutorials(t *testing.T) {
	if otherMkfs() != "" {
		t.Skip("tests the tools")
	}
	pages, err := filepath.Abs("../docs/tutorials")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if filepath.Base(name) == "README.md" {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			page, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			answers := follow(t, pages, string(page))
			next := 0
			shown := console.ReplaceAllStringFunc(string(page), func(block string) string {
				list := readSession(console.FindStringSubmatch(block)[1])
				got := "```console\n"
				for _, c := range list {
					answer := answers[next]
					next++
					if like(c.answer, answer) {
						answer = c.answer // as far as it is shown
					}
					got += "$ " + strings.ReplaceAll(strings.TrimSuffix(c.command, "\n"), "\n", "\n> ") + "\n" + answer
				}
				return got + "```"
			})
			if *update {
				if err := os.WriteFile(name, []byte(shown), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(string(page), shown); d != "" {
				t.Errorf("go test ./e2e -run Tutorials -update brings the page up to date (-page +now):\n%s", d)
			}
		})
	}
}

// like compares an answer with what a page shows, where ... stands for any lines.
func like(shown, answer string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for _, line := range strings.SplitAfter(shown, "\n") {
		if line == "...\n" {
			pattern.WriteString(`(?:.*\n)*?`)
		} else {
			pattern.WriteString(regexp.QuoteMeta(line))
		}
	}
	return regexp.MustCompile(pattern.String() + `\z`).MatchString(answer)
}

// follow runs all commands of a page in an empty directory, and returns their answers.
func follow(t *testing.T, pages, page string) (answers []string) {
	t.Helper()
	const mark = "<<<answered>>>\n"
	var script strings.Builder
	for _, block := range console.FindAllStringSubmatch(page, -1) {
		for _, c := range readSession(block[1]) {
			script.WriteString(c.command + "printf '" + strings.TrimSuffix(mark, "\n") + "\\n'\n")
		}
	}
	cmd := exec.Command("bash", "--norc", "-c", "exec 2>&1\n"+script.String())
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+cmd.Dir, "TZ=UTC", "LC_ALL=C", "TUTORIALS="+pages)
	r := oracle.RunCmd(t, cmd)
	answers = strings.Split(r.Stdout, mark)
	if last := len(answers) - 1; r.Exit != 0 || answers[last] != "" || last == 0 {
		t.Fatalf("the session broke off: %v", r)
	}
	return answers[:len(answers)-1]
}
