package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/source"
)

// terminal is cowdb at a pseudo-terminal.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	pty  *os.File
	read chan []byte
	seen []byte // what it has written and nobody has waited for
}

// maxWait is how long an answer may take.
const maxWait = 60 * time.Second

func startTerminal(t *testing.T, home string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command("cowdb", args...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "HOME="+home, "XDG_STATE_HOME=")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, cmd: cmd, pty: f, read: make(chan []byte)}
	go func() {
		defer close(term.read)
		for {
			b := make([]byte, 4096)
			n, err := f.Read(b)
			if n > 0 {
				term.read <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		f.Close()
		_ = cmd.Process.Kill() // it may have ended
		for range term.read {
		}
	})
	return term
}

// sees waits for text, and takes all up to it.
func (term *terminal) sees(want string) string {
	term.t.Helper()
	limit := time.After(maxWait)
	for {
		if i := bytes.Index(term.seen, []byte(want)); i >= 0 {
			got := string(term.seen[:i])
			term.seen = term.seen[i+len(want):]
			return got
		}
		select {
		case b, ok := <-term.read:
			if !ok {
				term.t.Fatalf("the program ended before %q; it wrote %q", want, term.seen)
			}
			term.seen = append(term.seen, b...)
		case <-limit:
			term.t.Fatalf("no %q; it wrote %q", want, term.seen)
		}
	}
}

func (term *terminal) types(keys string) {
	term.t.Helper()
	if _, err := io.WriteString(term.pty, keys); err != nil {
		term.t.Fatal(err)
	}
}

// ends waits for the end of the program, and returns what it wrote before.
func (term *terminal) ends() string {
	term.t.Helper()
	limit := time.After(maxWait)
	for {
		select {
		case b, ok := <-term.read:
			if ok {
				term.seen = append(term.seen, b...)
				continue
			}
			if err := term.cmd.Wait(); err != nil {
				term.t.Errorf("it ended with %v; it wrote %q", err, term.seen)
			}
			return string(term.seen)
		case <-limit:
			term.t.Fatalf("it does not end; it wrote %q", term.seen)
		}
	}
}

// scriptImage makes the image of the scripts.
func scriptImage(t *testing.T, path string) {
	t.Helper()
	content, err := archive()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(1)
	if _, err := mkfs.Make(t.Context(), mkfs.Job{
		Config: mkfs.Config{Size: 64 << 20}, Path: path, Time: time.Unix(0, 0), Seed: &seed,
		Source: mkfs.Source{Tars: []string{"-"}, Options: source.Options{Stdin: bytes.NewReader(content)}},
	}); err != nil {
		t.Fatal(err)
	}
}

// Keys.
const (
	enter     = "\r"
	tab       = "\t"
	up        = "\x1b[A"
	left      = "\x1b[D"
	interrupt = "\x03"
	endOfFile = "\x04"
)

func TestTerminal(t *testing.T) {
	home := t.TempDir()
	image := filepath.Join(home, "disk.img")
	scriptImage(t, image)
	term := startTerminal(t, home, image)

	// Commands and paths are completed, and what is typed can be changed.
	term.sees(prompt)
	term.types("ca" + tab + tab)
	term.sees("capture")
	term.types(interrupt)
	term.sees(prompt)
	term.types("stat /et" + tab + "hostn" + tab)
	term.sees("stat /etc/hostname ")
	term.types(enter)
	term.sees("inode   132")
	term.sees(prompt)
	term.types("cat /etc/hostnam" + left + left + left + "XX")
	term.sees("/etc/hostXXnam")
	term.types("\x7f\x7f" + "\x05" + "e" + enter) // two deletions, and to the end of the line
	term.sees("\ncowhost\r\n")

	// Errors are told, with what may have been meant, and the session goes on.
	term.sees(prompt)
	term.types("statt /" + enter)
	term.sees(`statt: no such command; did you mean "stat"`)
	term.sees(prompt)
	term.types("help expect" + enter)
	term.sees("expect web1 cat /etc/hostname")

	// Fields of what is at the position.
	term.sees(prompt)
	term.types("sb -q 0" + enter)
	term.sees(prompt)
	term.types("print fna" + tab + enter)
	term.sees(`fname = `)

	// A block takes several lines; Ctrl-C takes it back.
	term.sees(prompt)
	term.types("for x in 1 2" + enter)
	term.sees(promptMore)
	term.types("echo got $x" + enter)
	term.sees(promptMore)
	term.types("end" + enter)
	term.sees("\ngot 1\r\ngot 2\r\n")
	term.sees(prompt)
	term.types("for x in 1 2" + enter)
	term.sees(promptMore)
	term.types(interrupt)
	term.sees(prompt)
	term.types("echo still here" + enter)
	term.sees("\nstill here\r\n")

	// Ctrl-C ends a command, and only that.
	term.sees(prompt)
	term.types("for x in 0..1000000000" + enter)
	term.sees(promptMore)
	term.types("echo number $x" + enter)
	term.sees(promptMore)
	term.types("end" + enter)
	term.sees("number 100\r\n")
	term.types(interrupt)
	term.sees("context canceled")
	term.sees(prompt)
	term.types(up + up + up + up + enter) // end, echo, for, echo
	term.sees("\nstill here\r\n")
	term.sees(prompt)
	term.types(endOfFile)
	term.ends()

	// The next session knows what was typed in this one.
	term = startTerminal(t, home, image)
	term.sees(prompt)
	term.types(up + enter)
	term.sees("\nstill here\r\n")
	term.sees(prompt)
	term.types("quit" + enter)
	term.ends()
	if b, err := os.ReadFile(filepath.Join(home, ".local/state/cowdb/history")); err != nil || !strings.Contains(string(b), "stat /etc/hostname") {
		t.Errorf("history %q, %v", b, err)
	}
}

