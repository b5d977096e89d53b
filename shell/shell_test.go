package shell

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                        nil,
		"  \t ":                   nil,
		"ls":                      {"ls"},
		" ls  -l\t/etc \r\n":      {"ls", "-l", "/etc"},
		`cat "/a b" '/c "d'`:      {"cat", "/a b", `/c "d`},
		`cat /a\ b\"\\`:           {"cat", `/a b"\`},
		`cat "\"\\\n"`:            {"cat", `"\\n`},
		`cat ''`:                  {"cat", ""},
		`cat a'b'"c"d`:            {"cat", "abcd"},
		"# all comment":           nil,
		"ls # comment":            {"ls"},
		"ls a#b":                  {"ls", "a#b"},
		`ls ''#b`:                 {"ls", "#b"},
		"cat /\xff\xfe":           {"cat", "/\xff\xfe"},
		"cat /日本":                 {"cat", "/日本"},
		`echo "unprintable \x01"`: {"echo", `unprintable \x01`},
	} {
		if got, err := Split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`"`, `'a`, `a\`, `"a\"`} {
		var usage *UsageError
		if got, err := Split(line); !errors.As(err, &usage) {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`cat "a b" c\ d # e`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := Split(line)
		if err != nil {
			return
		}
		// Quoted, the words are the same ones again.
		var again []string
		for _, w := range words {
			again = append(again, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w)+`"`)
		}
		if got, err := Split(strings.Join(again, " ")); err != nil || !slices.Equal(got, words) {
			t.Errorf("%q: %q, %v, want %q", line, got, err, words)
		}
	})
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "512": 512, "0x10": 16, "1k": 1024, "1M": 1 << 20, "3g": 3 << 30, "2T": 2 << 40, "9223372036854775807": 1<<63 - 1} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "k", "-1", "1x", "1kk", "9223372036854775808", "9007199254740992k", "8388608t", " 1"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
}

// Every command explains itself, and the manual page and the how-to know it.
func TestCommands(t *testing.T) {
	man, err := os.ReadFile("../docs/man/cowdb.8")
	if err != nil {
		t.Fatal(err)
	}
	howto, err := os.ReadFile("../docs/cowdb.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range Commands() {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if seen[name] {
				t.Errorf("there are two commands called %s", name)
			}
			seen[name] = true
		}
		if c.Summary == "" || len(c.Examples) == 0 {
			t.Errorf("%s: no summary or no example", c.Name)
		}
		for _, e := range c.Examples {
			words, err := Split(e.Line)
			if err != nil || words[0] != c.Name {
				t.Errorf("%s: example %q", c.Name, e.Line)
			}
			f := c.flags()
			c.setup(f)
			if err := f.Parse(splitLetters(f, words[1:])); err != nil {
				t.Errorf("%s: example %q: %v", c.Name, e.Line, err)
			}
		}
		var help bytes.Buffer
		c.Help(&help)
		if !strings.HasPrefix(help.String(), c.usage()+"\n") || strings.Contains(help.String(), " \n") {
			t.Errorf("%s: help %q", c.Name, help.String())
		}
		if !bytes.Contains(man, []byte("\n.B "+c.Name)) {
			t.Errorf("%s is not in the manual page", c.Name)
		}
		if !regexp.MustCompile(`(?m)^    (cowdb .*)?\b` + c.Name + `\b`).Match(howto) {
			t.Errorf("%s is not in the how-to", c.Name)
		}
	}
}

// docs are the objects that commands give with JSON.
var docs = map[string]any{
	"entry": EntryDoc{}, "stat": StatDoc{}, "xattr": XattrDoc{}, "parent": ParentDoc{}, "structure": StructureDoc{}, "hex": HexDoc{},
	"record": RecordDoc{}, "address": AddressDoc{}, "form": TypeDoc{}, "crc": CRCDoc{}, "trash": TrashDoc{},
	"metadump": MetadumpDoc{}, "logrecord": LogRecordDoc{}, "logitem": LogItemDoc{}, "intent": IntentDoc{}, "node": NodeDoc{}, "path": PathDoc{}, "unlinked": UnlinkedDoc{}, "rdump": RdumpDoc{},
	"frag": FragDoc{}, "reservation": ReservationDoc{}, "logres": LogReservationDoc{}, "height": HeightDoc{}, "hash": HashDoc{}, "converted": ConvertDoc{},
	"info": InfoDoc{}, "difference": DifferenceDoc{}, "mapping": MappingDoc{}, "cow": CowDoc{}, "use": UseDoc{}, "freespace": FreeSpaceDoc{}, "groupuse": GroupUseDoc{}, "statfs": StatfsDoc{}, "log": LogDoc{},
	"text": EchoDoc{}, "label": LabelDoc{}, "change": ChangeDoc{},
	"dedupe": DedupeDoc{}, "hint": HintDoc{}, "refcount": RefcountDoc{}, "shared": SharedDoc{},
}

// The page about JSON has a section for each object with all its members, and no others.
func TestJSONPage(t *testing.T) {
	page, err := os.ReadFile("../docs/cowdb-json.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(page), "\n## ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		sections[strings.Trim(name, "`")] = text
	}
	for name, doc := range docs {
		text, ok := sections[name]
		if !ok {
			t.Errorf("no section about %q", name)
			continue
		}
		delete(sections, name)
		var want []string
		members(reflect.TypeOf(doc), &want)
		for _, m := range want {
			if !strings.Contains(text, "| `"+m+"` |") {
				t.Errorf("%q: nothing about member %q", name, m)
			}
		}
		if got := strings.Count(text, "\n| `"); got != len(want) {
			t.Errorf("%q: %d members are described, there are %d", name, got, len(want))
		}
	}
	for name := range sections {
		t.Errorf("section %q is about no object", name)
	}
}

// members lists the members of an object, those of the elements of an array as "array.member".
func members(typ reflect.Type, out *[]string) {
	for i := range typ.NumField() {
		tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if tag == "" {
			continue
		}
		*out = append(*out, tag)
		if f := typ.Field(i).Type; f.Kind() == reflect.Slice && (f.Elem() == reflect.TypeFor[FreeBucket]() || f.Elem() == reflect.TypeFor[KindUse]() || f.Elem() == reflect.TypeFor[LogChunk]() || f.Elem() == reflect.TypeFor[FieldChangeDoc]() || f.Elem() == reflect.TypeFor[SharedOwner]()) {
			var inner []string
			members(f.Elem(), &inner)
			for _, m := range inner {
				*out = append(*out, tag+"."+m)
			}
		}
	}
}
