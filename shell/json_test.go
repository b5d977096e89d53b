package shell

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/metadump"
	"github.com/cowfs/cowfs/volume"
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

// jsonLine is a command line and the type of the objects that it gives; none where it gives none.
type jsonLine struct{ line, typ string }

// jsonLines are in the order in which they run on an image with little in it.
var jsonLines = []jsonLine{
	{"mkdir /d", ""}, {"put HOST /d/file", ""}, {"ln /d/file /d/hard", ""}, {"ln -s file /d/link", ""}, {"mknod /null c 1 3", ""},
	{"mv /null /d/null", ""}, {"chmod 640 /d/file", ""}, {"chown 1:2 /d/file", ""}, {"setfattr /d/file user.note text", ""},
	{"setfattr /d/file user.block LONG", ""}, {"ln -s LONG /d/long", ""}, {"truncate /d/file 64k", ""}, {"fallocate /d/file 64k 64k", ""}, {"punch /d/file 8k 4k", ""}, {"zero /d/file 16k 4k", ""},
	{"reflink /d/file /d/clone", ""}, {"write --pattern 7 --length 4k /d/clone 0", ""}, {"bmap /d/clone", "mapping"}, {"writeback /d/clone", ""},
	{"unshare /d/clone 4k 4k", ""}, {"dedupe /d/file 20k /d/clone 20k 4k", "dedupe"}, {"write --stage --pattern 8 --length 4k /d/clone 24k", ""},
	{"cow status", "cow"}, {"bmap -c /d/clone", "mapping"}, {"cow cancel /d/clone", ""}, {"cowextsize /d/file 64k", ""}, {"cowextsize /d/file", "cowextsize"},
	{"extsize /d/file", "extsize"}, {"put HOST /d/other", ""}, {"exchange /d/other /d/clone", ""}, {"sync", ""},
	{"ls /d", "entry"}, {"ls -l /d", "entry"}, {"ls -d /d", "entry"}, {"stat /d/file /d/link /d/null", "stat"}, {"cat /d/file", ""}, {"get /d/file DIR/got", ""},
	{"xattr /d/file", "xattr"}, {"parent /d/file", "parent"}, {"path", "path"}, {"rdump /d DIR", "rdump"},
	{"shared /d/file", "shared"}, {"refcount", "refcount"}, {"fsmap", "use"}, {"map", "groupuse"}, {"freesp", "freespace"}, {"df", "statfs"}, {"frag -v", "frag"}, {"agresv", "reservation"},
	{"logres", "logres"}, {"btheight bnobt", "height"}, {"convert ino 128 byte", "converted"}, {"hash name", "hash"}, {"info", "info"}, {"version", "structure"},
	{"label", "label"}, {"logstate", "log"}, {"log", "structure"}, {"logprint -r", "logrecord"}, {"logprint", "logitem"}, {"logprint -u", "intent"},
	{"agf 1", "structure"}, {"agi", "structure"}, {"agfl", "structure"}, {"sb", "structure"}, {"inode /d/file", "structure"}, {"block 0:1", "structure"},
	{"daddr 0", "structure"}, {"root bnobt 0", "structure"}, {"btdump rmapbt 0", "record"}, {"tree rmapbt 0", "node"},
	{"inode -q /d/file", ""}, {"ablock 0", "structure"}, {"inode -q /d/long", ""}, {"dblock 0", "structure"},
	{"inode -q /d", ""}, {"addr", "address"}, {"type", "form"}, {"hexdump", "hex"}, {"crc", "crc"}, {"print core.size", "structure"}, {"follow list[0].inumber.i4", "structure"},
	{"back", "structure"}, {"forward", "structure"}, {"push", ""}, {"stack", "address"}, {"pop", "structure"},
	{"begin", ""}, {"rm /d/hard", ""}, {"changes", "change"}, {"commit", ""}, {"begin", ""}, {"abort", ""},
	{"diff COPY", "difference"}, {"metadump DIR/dump", "metadump"},
	{"let n = 1", ""}, {"echo words", "text"}, {"capture x cat /d/file", ""}, {"expect -n 1 df", ""}, {"try stat /nothing", ""}, {"source SCRIPT", "statfs"},
	{"help", ""}, {"quit", ""},
	{"sb -q 1", ""}, {"set fdblocks 1", "structure"}, {"fuzz icount add", "structure"}, {"poke 300 00", "hex"}, {"blocktrash -n 1 -s 1", "trash"},
	{"agi -q", ""}, {"set unlinked[0] 128", "structure"}, {"unlinked", "unlinked"},
}

