package shell

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// Split divides a line into words as a Unix shell does: at blanks, except within single or
// double quotes; a backslash takes the next character as it is, within double quotes only before
// a backslash or a double quote. A word that begins with "#" begins a comment.
func Split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\r', '\n':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		case '#':
			if !inWord {
				return words, nil
			}
			word.WriteByte(c)
		case '\'', '"':
			end, err := quoted(line[i:], &word)
			if err != nil {
				return nil, err
			}
			i += end
			inWord = true
		case '\\':
			if i++; i == len(line) {
				return nil, usagef("backslash at the end of the line")
			}
			word.WriteByte(line[i])
			inWord = true
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted adds to word what is in quotes at the beginning of s, and returns where they end.
func quoted(s string, word *strings.Builder) (end int, err error) {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i, nil
		case s[0] == '"' && s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		word.WriteByte(s[i])
	}
	return 0, usagef("a quote that does not end")
}

// Script runs the commands of r, a line each, to the first error, which names the place in the
// script as NAME:LINE.
func (s *Session) Script(ctx context.Context, name string, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		words, err := Split(lines.Text())
		if err == nil {
			err = s.Run(ctx, words)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return &ScriptError{Script: name, Line: n, Err: err}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// ScriptError is the error of a command in a script.
type ScriptError struct {
	Script string
	Line   int // from 1
	Err    error
}

func (e *ScriptError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Script, e.Line, e.Err) }

// Unwrap is the command's error.
func (e *ScriptError) Unwrap() error { return e.Err }
