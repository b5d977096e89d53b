package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Terminal is a person who types commands.
type Terminal interface {
	// Line asks for a line. more says that it goes on with what earlier lines began. At the end
	// it is io.EOF; ErrDropped takes back what was begun.
	Line(more bool) (string, error)
	// Interruptible returns a context that ends when the person wants the command to end.
	Interruptible(context.Context) (context.Context, context.CancelFunc)
	// Tell tells of an error.
	Tell(error)
}

// ErrDropped says that a person takes back what he was typing.
var ErrDropped = errors.New("taken back")

// Converse runs commands as a person types them, until he says "quit" or there are no more lines.
// Errors are told, and the next command is asked for.
func (s *Session) Converse(ctx context.Context, t Terminal) error {
	line := func(more bool) (string, error) {
		text, err := t.Line(more)
		if err != nil && err != io.EOF && !errors.Is(err, ErrDropped) {
			err = fmt.Errorf("%w: %w", errRead, err)
		}
		return text, err
	}
	for ctx.Err() == nil {
		err := s.stream("", line, func(list []statement) error { return s.answer(ctx, t, list) })
		switch {
		case err == nil, errors.Is(err, ErrQuit):
			return nil
		case errors.Is(err, ErrDropped):
		case errors.Is(err, errRead):
			return err
		default:
			t.Tell(err)
		}
	}
	return ctx.Err()
}

// errRead is the class of errors about lines that cannot be read.
var errRead = errors.New("read the terminal")

// answer runs what was typed.
func (s *Session) answer(ctx context.Context, t Terminal, list []statement) error {
	ctx, stop := t.Interruptible(ctx)
	defer stop()
	return s.runAll(ctx, "", list)
}
