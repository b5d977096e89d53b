package format

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a block that the kernel wrote: see writeAllSamples.
type sample struct {
	name string
	b    []byte
}

// samples returns the blocks in testdata, and the geometry of their image.
func samples(t testing.TB) ([]sample, *Geometry) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "blocks", "*.bin"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples (%v)", err)
	}
	var out []sample
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sample{strings.TrimSuffix(filepath.Base(p), ".bin"), b})
	}
	g, err := GeometryOf(sampleNamed(t, out, "superblock"))
	if err != nil {
		t.Fatal(err)
	}
	return out, g
}

// sampleNamed returns a copy of one of the samples.
func sampleNamed(t testing.TB, all []sample, name string) []byte {
	t.Helper()
	for _, s := range all {
		if s.name == name {
			return append([]byte(nil), s.b...)
		}
	}
	t.Fatalf("no sample %q", name)
	return nil
}

// logRegions returns regions of log items that the kernel wrote.
func logRegions(t testing.TB) []sample {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "logitems.hex"))
	if err != nil {
		t.Fatal(err)
	}
	var out []sample
	for _, line := range strings.Split(string(raw), "\n") {
		name, digits, ok := strings.Cut(line, " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sample{name, b})
	}
	return out
}

// logTable is the table of a log region by its name in testdata.
func (s sample) logTable() *Struct {
	if s.name == "dinode" {
		return LogDinode
	}
	return LogItemOf(s.b)
}
