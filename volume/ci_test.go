package volume_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
)

// Kernels of today no longer mount volumes on which the case of names does not matter, but
// mkfs.xfs fills them.
func TestASCIICI(t *testing.T) {
	root := t.TempDir()
	names := []string{"Alpha", "beta", "GAMMA", "Sub", "\xc3\x84"}
	for i, name := range names {
		if name == "Sub" {
			check(t, os.Mkdir(filepath.Join(root, name), 0o755))
			for i := 1; i < 700; i++ {
				check(t, os.WriteFile(filepath.Join(root, "Sub", strings.Repeat("Nn", i%20)+strings.Repeat("x", i/20)), nil, 0o644))
			}
			continue
		}
		check(t, os.WriteFile(filepath.Join(root, name), content(i, 10), 0o644))
	}
	path := filepath.Join(t.TempDir(), "image")
	mkfs := oracle.Tool(t, "mkfs.xfs", oracle.Gen7)
	makeImage(t, path, 512<<20, mkfs, "-f", "-n", "version=ci", "-p", root)
	v := open(t, path)
	if !v.Geo.HasASCIICI() {
		t.Fatal("not a volume without case")
	}
	for _, name := range names {
		want, err := v.Lookup(name)
		check(t, err)
		for _, other := range []string{strings.ToLower(name), strings.ToUpper(name)} {
			if name == "\xc3\x84" { // only ASCII has case here
				continue
			}
			if got, err := v.Lookup(other); err != nil || got.Ino != want.Ino {
				t.Errorf("%q for %q: %v, %v", other, name, got, err)
			}
		}
	}
	for i := 1; i < 700; i++ {
		if _, err := v.Lookup("sUB/" + strings.Repeat("nN", i%20) + strings.Repeat("X", i/20)); err != nil {
			t.Error(err)
		}
	}
}
