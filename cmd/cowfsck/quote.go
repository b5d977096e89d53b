package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cowfs/cowfs/format"
)

// printable is a text of an image, or a file's name, as it is told: what a terminal would take for
// something else, or show so that it deceives, is escaped, and all of it is in quotes then.
func printable(s string) string {
	if strings.ContainsFunc(s, unprintable) {
		return strconv.Quote(s)
	}
	return s
}

// escaped is a text of ours with other people's in it, such as an error: without quotes.
func escaped(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if unprintable(r) {
			q := strconv.Quote(s[:n])
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// unprintable says that a terminal would not show a character as one. The replacement character
// stands for bytes that are not UTF-8.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// jsonText is a text that may hold bytes that are not UTF-8: none is lost.
type jsonText string

// MarshalText is what makes it a text of JSON; see docs/cowfsck-json.md.
func (t jsonText) MarshalText() ([]byte, error) { return []byte(format.JSONText(string(t))), nil }
