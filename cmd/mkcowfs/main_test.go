package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/internal/cmdtest"
	"github.com/cowfs/cowfs/mkfs"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mkcowfs": main})
}

// TestScripts runs the sessions in testdata: what a user types, and what he should see.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: cmdtest.Setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exit":   cmdtest.Exit,
			"json":   jsonField,
			"lines":  lineCount,
			"random": randomFile,
		},
		RequireUniqueNames: true,
	})
}

// jsonField compares a field of the JSON object in a file: json FILE a.b VALUE
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: json FILE FIELD VALUE")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for _, key := range strings.Split(args[1], ".") {
		m, ok := v.(map[string]any)
		if !ok || m[key] == nil {
			ts.Fatalf("no field %s", args[1])
		}
		v = m[key]
	}
	if n, ok := v.(float64); ok {
		v = fmt.Sprintf("%.0f", n)
	}
	if got := fmt.Sprint(v); got != args[2] {
		ts.Fatalf("%s is %s, want %s", args[1], got, args[2])
	}
}

// lineCount compares the number of lines in a file: lines FILE N
func lineCount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	text := ts.ReadFile(args[0])
	if got := fmt.Sprint(strings.Count(text, "\n")); got != args[1] {
		ts.Fatalf("%s has %s lines, want %s:\n%s", args[0], got, args[1], text)
	}
}

// randomFile makes a file of so many bytes: random FILE BYTES
func randomFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: random FILE BYTES")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, n)
	_, err = rand.NewChaCha8([32]byte{}).Read(b)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// TestHelpComplete has every flag in the help text and in the completion scripts.
func TestHelpComplete(t *testing.T) {
	all := flags()
	help := helpText()
	scripts := map[string]string{"bash": "", "zsh": "", "fish": ""}
	for shell := range scripts {
		var b strings.Builder
		if err := cmdline.Completion(&b, shell, "mkcowfs", all); err != nil {
			t.Fatal(err)
		}
		scripts[shell] = b.String()
	}
	for _, f := range all {
		for _, word := range cmdline.Words(f) {
			if !strings.Contains(help, "  "+word) && !strings.Contains(help, ", "+word) {
				t.Errorf("%s is not in the help text", word)
			}
			for shell, script := range scripts {
				if name := strings.TrimLeft(word, "-"); !strings.Contains(script, name) {
					t.Errorf("%s is not in the script for %s", word, shell)
				}
			}
		}
	}
	for _, line := range strings.Split(help, "\n") {
		if len(line) > 100 {
			t.Errorf("long line: %s", line)
		}
	}
	// Each option that -x takes is named, if it is good for anything.
	for _, l := range letters {
		_, err := mkfs.NewConfig([]mkfs.Setting{{Section: l.letter, Key: "nonsense"}}, nil)
		_, known, ok := strings.Cut(err.Error(), "there are ")
		if !ok {
			continue
		}
		for _, key := range strings.Split(known, ", ") {
			if key == "file" || key == "align" || key == "attr" || key == "projid32bit" || key == "lazy-count" || key == "metadir" ||
				key == "zoned" || strings.HasSuffix(key, "inherit") || key == "cowextsize" || key == "crc" || key == "version" || key == "ftype" || key == "internal" {
				continue // one value only, which is the default
			}
			if !strings.Contains(l.usage, key) {
				t.Errorf("-%c %s is not in the help text", l.letter, key)
			}
		}
	}
}

// TestInterrupted has an interrupted run end with the exit code of one.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	stderr, err := os.Create(dir + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	same := func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }
	h := host{interruptible: same, getenv: func(string) string { return "" }, stdin: strings.NewReader(""), stdout: new(strings.Builder), stderr: stderr}
	if code := run(ctx, []string{"--size", "100m", "--root", ".", dir + "/image"}, h); code != exitInterrupted {
		text, _ := os.ReadFile(dir + "/stderr")
		t.Errorf("exit code %d: %s", code, text)
	}
	if _, err := os.Stat(dir + "/image"); err == nil {
		t.Error("there is an image")
	}
}
