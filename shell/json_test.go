package shell

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// section is what the page about JSON says of a type of objects: its members, and which of them may
// be left out.
type section struct {
	optional map[string]bool // by member, those of elements of an array as "array.member"
}

var memberRow = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| (.*)\\|$")

// jsonSections reads the page about JSON: sections by the type that their objects have.
func jsonSections(t *testing.T) map[string]section {
	t.Helper()
	page, err := os.ReadFile("../docs/cowdb-json.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]section{}
	for _, text := range strings.Split(string(page), "\n## ")[1:] {
		s := section{map[string]bool{}}
		var types []string
		for _, m := range memberRow.FindAllStringSubmatch(text, -1) {
			if m[1] == "type" {
				for _, q := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
					types = append(types, q[1])
				}
			}
			s.optional[m[1]] = regexp.MustCompile(`(^|[^a-z])optional`).MatchString(m[2])
		}
		for _, name := range types {
			out[name] = s
		}
	}
	return out
}

// check judges an object by what is said of its type.
func (s section) check(o map[string]any, prefix string) error {
	for name, v := range o {
		full := prefix + name
		if _, ok := s.optional[full]; !ok {
			return fmt.Errorf("member %q is not described", full)
		}
		list, ok := v.([]any)
		if !ok {
			continue
		}
		for _, e := range list {
			if inner, ok := e.(map[string]any); ok {
				if err := s.check(inner, full+"."); err != nil {
					return err
				}
			}
		}
	}
	for full, optional := range s.optional {
		name, ok := strings.CutPrefix(full, prefix)
		if !ok || strings.Contains(name, ".") || optional {
			continue
		}
		if _, ok := o[name]; !ok {
			return fmt.Errorf("member %q is missing", full)
		}
	}
	return nil
}

// jsonLines are command lines, in the order in which they run on an image with little in it, and the
// type of the objects that each gives; none where it gives none.
var jsonLines = []struct{ line, typ string }{
	{"mkdir /d", ""}, {"put HOST /d/file", ""}, {"ln /d/file /d/hard", ""}, {"ln -s file /d/link", ""}, {"mknod /null c 1 3", ""},
	{"mv /null /d/null", ""}, {"chmod 640 /d/file", ""}, {"chown 1:2 /d/file", ""}, {"setfattr /d/file user.note text", ""},
	{"truncate /d/file 64k", ""}, {"fallocate /d/file 64k 64k", ""}, {"punch /d/file 8k 4k", ""}, {"zero /d/file 16k 4k", ""},
	{"reflink /d/file /d/clone", ""}, {"write --pattern 7 --length 4k /d/clone 0", ""}, {"bmap /d/clone", "mapping"}, {"writeback /d/clone", ""},
	{"unshare /d/clone 4k 4k", ""}, {"dedupe /d/file 20k /d/clone 20k 4k", "dedupe"}, {"write --stage --pattern 8 --length 4k /d/clone 24k", ""},
	{"cow status", "cow"}, {"bmap -c /d/clone", "mapping"}, {"cow cancel /d/clone", ""}, {"cowextsize /d/file 64k", ""}, {"cowextsize /d/file", "cowextsize"},
	{"extsize /d/file", "extsize"}, {"put HOST /d/other", ""}, {"exchange /d/other /d/clone", ""}, {"sync", ""},
	{"ls /d", "entry"}, {"ls -l /d", "entry"}, {"ls -d /d", "entry"}, {"stat /d/file /d/link /d/null", "stat"}, {"cat /d/file", ""}, {"get /d/file DIR/got", ""},
	{"xattr /d/file", "xattr"}, {"parent /d/file", "parent"}, {"path", "path"}, {"unlinked", "unlinked"}, {"rdump /d DIR", "rdump"},
	{"shared /d/file", "shared"}, {"refcount", "refcount"}, {"fsmap", "use"}, {"map", "groupuse"}, {"freesp", "freespace"}, {"df", "statfs"}, {"frag -v", "frag"}, {"agresv", "reservation"},
	{"logres", "logres"}, {"btheight bnobt", "height"}, {"convert ino 128 byte", "converted"}, {"hash name", "hash"}, {"info", "info"}, {"version", "structure"},
	{"label", "label"}, {"logstate", "log"}, {"log", "structure"}, {"logprint -r", "logrecord"}, {"logprint", "logitem"}, {"logprint -u", "intent"},
	{"agf 1", "structure"}, {"agi", "structure"}, {"agfl", "structure"}, {"sb", "structure"}, {"inode /d/file", "structure"}, {"block 0:1", "structure"},
	{"daddr 0", "structure"}, {"root bnobt 0", "structure"}, {"btdump rmapbt 0", "record"}, {"tree rmapbt 0", "node"},
	{"inode -q /d", ""}, {"addr", "address"}, {"type", "form"}, {"hexdump", "hex"}, {"crc", "crc"}, {"print core.size", "structure"}, {"follow list[0].inumber.i4", "structure"},
	{"back", "structure"}, {"forward", "structure"}, {"push", ""}, {"stack", "address"}, {"pop", "structure"},
	{"begin", ""}, {"rm /d/hard", ""}, {"changes", "change"}, {"commit", ""}, {"begin", ""}, {"abort", ""},
	{"diff COPY", "difference"}, {"metadump DIR/dump", "metadump"},
	{"let n = 1", ""}, {"echo words", "text"}, {"capture x cat /d/file", ""}, {"expect -n 1 df", ""}, {"try stat /nothing", ""}, {"source SCRIPT", "statfs"},
	{"sb -q 1", ""}, {"set fdblocks 1", "structure"}, {"fuzz icount add", "structure"}, {"poke 300 00", "hex"}, {"blocktrash -n 1 -s 1", "trash"},
}

