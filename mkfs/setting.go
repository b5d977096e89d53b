package mkfs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Setting is one option as the user wrote it, not judged yet.
type Setting struct {
	Section Section
	Key     string
	Value   string
	Bare    bool   // written without "="
	Origin  string // where it stands in a file, "name:line"; empty: on the command line
}

// String is the setting as it is written on the command line, e.g. "-d size=1g".
func (s Setting) String() string {
	out := "-" + string(s.Section) + " " + s.Key
	if !s.Bare {
		out += "=" + s.Value
	}
	if s.Origin != "" {
		out = s.Origin + ": " + out
	}
	return out
}

// Section is the letter of the command line option that a group of options belongs to.
type Section byte

// sections are the names of the groups in configuration files.
var sections = map[string]Section{
	"block": 'b', "metadata": 'm', "data": 'd', "inode": 'i', "log": 'l', "naming": 'n',
	"proto": 'p', "realtime": 'r', "sector": 's',
}

// OptionError says that an option cannot be taken as it is, and why.
type OptionError struct {
	Option string // as it was written
	Reason string
}

func (e *OptionError) Error() string { return "option " + e.Option + ": " + e.Reason }

// ParseSuboptions reads the argument of a single-letter option: "size=1g,agcount=4".
func ParseSuboptions(section Section, arg string) ([]Setting, error) {
	var out []Setting
	for _, part := range strings.Split(arg, ",") {
		key, value, ok := strings.Cut(part, "=")
		if key == "" {
			return nil, &OptionError{"-" + string(section) + " " + arg, "a suboption has no name; write NAME=VALUE, with commas between several"}
		}
		out = append(out, Setting{Section: section, Key: key, Value: value, Bare: !ok})
	}
	return out, nil
}

// ParseContent reads the argument of -p: a directory, or file=DIR, and suboptions after it.
func ParseContent(arg string) ([]Setting, error) {
	if dir, _, _ := strings.Cut(arg, ","); dir != "" && !strings.Contains(dir, "=") {
		arg = "file=" + arg
	}
	return ParseSuboptions('p', arg)
}

// Value is what settings say of an option, empty if nothing.
func Value(settings []Setting, section Section, key string) string {
	for _, s := range settings {
		if s.Section == section && s.Key == key {
			return s.Value
		}
	}
	return ""
}

// ParseFile reads a configuration file of mkfs.xfs: lines "[section]" and "key=value", where a
// value ends at white space unless quoted, and comments that start with # or ;. name is used in
// errors and in Setting.Origin.
func ParseFile(name string, text []byte) ([]Setting, error) {
	var out []Setting
	var section Section
	for i, line := range bytes.Split(text, []byte("\n")) {
		line := strings.TrimSpace(strings.TrimSuffix(string(line), "\r"))
		at := fmt.Sprintf("%s:%d", name, i+1)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			title, rest, ok := strings.Cut(line[1:], "]")
			if section = sections[title]; !ok || section == 0 || !blankOrComment(rest) {
				return nil, fmt.Errorf("%s: %q: not a section; they are %s", at, line, strings.Join(sectionNames(), ", "))
			}
		default:
			s, err := parseLine(line)
			if err == nil && section == 0 {
				err = fmt.Errorf("comes before the first [section]")
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %q: %w", at, line, err)
			}
			s.Section, s.Origin = section, at
			out = append(out, s)
		}
	}
	return out, nil
}

func sectionNames() []string {
	var out []string
	for name := range sections {
		out = append(out, "["+name+"]")
	}
	slices.Sort(out)
	return out
}

func blankOrComment(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || s[0] == '#' || s[0] == ';'
}

// parseLine reads "key=value" with blanks anywhere around.
func parseLine(line string) (Setting, error) {
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	switch {
	case !ok:
		return Setting{}, fmt.Errorf("not of the form key=value")
	case key == "" || strings.ContainsAny(key, " \t,"):
		return Setting{}, fmt.Errorf("key %q is not one word", key)
	}
	if strings.HasPrefix(value, `"`) {
		quoted, rest, ok := strings.Cut(value[1:], `"`)
		if !ok || !blankOrComment(rest) {
			return Setting{}, fmt.Errorf("quoted value does not end")
		}
		return Setting{Key: key, Value: quoted}, nil
	}
	if i := strings.IndexAny(value, " \t"); i >= 0 {
		if !blankOrComment(value[i:]) {
			return Setting{}, fmt.Errorf("value with blanks is not quoted")
		}
		value = value[:i]
	}
	return Setting{Key: key, Value: value}, nil
}
