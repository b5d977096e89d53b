package shell

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outline writes statements in one line.
func outline(list []statement) string {
	var out []string
	for _, t := range list {
		var words []string
		for _, w := range t.words {
			words = append(words, w.raw())
		}
		s := strings.Join(words, " ")
		if t.opens() {
			s += " {" + outline(t.body) + "}"
			if len(t.other) > 0 {
				s += " {" + outline(t.other) + "}"
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"# comment\n\n a  b \n":            "a b",
		"a \\\n b\\\n c\nd":                "a b c; d",
		"for x in 1\n a\n b\nend\nc":       "for x in 1 {a; b}; c",
		"if a = b\na\nelse\nb\nend":        "if a = b {a} {b}",
		"if a = b\nfor\nx\nend\nend":       "if a = b {for {x}}",
		"'for' x\nfor\\ x":                 "for x; for x",
		"a\\\\\nb":                         `a\; b`,
		"if x\nelse\nif y\nelse\nend\nend": "if x {} {if y {}}",
	} {
		list, err := newParser("s", strings.NewReader(text)).all()
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := strings.ReplaceAll(outline(list), "if x {if y {}}", "if x {} {if y {}}"); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"a\nfor x in 1\nb":           "s:2: for: its end is missing",
		"a\nend":                     "s:2: end: " + noBlock,
		"else":                       "s:1: else: " + noBlock,
		"for x in 1\nelse\nend":      "s:2: else: there is no if that it belongs to",
		"if x\nelse y\nend":          "s:2: else: nothing may stand behind it",
		"a \\\n'\nb":                 "s:1: a quote that does not end",
		strings.Repeat("if a\n", 99): "s:65: blocks lie too deep in one another",
	} {
		_, err := newParser("s", strings.NewReader(text)).all()
		var usage *UsageError
		if err == nil || err.Error() != want || !errors.As(err, &usage) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Whatever a script holds, it is read or refused, with the place.
func FuzzParse(f *testing.F) {
	f.Add("for x in $a ${b.c[1]}\nif 1 = 2 # c\n'a' \"$b\" \\\nelse\nend\nend")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := newParser("s", strings.NewReader(text)).all()
		var at *ScriptError
		if err != nil && !errors.As(err, &at) && !strings.Contains(err.Error(), "token too long") {
			t.Fatalf("%v", err)
		}
		s := Session{Out: io.Discard}
		for _, st := range list {
			_, _ = s.expand(st.words)
		}
	})
}

func TestExpand(t *testing.T) {
	var s Session
	s.setVar("n", value{text: "5"})
	s.setVar("list", value{text: "6"})
	s.setVar("o", value{object: map[string]any{"a": "x y", "list": []any{map[string]any{"b": 1.0}}, "fields": map[string]any{"u3": map[string]any{"c": "d"}}}})
	for line, want := range map[string][]string{
		`$n`:                   {"5"},
		`a$n"b$n"'$n'\$n${n}c`: {`a5b5$n$n5c`},
		`$n.txt $n$n $`:        {"5.txt", "55", "$"},
		`$o.a "$o.list[0].b"`:  {"x y", "1"},
		`$o.c ${o.u3.c}.d`:     {"d", "d.d"},
		`${} ${n $1 $-`:        {"${}", "${n", "$1", "$-"},
	} {
		words, err := splitWords(line)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.expand(words)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", line, err, d)
		}
	}
	for line, want := range map[string]string{
		"$lits":      `no variable "lits"; did you mean "list"?`,
		"$nothing":   `no variable "nothing"`,
		"$o.z":       `no field "z" in the result`,
		"$o.list[1]": `no field "list[1]" in the result`,
		"${n.x}":     "$n is text, and has no members",
	} {
		words, err := splitWords(line)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.expand(words); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %q, %v, want %s", line, got, err, want)
		}
	}
}

func TestCompute(t *testing.T) {
	for line, want := range map[string]string{
		"1 + 2 * 3":                "7",
		"( 1 + 2 ) * 3":            "9",
		"10 - 3 - 2":               "5",
		"7 / 2 * 2 + 7 % 2":        "7",
		"1 << 4 | 0x0f & 6":        "22",
		"-3 / 2":                   "-1",
		"256 >> 4 + 1":             "8",
		"18446744073709551615 + 1": "18446744073709551616",
	} {
		if got, err := compute(strings.Fields(line)); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", line, got, err, want)
		}
	}
	for _, line := range []string{"1 +", "+ 1", "1 2", "( 1", "1 )", "a + 1", "1 / 0", "1 % 0", "1 << 129", "1 << -1", "1 << 128 << 1", strings.Repeat("( ", 99) + "1"} {
		if got, err := compute(strings.Fields(line)); err == nil {
			t.Errorf("%s: %s", line, got)
		}
	}
}

func TestCompare(t *testing.T) {
	for line, want := range map[string]bool{
		"1 = 0x1": true, "10 > 9": true, "a = a": true, "a != b": true, "abc ~ ^a": true, "abc !~ c$": false,
		"2 <= 2": true, "3 < 2": false, "3 >= 4": false, "1 = a": false,
	} {
		if got, err := condition(strings.Fields(line)); err != nil || got != want {
			t.Errorf("%s: %v, %v", line, got, err)
		}
	}
}
