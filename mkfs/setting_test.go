package mkfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSuboptions(t *testing.T) {
	got, err := ParseSuboptions('d', "size=1g,noalign,name=a=b")
	if err != nil {
		t.Fatal(err)
	}
	want := []Setting{
		{Section: 'd', Key: "size", Value: "1g"},
		{Section: 'd', Key: "noalign", Bare: true},
		{Section: 'd', Key: "name", Value: "a=b"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, arg := range []string{"", ",", "size=1g,", "=1", ",size=1g"} {
		if got, err := ParseSuboptions('d', arg); err == nil {
			t.Errorf("%q: got %v, want an error", arg, got)
		}
	}
}

func TestParseContent(t *testing.T) {
	for arg, want := range map[string]string{"dir": "dir", "file=dir": "dir", "dir,atime=0": "dir", "/a/b": "/a/b"} {
		s, err := ParseContent(arg)
		if err != nil || Value(s, 'p', "file") != want {
			t.Errorf("%q: got %v, %v", arg, s, err)
		}
	}
}

func TestParseFile(t *testing.T) {
	const text = `# a comment
; another

[block]
size = 8192   # the last one
  [metadata]
rmapbt=0
uuid="11111111-2222-3333-4444-555555555555"
` + "[data]\r\nsu=64k\r\nsw=4\r\n"
	got, err := ParseFile("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Setting{
		{Section: 'b', Key: "size", Value: "8192", Origin: "f:5"},
		{Section: 'm', Key: "rmapbt", Value: "0", Origin: "f:7"},
		{Section: 'm', Key: "uuid", Value: "11111111-2222-3333-4444-555555555555", Origin: "f:8"},
		{Section: 'd', Key: "su", Value: "64k", Origin: "f:10"},
		{Section: 'd', Key: "sw", Value: "4", Origin: "f:11"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]string{
		"size=4096":                 "before the first",
		"[blocks]\nsize=1":          "not a section",
		"[block\nsize=1":            "not a section",
		"[block] x\nsize=1":         "not a section",
		"[block]\nsize":             "key=value",
		"[block]\n=1":               "not one word",
		"[block]\na b=1":            "not one word",
		"[block]\nsize=1 2":         "not quoted",
		"[block]\nsize=\"1":         "does not end",
		"[block]\nsize=\"1\" 2":     "does not end",
		"[block]\nsize=4k,agsize=3": "",
	} {
		s, err := ParseFile("f", []byte(text))
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f:")):
			t.Errorf("%q: got %v, %v, want %q", text, s, err, want)
		}
	}
}

// TestReadFiles has settings of a file stand beside the command line, and defaults give way to it.
func TestReadFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	beside := file("beside", "[inode]\nsize=1024\n")
	below := file("below", "[block]\nsize=8192\n[data]\nagcount=7\n[inode]\nsparse=0\n")
	settings, defaults, err := ReadFiles([]string{"options=" + beside + ",defaults=" + below})
	if err != nil {
		t.Fatal(err)
	}
	line, _ := ParseSuboptions('b', "size=16384")
	agsize, _ := ParseSuboptions('d', "agsize=1g")
	c, err := NewConfig(append(append(settings, line...), agsize...), defaults)
	if err != nil {
		t.Fatal(err)
	}
	if c.InodeSize != 1024 || c.BlockSize != 16384 || c.Sparse != Off || c.AGCount != 0 || c.AGSize != gib {
		t.Errorf("got %+v", c)
	}
	twice, _ := ParseSuboptions('i', "size=512")
	if _, err := NewConfig(append(settings, twice...), nil); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("option in a file and on the command line: got %v", err)
	}
	for arg, want := range map[string]string{
		"options=" + dir + "/none": "no such file", "options=": "options=FILE", "x=y": "options=FILE", "makecfg=f": "not written",
		"options=/dev/zero": "longer than",
	} {
		if _, _, err := ReadFiles([]string{arg}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", arg, err, want)
		}
	}
}

// FuzzParseFile has what was read be written and read again.
func FuzzParseFile(f *testing.F) {
	f.Add([]byte("[block]\nsize=4096\n"))
	f.Add([]byte("[inode]\nsize = \"512\" # x\n; y\n[data]\r\nsu=64k\n"))
	f.Add([]byte("[metadata]\nuuid=\n\x00"))
	names := map[Section]string{}
	for name, s := range sections {
		names[s] = name
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseFile("f", text)
		if err != nil {
			return
		}
		var again strings.Builder
		for i := range got {
			if strings.Contains(got[i].Value, `"`) {
				return // has no spelling
			}
			again.WriteString("[" + names[got[i].Section] + "]\n" + got[i].Key + "=\"" + got[i].Value + "\"\n")
			got[i].Origin = ""
		}
		back, err := ParseFile("f", []byte(again.String()))
		if err != nil {
			t.Fatalf("%q: %v", again.String(), err)
		}
		for i := range back {
			back[i].Origin = ""
		}
		if d := cmp.Diff(got, back); d != "" {
			t.Error(d)
		}
		_, _ = NewConfig(got, nil)
	})
}
