package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MarshalJSON gives the values as one object. The form is stable:
//
//   - a dot in a name nests: "core.size" is member size of object core; what has an index is an
//     array, of values or of objects; members come in the order of the table;
//   - counts, sizes and pointers are numbers up to 2^53, which every reader keeps exactly, and
//     strings of decimal digits above; a null pointer is null;
//   - what prints in hexadecimal or octal (magic numbers, masks, checksums, LSNs, modes) and
//     timestamps are strings, as Value.String prints them; so are owners that have a name;
//   - UUIDs and bytes of no known meaning are strings of hexadecimal digits; text is a string
//     without its NUL padding, in which a backslash is doubled and a byte that is not part of
//     valid UTF-8 is written \x and two digits;
//   - padding is left out when it is zero, else it is as bytes or as a mask are.
func (vs Values) MarshalJSON() ([]byte, error) {
	w := jsonWriter{first: true}
	w.WriteByte('{')
	for _, v := range vs {
		w.move(steps(v.Name))
		w.Write(v.json())
	}
	w.move(nil)
	w.WriteByte('}')
	return w.Bytes(), nil
}

// MarshalJSON gives the value alone, in the form that Values.MarshalJSON describes.
func (v Value) MarshalJSON() ([]byte, error) { return v.json(), nil }

const maxJSONNumber = 1 << 53

func (v Value) json() []byte {
	text := v.String()
	switch {
	case v.Bits == 0 && v.Kind == Text:
		text = JSONText(strings.TrimRight(string(v.Bytes), "\x00"))
	case v.Bits == 0 || v.Kind.textual():
	case v.IsNull():
		return []byte("null")
	case v.Kind == Owner && !isNumber(text): // it has a name
	case v.Num > maxJSONNumber:
		text = strconv.FormatUint(v.Num, 10)
	default:
		return strconv.AppendUint(nil, v.Num, 10)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(err) // a string always has a JSON form
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func isNumber(s string) bool { return s[0] >= '0' && s[0] <= '9' }

// JSONText makes a byte string valid UTF-8 without losing any of it: a backslash is doubled and a
// byte that is not part of UTF-8 is written \x and two digits.
func JSONText(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\\':
			b.WriteString(`\\`)
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// step is one step of a name: a member of an object, or an element of an array.
type step struct {
	key string // empty: an element
	i   int
}

// steps takes a name apart: "a.b[3].c" is a, b, element 3, c.
func steps(name string) []step {
	var out []step
	for _, word := range strings.Split(name, ".") {
		key, rest, _ := strings.Cut(word, "[")
		out = append(out, step{key: key})
		for rest != "" {
			digits, after, _ := strings.Cut(rest, "]")
			i, _ := strconv.Atoi(digits)
			out = append(out, step{i: i})
			rest = strings.TrimPrefix(after, "[")
		}
	}
	return out
}

// jsonWriter writes nested containers for names that come in order.
type jsonWriter struct {
	bytes.Buffer
	at    []step // where the last value was written
	first bool   // nothing was written yet in the innermost open container
}

// move closes the containers that the last value was in and the next one is not, and opens
// those that lead to the next one. An empty path closes all.
func (w *jsonWriter) move(to []step) {
	same := 0
	for same < len(w.at)-1 && same < len(to)-1 && w.at[same] == to[same] {
		same++
	}
	for n := len(w.at) - 1; n > same || n > 0 && len(to) == 0; n-- {
		w.close(w.at[n])
	}
	for n := same; n < len(to); n++ {
		if n > same {
			w.open(to[n])
		}
		if !w.first {
			w.WriteByte(',')
		}
		w.first = true
		if to[n].key != "" {
			w.WriteString(strconv.Quote(to[n].key) + ":")
		}
	}
	w.at = append(w.at[:0], to...)
	w.first = false
}

// open begins the container that a step is in, close ends it.
func (w *jsonWriter) open(s step) { w.WriteByte("[{"[keyed(s)]) }

func (w *jsonWriter) close(s step) { w.WriteByte("]}"[keyed(s)]) }

func keyed(s step) int {
	if s.key != "" {
		return 1
	}
	return 0
}
