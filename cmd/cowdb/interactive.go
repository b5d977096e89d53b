package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/peterh/liner"

	"github.com/cowfs/cowfs/shell"
)

// Prompts.
const (
	prompt     = "cowdb> "
	promptMore = "  ...> "
)

// converse runs commands as a person types them.
func converse(ctx context.Context, s *shell.Session, h host) error {
	if f, ok := h.stdin.(*os.File); ok && isTerminal(f) && liner.TerminalSupported() {
		return converseTerminal(ctx, s, h)
	}
	return s.Converse(ctx, &plainTerminal{h, bufio.NewScanner(h.stdin)})
}

// plainTerminal is a terminal on which lines cannot be edited.
type plainTerminal struct {
	host
	lines *bufio.Scanner
}

func (t *plainTerminal) Line(more bool) (string, error) {
	p := prompt
	if more {
		p = promptMore
	}
	if _, err := io.WriteString(t.stderr, p); err != nil {
		return "", err
	}
	if t.lines.Scan() {
		return t.lines.Text(), nil
	}
	if err := t.lines.Err(); err != nil {
		return "", err
	}
	return "", io.EOF
}

func (t *plainTerminal) Tell(err error) { fmt.Fprintln(t.stderr, err) }

func (t *plainTerminal) Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return t.interruptible(ctx)
}

// lineTerminal is a terminal with editing, history and completion.
type lineTerminal struct {
	host
	state *liner.State
	// While a line is edited the terminal gives each key, else it makes signals of some.
	editing, running liner.ModeApplier
}

func converseTerminal(ctx context.Context, s *shell.Session, h host) error {
	running, err := liner.TerminalMode()
	if err != nil {
		return err
	}
	t := &lineTerminal{host: h, state: liner.NewLiner(), running: running}
	if err = withoutSignalKeys(os.Stdin); err == nil {
		t.editing, err = liner.TerminalMode()
	}
	if err != nil {
		return errors.Join(err, t.state.Close())
	}
	t.state.SetCtrlCAborts(true)
	t.state.SetTabCompletionStyle(liner.TabPrints)
	t.state.SetWordCompleter(func(line string, pos int) (head string, words []string, tail string) {
		start, words := s.Complete(line[:pos])
		return line[:start], words, line[pos:]
	})
	history := historyPath(h.getenv)
	if f, err := os.Open(history); err == nil {
		_, _ = t.state.ReadHistory(f) // whatever it holds, commands can be typed
		f.Close()
	}
	err = s.Converse(ctx, t)
	return errors.Join(err, t.state.Close(), t.save(history))
}

// save keeps the history for the next session; without a place for it, it is lost.
func (t *lineTerminal) save(path string) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil
	}
	_, err = t.state.WriteHistory(f)
	return errors.Join(err, f.Close())
}

// historyPath is where the history is kept, "" for nowhere.
func historyPath(getenv func(string) string) string {
	dir := getenv("XDG_STATE_HOME")
	if dir == "" {
		home := getenv("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".local/state")
	}
	return filepath.Join(dir, "cowdb", "history")
}

func (t *lineTerminal) Line(more bool) (string, error) {
	p := prompt
	if more {
		p = promptMore
	}
	line, err := t.state.Prompt(p)
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return "", shell.ErrDropped
	case errors.Is(err, io.EOF):
		fmt.Fprintln(t.stderr)
		return "", io.EOF
	case err != nil:
		return "", err
	}
	t.state.AppendHistory(line)
	return line, nil
}

func (t *lineTerminal) Tell(err error) { fmt.Fprintln(t.stderr, err) }

func (t *lineTerminal) Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	_ = t.running.ApplyMode() // a terminal that is gone is found out when the next line is read
	ctx, stop := t.interruptible(ctx)
	return ctx, func() {
		stop()
		_ = t.editing.ApplyMode()
	}
}
