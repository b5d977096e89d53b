package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/internal/cmdtest"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/mkfs"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cowfsck": main})
}

// TestScripts runs the sessions in testdata: what a user types, and what he should see.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: cmdtest.Setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exit":   cmdtest.Exit,
			"image":  makeImage,
			"damage": damageImage,
			"hold":   holdImage,
			"same":   sameBytes,
			"json":   jsonLines,
		},
		RequireUniqueNames: true,
	})
}

// makeImage makes an image, empty or with the content of a directory: image FILE [DIR]
func makeImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: image FILE [DIR]")
	}
	config, err := mkfs.NewConfig([]mkfs.Setting{{Section: 'd', Key: "size", Value: "300m"}}, nil)
	ts.Check(err)
	j := mkfs.Job{Config: *config, Path: ts.MkAbs(args[0]), Time: time.Unix(1_700_000_000, 0)}
	if len(args) == 2 {
		j.Source.Dir = ts.MkAbs(args[1])
	}
	_, err = mkfs.Make(context.Background(), j)
	ts.Check(err)
}

// damageImage changes a field of the first structure of a kind: damage FILE KIND FIELD VERB
func damageImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: damage FILE KIND FIELD VERB")
	}
	ts.Check(damageField(ts.MkAbs(args[0]), args[1], args[2], args[3]))
}

func damageField(path, kind, field, verb string) error {
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		return err
	}
	defer dev.Close()
	m, err := damage.Open(dev)
	if err != nil {
		return err
	}
	for _, s := range m.Structures {
		if s.Kind != kind {
			continue
		}
		b := make([]byte, s.Len)
		if _, err := dev.ReadAt(b, s.Off); err != nil {
			return err
		}
		for _, f := range damage.Fields(m.Geo, s.Type, b) {
			for v := range damage.Verbs {
				if f.Name == field && v.String() == verb && f.Change(s.Type, b, v, rand.New(rand.NewPCG(1, 1))) {
					_, err := dev.WriteAt(b, s.Off)
					return err
				}
			}
		}
	}
	return fmt.Errorf("no field %s in a %s to change by %s", field, kind, verb)
}

// holdImage opens an image for writing until the end of the script: hold FILE
func holdImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold FILE")
	}
	dev, err := device.Open(ts.MkAbs(args[0]), device.ReadWrite)
	ts.Check(err)
	ts.Defer(func() { dev.Close() })
}

// sameBytes notes what is in a file, and compares it with what was in it before: same FILE
func sameBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: same FILE")
	}
	note := ts.MkAbs(args[0]) + ".before"
	now, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	before, err := os.ReadFile(note)
	if err == nil && string(before) != string(now) {
		ts.Fatalf("%s has changed", args[0])
	}
	ts.Check(os.WriteFile(note, now, 0o644))
}

// jsonLines compares a field of the one line of a type in a file: json FILE TYPE FIELD VALUE
func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: json FILE TYPE FIELD VALUE")
	}
	for _, line := range strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			ts.Fatalf("%q: %v", line, err)
		}
		if v["type"] != args[1] {
			continue
		}
		var got any = v
		for _, key := range strings.Split(args[2], ".") {
			m, _ := got.(map[string]any)
			got = m[key]
		}
		if n, ok := got.(float64); ok {
			got = strconv.FormatFloat(n, 'f', -1, 64)
		}
		if fmt.Sprint(got) != args[3] {
			ts.Fatalf("%s is %v, want %s", args[2], got, args[3])
		}
		return
	}
	ts.Fatalf("no line of type %s", args[1])
}

// TestHelpComplete has every flag in the help text, the completion scripts and the manual.
func TestHelpComplete(t *testing.T) {
	texts := map[string]string{"help": helpText()}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var b strings.Builder
		if err := cmdline.Completion(&b, shell, "cowfsck", flags()); err != nil {
			t.Fatal(err)
		}
		texts[shell] = b.String()
	}
	for _, path := range []string{"../../docs/cowfsck.md", "../../docs/man/cowfsck.8"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = strings.ReplaceAll(string(b), `\-`, "-")
	}
	for _, f := range flags() {
		if v, ok := f.(interface{ IsVisible() bool }); ok && !v.IsVisible() {
			continue
		}
		for _, word := range cmdline.Words(f) {
			for name, text := range texts {
				if name != "help" && name[0] != '.' {
					word = strings.TrimLeft(word, "-")
				}
				if !regexp.MustCompile(regexp.QuoteMeta(word) + `\b`).MatchString(text) {
					t.Errorf("%s: nothing about %s", name, word)
				}
			}
		}
	}
	for _, line := range strings.Split(texts["help"], "\n") {
		if len(line) > 100 {
			t.Errorf("long line: %s", line)
		}
	}
}

// TestCodesDocumented has a text for each question about each code.
func TestCodesDocumented(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+\.[a-z0-9-]+$`)
	seen := map[string]bool{}
	for _, c := range check.Codes() {
		if !name.MatchString(c.Name) || seen[c.Name] {
			t.Errorf("%s: not a name of its own", c.Name)
		}
		seen[c.Name] = true
		if c.Summary == "" || c.Means == "" || c.Lost == "" || c.Repair == "" {
			t.Errorf("%s: not all is told: %+v", c.Name, *c)
		}
	}
	if len(seen) == 0 {
		t.Error("there are no codes")
	}
}
