package shell

import "strings"

// word is one word of a line, cut where variables stand in it.
type word struct {
	parts  []part
	quoted bool // somewhere in quotes, so that it is no keyword
}

// part is text, or the name of a variable as it was written: "$name" or "${name}".
type part struct {
	text     string
	variable string // empty for text
}

// Split divides a line into words as a Unix shell does: at blanks, except within single or
// double quotes; a backslash takes the next character as it is, within double quotes only before
// a backslash, a double quote or a dollar sign. A word that begins with "#" begins a comment.
// Variables stay as they are written.
func Split(line string) ([]string, error) {
	words, err := splitWords(line)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, w := range words {
		out = append(out, w.raw())
	}
	return out, nil
}

// raw is the word with its variables as they are written.
func (w *word) raw() string {
	if len(w.parts) == 1 {
		return w.parts[0].text
	}
	var b strings.Builder
	for _, p := range w.parts {
		b.WriteString(p.text)
	}
	return b.String()
}

// is reports whether the word is a keyword.
func (w *word) is(keyword string) bool { return !w.quoted && w.raw() == keyword }

// splitter is a line that is being divided.
type splitter struct {
	words  []word
	cur    word
	text   strings.Builder // of the part that is growing
	inWord bool
}

func splitWords(line string) ([]word, error) {
	var s splitter
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\r', '\n':
			s.endWord()
		case '#':
			if !s.inWord {
				return s.words, nil
			}
			s.text.WriteByte(c)
		case '\'', '"':
			end, err := s.quoted(line[i:])
			if err != nil {
				return nil, err
			}
			i += end
			s.inWord, s.cur.quoted = true, true
		case '\\':
			if i++; i == len(line) {
				return nil, usagef("backslash at the end of the line")
			}
			s.text.WriteByte(line[i])
			s.inWord, s.cur.quoted = true, true
		case '$':
			i += s.variable(line[i:]) - 1
			s.inWord = true
		default:
			if n := plainLen(line[i:]); !s.inWord && n > 0 {
				s.words = append(s.words, word{parts: []part{{text: line[i : i+n]}}})
				i += n - 1
				continue
			}
			s.text.WriteByte(c)
			s.inWord = true
		}
	}
	s.endWord()
	return s.words, nil
}

// plainLen is the number of bytes of the word that line begins with, if it is one without quotes,
// escapes and variables, as most are; else 0.
func plainLen(line string) int {
	for i := range len(line) {
		switch line[i] {
		case ' ', '\t', '\r', '\n':
			return i
		case '\'', '"', '\\', '$':
			return 0
		}
	}
	return len(line)
}

func (s *splitter) endText() {
	if s.text.Len() > 0 {
		s.cur.parts = append(s.cur.parts, part{text: s.text.String()})
		s.text.Reset()
	}
}

func (s *splitter) endWord() {
	if !s.inWord {
		return
	}
	s.endText()
	s.words = append(s.words, s.cur)
	s.cur, s.inWord = word{}, false
}

// quoted adds what is in quotes at the beginning of line, and returns where they end.
func (s *splitter) quoted(line string) (end int, err error) {
	double := line[0] == '"'
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == line[0]:
			return i, nil
		case double && c == '\\' && i+1 < len(line) && strings.IndexByte(`"\$`, line[i+1]) >= 0:
			i++
			s.text.WriteByte(line[i])
		case double && c == '$':
			i += s.variable(line[i:]) - 1
		default:
			s.text.WriteByte(c)
		}
	}
	return 0, usagef("a quote that does not end")
}

// variable adds the variable at the beginning of line, which is a dollar sign, and returns how
// many bytes it takes. A dollar sign without a name is itself.
func (s *splitter) variable(line string) int {
	name, n := "", 1
	if braced, ok := strings.CutPrefix(line, "${"); ok {
		if inner, _, ok := strings.Cut(braced, "}"); ok && inner != "" && nameLen(inner) == len(inner) {
			name, n = inner, len(inner)+3
		}
	} else if k := nameLen(line[1:]); k > 0 {
		name, n = line[1:1+k], 1+k
	}
	if name == "" {
		s.text.WriteByte('$')
		return 1
	}
	s.endText()
	s.cur.parts = append(s.cur.parts, part{text: line[:n], variable: name})
	return n
}

// nameLen is the number of bytes of the name that s begins with: letters, digits and "_", not
// beginning with a digit, and names of members behind dots and indices in brackets.
func nameLen(s string) int {
	n := identLen(s)
	for n > 0 && n < len(s) {
		switch s[n] {
		case '.':
			k := identLen(s[n+1:])
			if k == 0 {
				return n
			}
			n += 1 + k
		case '[':
			digits, _, ok := strings.Cut(s[n+1:], "]")
			if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
				return n
			}
			n += len(digits) + 2
		default:
			return n
		}
	}
	return n
}

func identLen(s string) int {
	for i := range len(s) {
		c := s[i] | 0x20
		if letter := c >= 'a' && c <= 'z' || s[i] == '_'; !letter && (i == 0 || s[i] < '0' || s[i] > '9') {
			return i
		}
	}
	return len(s)
}
