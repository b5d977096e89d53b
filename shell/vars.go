package shell

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cowfs/cowfs/internal/usage"
)

// value is what a variable holds: text, or an object that a command gave.
type value struct {
	text   string
	object map[string]any
}

// Let sets a variable of scripts.
func (s *Session) Let(name, text string) error {
	if !isName(name) {
		return usagef("%q is not the name of a variable: letters, digits and _", name)
	}
	s.setVar(name, value{text: text})
	return nil
}

func isName(s string) bool { return s != "" && identLen(s) == len(s) }

func (s *Session) setVar(name string, v value) {
	if s.vars == nil {
		s.vars = map[string]value{}
	}
	s.vars[name] = v
}

// expand puts in variables.
func (s *Session) expand(words []word) ([]string, error) {
	out := make([]string, len(words))
	for i, w := range words {
		if len(w.parts) == 1 && w.parts[0].variable == "" {
			out[i] = w.parts[0].text
			continue
		}
		var b strings.Builder
		for _, p := range w.parts {
			text := p.text
			if p.variable != "" {
				var err error
				if text, err = s.variable(p); err != nil {
					return nil, err
				}
			}
			b.WriteString(text)
		}
		out[i] = b.String()
	}
	return out, nil
}

// variable is the text that a variable stands for. Of an object, a member is meant; behind one
// that is text, what looks like a member is text too, as in $name.txt.
func (s *Session) variable(p part) (string, error) {
	name, member := p.variable, ""
	if i := strings.IndexAny(name, ".["); i >= 0 {
		name, member = name[:i], name[i:]
	}
	v, ok := s.vars[name]
	if !ok {
		return "", usagef("no variable %q%s", name, usage.Suggest(name, slices.Sorted(maps.Keys(s.vars))))
	}
	if v.object == nil {
		if member != "" && p.text[1] == '{' {
			return "", usagef("$%s is text, and has no members", name)
		}
		return v.text + member, nil
	}
	if member == "" {
		text, err := json.Marshal(v.object)
		return string(text), err
	}
	got, err := fieldOf(v.object, strings.TrimPrefix(member, "."))
	if err != nil {
		return "", err
	}
	return textOf(got), nil
}

// capture runs a command and returns what it would print.
func (s *Session) capture(ctx context.Context, words []string, asJSON bool) ([]byte, error) {
	var out bytes.Buffer
	was, asked, quote := s.buf, s.JSON, s.Quote
	s.buf, s.JSON, s.Quote = bufio.NewWriter(&out), asJSON, false
	err := s.Run(ctx, words)
	s.buf, s.JSON, s.Quote = was, asked, quote
	return out.Bytes(), err
}

// objects runs a command and returns its results.
func (s *Session) objects(ctx context.Context, words []string) ([]map[string]any, error) {
	out, err := s.capture(ctx, words, true)
	if err != nil {
		return nil, err
	}
	var list []map[string]any
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	for {
		var o map[string]any
		switch err := d.Decode(&o); {
		case err == io.EOF:
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("%s: gives no objects", words[0])
		}
		list = append(list, o)
	}
}

// oneObject runs a command that gives one result.
func (s *Session) oneObject(ctx context.Context, words []string) (map[string]any, error) {
	list, err := s.objects(ctx, words)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%s: gives %d results, not one", words[0], len(list))
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// fieldOf finds a member of an object by a path as "stat.size" or "u3.bmx[0].startoff". The fields
// of a structure need no "fields." before them, nor the first part of their names where only one
// field can be meant.
func fieldOf(o map[string]any, path string) (any, error) {
	if v, ok := member(o, path); ok {
		return v, nil
	}
	fields, ok := o["fields"].(map[string]any)
	if ok {
		if v, ok := member(fields, path); ok {
			return v, nil
		}
		var found []any
		for _, part := range fields {
			if v, ok := member(part, path); ok {
				found = append(found, v)
			}
		}
		if len(found) == 1 {
			return found[0], nil
		}
	} else {
		fields = o
	}
	return nil, usagef("no field %q in the result%s", path, usage.Suggest(path, slices.Sorted(maps.Keys(fields))))
}

func member(v any, path string) (any, bool) {
	for path != "" {
		step := path
		if i := strings.IndexAny(path[1:], ".["); i >= 0 {
			step = path[:i+1]
		}
		path = strings.TrimPrefix(path[len(step):], ".")
		if index, ok := strings.CutPrefix(step, "["); ok {
			list, isList := v.([]any)
			i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if !isList || err != nil || i < 0 || i >= len(list) {
				return nil, false
			}
			v = list[i]
			continue
		}
		o, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = o[step]; !ok {
			return nil, false
		}
	}
	return v, true
}

// textOf is a value of an object as text: numbers and text as they are, others in JSON.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	b, err := json.Marshal(v)
	if err != nil { // it came from JSON
		return fmt.Sprint(v)
	}
	return string(b)
}
