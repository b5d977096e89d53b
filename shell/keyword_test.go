package shell

import (
	"bufio"
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Help explains the words that blocks are made of, and lists them; alone in a line they are told of.
func TestHelpOnKeywords(t *testing.T) {
	for _, name := range []string{"for", "if", "else", "end", "help", "quit", "exit"} {
		var out bytes.Buffer
		if err := Help(&out, []string{name}); err != nil {
			t.Errorf("help %s: %v", name, err)
		}
		if text := out.String(); name != "exit" && !strings.HasPrefix(text, name) || !strings.Contains(text, "\n\n    "+strings.Fields(text)[0]) {
			t.Errorf("help %s has no example: %q", name, text)
		}
	}
	var all bytes.Buffer
	HelpAll(&all)
	for _, k := range Keywords() {
		if !strings.Contains(all.String(), "\n  "+k.Name+" ") {
			t.Errorf("help does not list %s", k.Name)
		}
		for _, e := range k.Examples {
			if list, err := newParser("", strings.NewReader(e.Line)).all(); err == nil && k.Name != "end" && k.Name != "else" {
				t.Errorf("example %q of %s is no part of a block: %v", e.Line, k.Name, list)
			}
		}
		s := &Session{Out: &all}
		err := s.Run(t.Context(), []string{k.Name, "x"})
		var usage *UsageError
		if !errors.As(err, &usage) || strings.Contains(err.Error(), "did you mean") || !strings.Contains(err.Error(), "block") {
			t.Errorf("%s in a line of its own: %v", k.Name, err)
		}
	}
	// Behind try and the like there are commands only.
	s := &Session{}
	if _, words := s.Complete("try f"); slices.Contains(words, "for ") || !slices.Contains(words, "follow ") {
		t.Errorf("behind try: %q", words)
	}
	if _, words := s.Complete("help f"); !slices.Contains(words, "for ") {
		t.Errorf("behind help: %q", words)
	}
}

// Quit ends a script wherever it stands.
func TestQuit(t *testing.T) {
	for _, script := range []string{
		"echo before\nquit\necho after",
		"echo before\nfor x in 1 2\nexit\nend\necho after",
		"echo before\ntry quit\necho after",
		"echo before\nexpect -e quit quit\necho after",
	} {
		var out bytes.Buffer
		s := &Session{Out: &out, buf: bufio.NewWriter(&out)}
		if err := s.Script(t.Context(), "name", strings.NewReader(script)); !errors.Is(err, ErrQuit) {
			t.Errorf("%q: %v", script, err)
		}
		if out.String() != "before\n" {
			t.Errorf("%q: %q", script, out.String())
		}
	}
}