// TestTerminalUnit leaves a session within a unit: it is told that nothing was changed.
func TestTerminalUnit(t *testing.T) {
	home := t.TempDir()
	image := filepath.Join(home, "disk.img")
	scriptImage(t, image)
	before, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	term := startTerminal(t, home, "-w", image)
	for _, line := range []string{"begin", "rm /tool", "rm -r /many"} {
		term.sees(prompt)
		term.types(line + enter)
	}
	term.sees(prompt)
	term.types("ls /" + enter)
	if got := term.sees(prompt); !strings.Contains(got, "etc\r\n") || strings.Contains(got, "tool\r\n") {
		t.Errorf("in the unit: %q", got)
	}
	term.types(endOfFile)
	term.sees("the session ended before commit; nothing since begin was changed")
	after, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the image has changed")
	}
}

// TestComplete asks for completions as the shells' scripts do.
func TestComplete(t *testing.T) {
	image := filepath.Join(t.TempDir(), "disk.img")
	scriptImage(t, image)
	for line, want := range map[string]string{
		"mkd":                         "mkdir ",
		"help mkd":                    "mkdir ",
		"ls /e":                       "/etc/",
		"ls /etc/h":                   "/etc/hard |/etc/hostname ",
		"ls -l /etc/host":             "/etc/hostname ",
		"try cat /tool":               "/tool ",
		"expect x cat /nu":            "/null ",
		"capture -f ino n sta":        "stack |stat ",
		"btdump rm":                   "rmapbt ",
		"ls '/et":                     "",
		"nothing /":                   "",
		"fuzz x fi":                   "firstbit ",
		"ls --":                       "",
		"ls -l":                       "-l ",
		"put " + image[:len(image)-3]: image + " ",
	} {
		var out, errs bytes.Buffer
		h := host{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, interruptible: same}
		if code := run(t.Context(), []string{"cowdb", "--complete", line, image}, h); code != exitOK {
			t.Errorf("%q: exit code %d: %s", line, code, &errs)
		}
		if got := strings.Join(strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), "|"); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestBashCompletion has bash itself complete a command line.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	dir := t.TempDir()
	scriptImage(t, filepath.Join(dir, "disk.img"))
	script := `source <(cowdb --completion bash)
complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cowdb; printf '%s\n' "${COMPREPLY[@]}"; }
complete_line cowdb --dry
complete_line cowdb -c x --offset 0 disk.img ls /et
complete_line cowdb -w disk.img mkd`
	cmd := exec.Command(bash, "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if want := "--dry-run\n/etc/\nmkdir \n"; err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

// TestGuide runs the whole script that the guide shows.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/cowdb.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(guide), "A whole script:\n\n```\n")
	script, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatal("the guide has no whole script")
	}
	dir := t.TempDir()
	image := filepath.Join(dir, "disk.img")
	scriptImage(t, image)
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	session := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		h := host{stdin: strings.NewReader(script), stdout: &out, stderr: &errs, interruptible: same}
		if code := run(t.Context(), append([]string{"cowdb", "-w"}, args...), h); code != exitOK {
			t.Fatalf("%q: exit code %d: %s", args, code, &errs)
		}
		return out.String()
	}
	session("-c", "mkdir -p /var/log", "-c", "put "+large+" /var/log/a", "-c", "put /dev/null /var/log/b", image)
	session(image) // the script
	session("-c", "expect -f size 0 stat /var/log/a", image)
}