// Lines for what not every image is: a dump, a volume with quotas.
var (
	jsonOfDump  = []jsonLine{{"mdrestore DIR/restored", "metadump"}}
	jsonOfQuota = []jsonLine{{"dquot 1", "structure"}}
)

// jsonTrial runs command lines, and knows which commands ran and which types of objects there were.
type jsonTrial struct {
	sections  map[string]section
	words     *strings.Replacer // what stands for places in the lines
	ran, gave map[string]bool
}

// run holds what the lines give in a session against the page.
func (j *jsonTrial) run(t *testing.T, s *Session, lines []jsonLine) {
	t.Helper()
	s.JSON, s.Quote = true, false
	for _, c := range lines {
		var out bytes.Buffer
		s.Out, s.buf = &out, bufio.NewWriter(&out)
		line := strings.Fields(j.words.Replace(c.line))
		if err := s.Run(t.Context(), line); err != nil && !errors.Is(err, ErrQuit) {
			t.Fatalf("%s: %v", c.line, err)
		}
		j.ran[line[0]] = true
		if line[0] == "cat" || line[0] == "help" {
			continue // contents of a file, text for people
		}
		n := 0
		for d := json.NewDecoder(&out); d.More(); n++ {
			var o map[string]any
			if err := d.Decode(&o); err != nil {
				t.Fatalf("%s: %v", c.line, err)
			}
			if o["type"] != c.typ {
				t.Errorf("%s: an object of type %v, want %q", c.line, o["type"], c.typ)
			}
			if err := j.sections[c.typ].check(o, ""); err != nil {
				t.Errorf("%s: %v", c.line, err)
			}
			j.gave[c.typ] = true
		}
		if n == 0 && c.typ != "" && c.typ != "intent" {
			t.Errorf("%s: no object", c.line)
		}
	}
}

// Each command gives, with --json, objects of the types and with the members that the page tells of.
func TestJSONOfCommands(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("host"), bytes.Repeat([]byte("content "), 4096), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("script"), []byte("df\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	trial := &jsonTrial{
		sections: jsonSections(t), ran: map[string]bool{}, gave: map[string]bool{},
		words: strings.NewReplacer("HOST", at("host"), "SCRIPT", at("script"), "COPY", newImage(t), "DIR", dir, "LONG", strings.Repeat("long/", 150)),
	}
	path := newImage(t)
	s, end := writerOn(t, path)
	s.Image = path
	trial.run(t, s, jsonLines)
	end()
	trial.run(t, dumpReader(t, at("dump")), jsonOfDump)
	trial.run(t, quotaReader(t, at("host")), jsonOfQuota)

	for _, c := range Commands() {
		if !trial.ran[c.Name] {
			t.Errorf("%s was not tried", c.Name)
		}
	}
	for typ := range trial.sections {
		if !trial.gave[typ] && typ != "intent" {
			t.Errorf("nothing gave an object of type %q", typ)
		}
	}
}

// dumpReader opens a metadump as cowdb does.
func dumpReader(t *testing.T, path string) *Session {
	t.Helper()
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	image, _, err := metadump.Load(t.Context(), dev)
	if err != nil {
		t.Fatal(err)
	}
	v, err := volume.Open(image, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return &Session{Vol: v, Image: path}
}

// quotaReader opens a volume with quotas of users; content is a file of the host of a block or more.
func quotaReader(t *testing.T, content string) *Session {
	t.Helper()
	path := newImage(t)
	s, end := writerOn(t, path)
	if err := s.Run(t.Context(), []string{"put", content, "/quota"}); err != nil {
		t.Fatal(err)
	}
	end()
	makeQuota(t, path)
	return readerOn(t, path, false)
}