// withoutJSON are commands that no line above can run here.
var withoutJSON = []string{"ablock", "dblock", "dquot", "mdrestore"}

// Each command gives, with --json, objects of the types and with the members that the page tells of.
func TestJSONOfCommands(t *testing.T) {
	sections := jsonSections(t)
	dir, path := t.TempDir(), newImage(t)
	s, end := writerOn(t, path)
	s.Image, s.JSON, s.Quote = path, true, false
	if err := os.WriteFile(filepath.Join(dir, "host"), bytes.Repeat([]byte("content "), 4096), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte("df\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	words := strings.NewReplacer("HOST", filepath.Join(dir, "host"), "SCRIPT", filepath.Join(dir, "script"), "COPY", newImage(t), "DIR", dir)
	ran, gave := map[string]bool{}, map[string]bool{}
	for _, c := range jsonLines {
		var out bytes.Buffer
		s.Out, s.buf = &out, bufio.NewWriter(&out)
		line := strings.Fields(words.Replace(c.line))
		if err := s.Run(context.Background(), line); err != nil {
			t.Fatalf("%s: %v", c.line, err)
		}
		ran[line[0]] = true
		n := 0
		if line[0] == "cat" {
			continue // contents of a file
		}
		for d := json.NewDecoder(&out); d.More(); n++ {
			var o map[string]any
			if err := d.Decode(&o); err != nil {
				t.Fatalf("%s: %v", c.line, err)
			}
			if o["type"] != c.typ {
				t.Errorf("%s: an object of type %v, want %q", c.line, o["type"], c.typ)
			}
			if err := sections[c.typ].check(o, ""); err != nil {
				t.Errorf("%s: %v", c.line, err)
			}
			gave[c.typ] = true
		}
		if n == 0 && c.typ != "" && c.typ != "unlinked" && c.typ != "intent" {
			t.Errorf("%s: no object", c.line)
		}
	}
	end()
	for _, c := range Commands() {
		if !ran[c.Name] && !slices.Contains(withoutJSON, c.Name) {
			t.Errorf("%s was not tried", c.Name)
		}
	}
	for typ := range sections {
		if !gave[typ] && typ != "unlinked" && typ != "intent" {
			t.Errorf("nothing gave an object of type %q", typ)
		}
	}
}
