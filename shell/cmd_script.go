package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// scriptCommands are of use in scripts: variables, other scripts, and expectations.
func scriptCommands() []*Command {
	return []*Command{
		{
			Name: "let", Args: "NAME = VALUE", Summary: "set a variable",
			Text: "One word is taken as it is, several are computed: whole numbers, + - * / % & | << >> and\n" +
				"parentheses, each a word of its own. $NAME or ${NAME} is put in wherever it stands outside of\n" +
				"single quotes.",
			Examples: []Example{{"let n = 5", "$n is now 5"}, {"let n = $n * ( 2 + 1 )", "and now 15"}},
			setup:    noFlags(let),
		},
		{
			Name: "capture", Args: "[-f FIELD] NAME COMMAND [ARGS]...", Summary: "put what a command prints into a variable",
			Text:     "Without the newline at the end. With -f, it is a member of the one object that the command gives\nwith --json; the fields of structures are found by their names.",
			Examples: []Example{{"capture -f ino i stat /etc/hosts", "the number of an inode"}, {"capture name cat /etc/hostname", "the content of a file"}},
			setup: func(f *flag.FlagSet) runFunc {
				field := f.String("f", "", "the member of this name")
				return func(ctx context.Context, s *Session, args []string) error {
					if len(args) < 2 {
						return usagef("an argument is missing")
					}
					text, err := s.result(ctx, args[1:], *field)
					if err != nil {
						return err
					}
					return s.Let(args[0], text)
				}
			},
		},
		expectCommand(),
		{
			Name: "try", Args: "COMMAND [ARGS]...", Summary: "run a command that may fail",
			Text:     "$error is then what went wrong, or empty.",
			Examples: []Example{{"try stat /etc/passwd", ""}},
			setup: noFlags(func(ctx context.Context, s *Session, args []string) error {
				if len(args) == 0 {
					return usagef("a command is missing")
				}
				text := ""
				if err := s.Run(ctx, args); ctx.Err() != nil {
					return ctx.Err()
				} else if errors.Is(err, ErrQuit) {
					return err
				} else if err != nil {
					text = err.Error()
				}
				return s.Let("error", text)
			}),
		},
		{
			Name: "echo", Args: "[WORD]...", Summary: "print words", verbatim: true,
			Examples: []Example{{"echo group $ag has $n free blocks", ""}},
			setup: noFlags(func(_ context.Context, s *Session, args []string) error {
				doc := EchoDoc{"text", strings.Join(args, " ")}
				return s.emit(doc, func(w io.Writer) { fmt.Fprintln(w, doc.Text) })
			}),
		},
		{
			Name: "source", Args: "SCRIPT", Summary: "run another script",
			Text:     "A path that is not absolute is meant from where the script lies that names it.",
			Examples: []Example{{"source common.cowdb", ""}},
			setup: noFlags(func(ctx context.Context, s *Session, args []string) error {
				if err := exactly(args, 1); err != nil {
					return err
				}
				return s.File(ctx, args[0])
			}),
		},
	}
}

// EchoDoc is what echo prints.
type EchoDoc struct {
	Type string `json:"type"` // "text"
	Text string `json:"text"`
}

func let(_ context.Context, s *Session, args []string) error {
	if len(args) < 3 || args[1] != "=" {
		return usagef("write NAME = VALUE, with blanks around the =")
	}
	text := args[2]
	if len(args) > 3 {
		var err error
		if text, err = compute(args[2:]); err != nil {
			return err
		}
	}
	return s.Let(args[0], text)
}

// File runs the script in a file of the host.
func (s *Session) File(ctx context.Context, path string) error {
	if s.depth == maxBlocks {
		return errors.New("scripts run one another too deep")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dir := s.dir
	s.dir, s.depth = filepath.Dir(path), s.depth+1
	err = s.Script(ctx, path, f)
	s.dir, s.depth = dir, s.depth-1
	return err
}

// result is what a command gives: as text, or a member of its one object.
func (s *Session) result(ctx context.Context, words []string, field string) (string, error) {
	if field != "" {
		o, err := s.oneObject(ctx, words)
		if err != nil {
			return "", err
		}
		v, err := fieldOf(o, field)
		return textOf(v), err
	}
	out, err := s.capture(ctx, words, false)
	return strings.TrimSuffix(string(out), "\n"), err
}

func expectCommand() *Command {
	return &Command{
		Name: "expect", Args: "[-f FIELD|-n|-e] WANT COMMAND [ARGS]...", Summary: "fail unless a command gives what it should",
		Text: "What the command prints, without the newline at the end, must be WANT. WANT may begin with an\n" +
			"operator: = != < <= > >= compare, numbers as numbers; ~ and !~ are for regular expressions.",
		Examples: []Example{
			{"expect web1 cat /etc/hostname", "the content of a file"},
			{"expect -f links '>=2' stat /etc", "a member of the object that --json would print"},
			{"expect -f freeblks 0 agf 1", "a field of a structure"},
			{"expect -n 3 ls /srv", "the number of results"},
			{"expect -e 'does not exist' cat /nothing", "an error"},
		},
		setup: func(f *flag.FlagSet) runFunc {
			field := f.String("f", "", "the member or field of this name, not the text")
			count := f.Bool("n", false, "the number of results, not the text")
			fails := f.Bool("e", false, "the command must fail, with a message that WANT is a part of")
			return func(ctx context.Context, s *Session, args []string) error {
				if len(args) < 2 {
					return usagef("an argument is missing")
				}
				want, words := args[0], args[1:]
				switch {
				case *fails && (*count || *field != "") || *count && *field != "":
					return usagef("only one of -f, -n and -e can be given")
				case *fails:
					return s.expectError(ctx, want, words)
				}
				got, err := "", error(nil)
				if *count {
					var list []map[string]any
					list, err = s.objects(ctx, words)
					got = strconv.Itoa(len(list))
				} else {
					got, err = s.result(ctx, words, *field)
				}
				if err != nil {
					return err
				}
				op, v := cutOperator(want)
				if ok, err := compare(got, op, v); err != nil || ok {
					return err
				}
				return &ExpectError{Command: words, Field: *field, Count: *count, Want: want, Got: got}
			}
		},
	}
}

func (s *Session) expectError(ctx context.Context, want string, words []string) error {
	_, err := s.capture(ctx, words, false)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrQuit):
		return err
	}
	if err != nil && strings.Contains(err.Error(), want) {
		return nil
	}
	got := "no error"
	if err != nil {
		got = err.Error()
	}
	return &ExpectError{Command: words, Want: want, Got: got, Fails: true}
}

// ExpectError is an expectation that was not met.
type ExpectError struct {
	Command []string
	Field   string // whose value it is; empty: all of the text
	Count   bool   // the number of results is meant
	Fails   bool   // an error is meant
	Want    string
	Got     string
}

// maxShown is how much of a value an error shows, in bytes.
const maxShown = 200

func (e *ExpectError) Error() string {
	what := strings.Join(e.Command, " ")
	switch {
	case e.Field != "":
		what += ": " + e.Field
	case e.Count:
		what += ": number of results"
	case e.Fails:
		what += ": error"
	}
	got := e.Got
	if len(got) > maxShown {
		got = got[:maxShown] + "..."
	}
	return fmt.Sprintf("expected %q, got %q (%s)", e.Want, got, what)
}
