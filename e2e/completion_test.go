package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/cowfs/cowfs/internal/oracle"
)

// completions are lines as a user types them up to the tabulator, and the arguments they become.
var completions = []struct{ line, want string }{
	{"mkcowfs --minim", "--minimize"},
	{"mkcowfs --root tr", "--root tree"},
	{"mkcowfs --label data dis", "--label data disk.img"},
	{"cowfsck --undo-a", "--undo-apply"},
	{"cowfsck -y --verb", "-y --verbose"},
	{"cowfsck dis", "disk.img"},
	{"cowdb --dry", "--dry-run"},
	{"cowdb -f scr", "-f script.cowdb"},
	{"cowdb dis", "disk.img"},
	{"cowdb disk.img btd", "disk.img btdump"},
	{"cowdb -w disk.img cowext", "-w disk.img cowextsize"},
	{"cowdb disk.img cat /etc/host", "disk.img cat /etc/hostname"},
	{"cowdb disk.img ls /et", "disk.img ls /etc/"},
	{"cowdb --offset 0 disk.img btdump refc", "--offset 0 disk.img btdump refcountbt"},
}

// completionPlace makes a directory with what the lines name.
func completionPlace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"tree/etc/hostname": "box\n", "script.cowdb": "info\n"} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if r := mkcowfs(t, "--root", filepath.Join(dir, "tree"), filepath.Join(dir, "disk.img")); r.Exit != 0 {
		t.Fatal(r)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		for _, tool := range []string{"mkcowfs", "cowfsck", "cowdb"} {
			script, err := exec.Command(filepath.Join(bin, tool), "--completion", shell).Output()
			if err != nil {
				t.Fatalf("%s --completion %s: %v", tool, shell, err)
			}
			sub := filepath.Join(dir, ".complete", shell)
			if err := os.MkdirAll(sub, 0o755); err != nil {
				t.Fatal(err)
			}
			// The underscore is for zsh, which finds functions by name.
			if err := os.WriteFile(filepath.Join(sub, "_"+tool), script, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// TestCompletion has each shell complete the lines, as at a terminal.
func TestCompletion(t *testing.T) {
	if otherMkfs() != "" {
		t.Skip("tests mkcowfs")
	}
	// What is completed are functions that show their arguments; only the completion itself runs
	// the program.
	const functions = `mkcowfs() { printf '<%s>\n' "$*"; }; cowfsck() { printf '<%s>\n' "$*"; }
cowdb() { if [ "$1" = --complete ]; then command cowdb "$@"; else printf '<%s>\n' "$*"; fi; }
`
	t.Run("bash", func(t *testing.T) {
		setup := "PS1='ready> '; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'\n" +
			"for f in .complete/bash/*; do . $f; done\n" + functions
		completeAt(t, setup, "bash", "--norc", "--noprofile", "-i")
	})
	t.Run("zsh", func(t *testing.T) {
		setup := "PS1='ready> '; unset zle_bracketed_paste; unsetopt prompt_sp prompt_cr beep\n" +
			"fpath=($PWD/.complete/zsh $fpath); autoload -Uz compinit; compinit -u -D\n" + functions
		completeAt(t, setup, "zsh", "-f", "-i")
	})
	t.Run("fish", completeInFish)
}

// completeAt types each line, the tabulator and the return key into a shell.
func completeAt(t *testing.T, setup, shell string, args ...string) {
	if _, err := exec.LookPath(shell); err != nil {
		oracle.Missing(t, "%s is not installed", shell)
	}
	cmd := exec.Command(shell, args...)
	cmd.Dir = completionPlace(t)
	cmd.Env = append(os.Environ(), "TERM=dumb", "HOME="+cmd.Dir, "PATH="+bin+":"+os.Getenv("PATH"))
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		f.Close()
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}()
	// Functions are read from a file: as typed lines they would be completed too.
	if err := os.WriteFile(filepath.Join(cmd.Dir, "setup"), []byte(setup), 0o644); err != nil {
		t.Fatal(err)
	}
	seen := newReading(f)
	fmt.Fprint(f, ". ./setup; echo se''t\n")
	if got, ok := seen.until("set\r\n"); !ok {
		t.Fatalf("%s does not start: %q", shell, got)
	}
	for _, c := range completions {
		fmt.Fprint(f, c.line+"\t")
		if got, ok := seen.until(c.want[len(c.want)-2:]); !ok { // before a key is typed that could end it
			t.Fatalf("%q: %q", c.line, got)
		}
		fmt.Fprint(f, "\n")
		got, ok := seen.until(">\r\n")
		if !ok {
			t.Fatalf("%q: %q", c.line, got)
		}
		if got = got[strings.LastIndexByte(got, '<')+1:]; strings.TrimRight(got, " /") != strings.TrimRight(c.want, "/") {
			t.Errorf("%q becomes %q, want %q", c.line, got, c.want)
		}
	}
}

// completeInFish asks fish itself, which can tell without a terminal.
func completeInFish(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		oracle.Missing(t, "fish is not installed")
	}
	dir := completionPlace(t)
	for _, c := range completions {
		cmd := exec.Command(fish, "--no-config", "-c", "for f in .complete/fish/*; source $f; end; complete -C $argv[1]", c.line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v", c.line, err)
		}
		want := c.want[strings.LastIndexByte(c.want, ' ')+1:]
		found := false
		for _, line := range strings.Split(string(out), "\n") {
			word, _, _ := strings.Cut(line, "\t")
			found = found || strings.TrimRight(word, "/") == strings.TrimRight(want, "/")
		}
		if !found || len(out) > 1000 {
			t.Errorf("%q: %q, want %q among few", c.line, out, want)
		}
	}
}

// reading is what a terminal shows.
type reading struct {
	in   chan []byte
	seen []byte // and nobody has waited for
}

func newReading(r io.Reader) *reading {
	s := &reading{in: make(chan []byte, 1024)}
	go func() {
		defer close(s.in)
		for {
			b := make([]byte, 4096)
			n, err := r.Read(b)
			if n > 0 {
				s.in <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// until waits for text and takes all up to it; not ok if it doesn't come.
func (s *reading) until(want string) (got string, ok bool) {
	limit := time.After(60 * time.Second)
	for {
		if i := bytes.Index(s.seen, []byte(want)); i >= 0 {
			got, s.seen = string(s.seen[:i]), s.seen[i+len(want):]
			return got, true
		}
		select {
		case b, ok := <-s.in:
			if !ok {
				return string(s.seen), false
			}
			s.seen = append(s.seen, b...)
		case <-limit:
			return string(s.seen), false
		}
	}
}
