package format

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the expected outputs in testdata anew")

// What the kernel's blocks print as; xfs_db's print of the same blocks was compared value by value
// (TestKernelImages).
func TestGoldenText(t *testing.T) {
	all, g := samples(t)
	for _, s := range all {
		vs, err := Detect(g, s.b).Decode(g, s.b)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		golden(t, filepath.Join("testdata", "blocks", s.name+".txt"), vs.String())
	}
}

func TestGoldenJSON(t *testing.T) {
	all, g := samples(t)
	for _, name := range []string{"superblock", "AGI", "rmapbt-leaf", "bmbt-node", "inode-directory-local-attr-local", "attribute-leaf", "directory-free"} {
		b := sampleNamed(t, all, name)
		vs, err := Detect(g, b).Decode(g, b)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(vs)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := json.Indent(&out, raw, "", " "); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", "blocks", name+".json"), out.String()+"\n")
	}
}

func TestGoldenLogItems(t *testing.T) {
	var out strings.Builder
	for _, s := range logRegions(t) {
		vs, err := s.logTable().Decode(nil, s.b)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		fmt.Fprintf(&out, "== %s\n%s", s.name, vs)
	}
	golden(t, filepath.Join("testdata", "logitems.txt"), out.String())
}

// golden compares with a file of testdata.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -rewrite renews it. Got:\n%s", path, got)
	}
}
