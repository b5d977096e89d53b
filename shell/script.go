package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// statement is a line of a script, or a block with what is in it.
type statement struct {
	line        int // from 1
	words       []word
	body, other []statement // of "for" and "if"; of "else"
}

// opens reports whether a statement begins a block.
func (t *statement) opens() bool {
	return len(t.words) > 0 && (t.words[0].is("for") || t.words[0].is("if"))
}

// isA reports whether a statement is the keyword alone.
func (t *statement) isA(keyword string) bool { return len(t.words) > 0 && t.words[0].is(keyword) }

// maxBlocks bounds how deep blocks may lie in one another, and scripts that run one another.
const maxBlocks = 64

// lineFunc gives the lines of a script, and io.EOF at the end. more says that the line goes on
// with what earlier lines began.
type lineFunc func(more bool) (string, error)

// parser divides a script into statements.
type parser struct {
	name string
	next lineFunc
	line int // the last one that was read
}

// maxLine is the longest line of a script, in bytes.
const maxLine = 1 << 20

// linesOf gives the lines of r.
func linesOf(name string, r io.Reader) lineFunc {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	return func(bool) (string, error) {
		if lines.Scan() {
			return lines.Text(), nil
		}
		if err := lines.Err(); err != nil {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
		return "", io.EOF
	}
}

func newParser(name string, r io.Reader) *parser {
	return &parser{name: name, next: linesOf(name, r)}
}

// block returns the next statement, with its block if it begins one. At the end it is io.EOF.
func (p *parser) block(depth int) (*statement, error) {
	t, err := p.read(depth > 0)
	if err != nil || !t.opens() {
		return t, err
	}
	if depth == maxBlocks {
		return nil, p.fail(t.line, usagef("blocks lie too deep in one another"))
	}
	into := &t.body
	for {
		inner, err := p.block(depth + 1)
		switch {
		case err == io.EOF:
			return nil, p.fail(t.line, usagef("%s: its end is missing", t.words[0].raw()))
		case err != nil:
			return nil, err
		case inner.isA("end"):
			return t, p.alone(inner)
		case inner.isA("else"):
			if !t.words[0].is("if") || into == &t.other {
				return nil, p.fail(inner.line, usagef("else: there is no if that it belongs to"))
			}
			if err := p.alone(inner); err != nil {
				return nil, err
			}
			into = &t.other
		default:
			*into = append(*into, *inner)
		}
	}
}

func (p *parser) alone(t *statement) error {
	if len(t.words) > 1 {
		return p.fail(t.line, usagef("%s: nothing may stand behind it", t.words[0].raw()))
	}
	return nil
}

// read reads a line that is not empty. One that ends with a backslash goes on in the next.
func (p *parser) read(more bool) (*statement, error) {
	for {
		text, err := p.next(more)
		if err != nil {
			return nil, err
		}
		p.line++
		first := p.line
		for continues(text) && len(text) < maxLine {
			rest, err := p.next(true)
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			p.line++
			text = text[:len(text)-1] + rest
		}
		words, err := splitWords(text)
		if err != nil {
			return nil, p.fail(first, err)
		}
		if len(words) > 0 {
			return &statement{line: first, words: words}, nil
		}
	}
}

// continues reports whether a line ends with a backslash that is not itself escaped.
func continues(line string) bool {
	n := 0
	for n < len(line) && line[len(line)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// all returns all statements.
func (p *parser) all() ([]statement, error) {
	var out []statement
	for {
		t, err := p.statement()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, *t)
	}
}

// statement is block outside of all blocks.
func (p *parser) statement() (*statement, error) {
	t, err := p.block(0)
	if err != nil {
		return nil, err
	}
	for _, keyword := range []string{"end", "else"} {
		if t.isA(keyword) {
			return nil, p.fail(t.line, usagef("%s: %s", keyword, noBlock))
		}
	}
	return t, nil
}

// noBlock is what is wrong with "end" and "else" outside of all blocks.
const noBlock = "there is no block that it belongs to; for and if begin one"

func (p *parser) fail(line int, err error) error { return inScript(p.name, line, err) }

// ScriptError is the error of a line in a script.
type ScriptError struct {
	Script string
	Line   int // from 1
	Err    error
}

func (e *ScriptError) Error() string { return fmt.Sprintf("%s:%d: %v", e.Script, e.Line, e.Err) }

// Unwrap is the command's error.
func (e *ScriptError) Unwrap() error { return e.Err }

// inScript adds the place in a script to an error. A script without a name has none, and within
// blocks the innermost place counts.
func inScript(name string, line int, err error) error {
	var at *ScriptError
	if err == nil || name == "" || errors.As(err, &at) && at.Script == name {
		return err
	}
	return &ScriptError{name, line, err}
}

// Script runs the script r, to the first line that fails. Nothing is run unless all of it can be
// read. The error names the place as NAME:LINE; without a name it is that of the line alone.
func (s *Session) Script(ctx context.Context, name string, r io.Reader) error {
	list, err := newParser(name, r).all()
	if err != nil {
		return err
	}
	return s.runAll(ctx, name, list)
}

// Stream runs a script whose lines come one by one, each before the next is read, to the first
// that fails.
func (s *Session) Stream(ctx context.Context, name string, r io.Reader) error {
	return s.stream(name, linesOf(name, r), func(list []statement) error { return s.runAll(ctx, name, list) })
}

// stream runs statements as they come, to the first error of run.
func (s *Session) stream(name string, lines lineFunc, run func([]statement) error) error {
	p := &parser{name: name, next: lines}
	for {
		t, err := p.statement()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = run([]statement{*t})
		}
		if err != nil {
			return err
		}
	}
}

// runAll runs statements, to the first that fails.
func (s *Session) runAll(ctx context.Context, name string, list []statement) error {
	for i := range list {
		t := &list[i]
		err := ctx.Err()
		if err == nil {
			err = s.runStatement(ctx, name, t)
		}
		if err != nil {
			return inScript(name, t.line, err)
		}
	}
	return nil
}

func (s *Session) runStatement(ctx context.Context, name string, t *statement) error {
	switch {
	case t.isA("for"):
		return s.runFor(ctx, name, t)
	case t.isA("if"):
		words, err := s.expand(t.words[1:])
		if err != nil {
			return err
		}
		yes, err := condition(words)
		if err != nil {
			return err
		}
		if yes {
			return s.runAll(ctx, name, t.body)
		}
		return s.runAll(ctx, name, t.other)
	}
	words, err := s.expand(t.words)
	if err != nil {
		return err
	}
	return s.Run(ctx, words)
}
