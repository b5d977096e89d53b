package shell

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/volume"
)

// Session is an opened image on which commands run, one at a time.
type Session struct {
	Vol *volume.Volume
	// Writer is the same volume when it may be changed, else nil.
	Writer *volume.Writer
	// Raw takes changes of structures by name when the volume is not open for other changes, and
	// may be nil.
	Raw device.Device
	// Dry has all changes of a session that makes none of them, else it is nil.
	Dry *volume.Unit
	// Image is what the user calls the image.
	Image string
	// Out takes the results.
	Out io.Writer
	// JSON asks for objects instead of text.
	JSON bool
	// Quote asks for names with unprintable characters to be quoted, as is good on a terminal.
	Quote bool
	// Timing, where there is one, takes how long commands last.
	Timing *Timing

	buf  *bufio.Writer // of Out
	walk walker        // the position, see position.go
	seen extract       // what read has read last

	vars  map[string]value // of scripts
	dir   string           // of the host, from which scripts name others
	depth int              // of scripts that run one another

	unit    *volume.Unit   // that has begun, or nil
	outside *volume.Writer // what Writer is outside of it
}

// bufSize is how many bytes of results are collected before they are written.
const bufSize = 64 << 10

// Run runs one command, given as its name and arguments. No command is not an error.
func (s *Session) Run(ctx context.Context, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if s.buf == nil {
		s.buf = bufio.NewWriterSize(s.Out, bufSize)
	}
	if s.Timing != nil {
		defer s.Timing.start(words[0])()
	}
	err := s.command(ctx, words)
	if ferr := s.buf.Flush(); err == nil {
		err = ferr
	}
	return err
}

func (s *Session) command(ctx context.Context, words []string) error {
	c, err := Find(words[0])
	switch {
	case err != nil && len(words) > 2 && words[1] == "=":
		return usagef("%s: no such command; write let %s", words[0], strings.Join(words, " "))
	case err != nil:
		return err
	}
	return c.run(ctx, s, words[1:])
}

// Help writes the list of commands, or the help texts of those named.
func Help(w io.Writer, names []string) error {
	if len(names) == 0 {
		HelpAll(w)
	}
	for i, name := range names {
		c, err := Find(name)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		c.Help(w)
	}
	return nil
}

// emit gives one result: doc as a line of JSON, or what text writes. An error means that Out
// takes no more.
func (s *Session) emit(doc any, text func(w io.Writer)) error {
	if s.JSON {
		line, err := json.Marshal(doc)
		if err != nil {
			return fmt.Errorf("encode %T: %w", doc, err)
		}
		_, err = s.buf.Write(append(line, '\n'))
		return err
	}
	text(s.buf)
	_, err := s.buf.Write(nil) // what went wrong in text
	return err
}

// title writes a line above a table of results, in text only.
func (s *Session) title(format string, args ...any) {
	if !s.JSON {
		fmt.Fprintf(s.buf, format+"\n", args...)
	}
}

// quote is a name as text shows it.
func (s *Session) quote(name string) string {
	if s.Quote && strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return strconv.Quote(name)
	}
	return name
}
