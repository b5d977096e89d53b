package format_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/format"
)

var writeSamples = flag.Bool("samples", false, "write testdata/blocks anew from the kernel's image")

// writeAllSamples saves the first block of each type and form. The other tests, and the fuzz targets'
// seeds, use them.
func writeAllSamples(t *testing.T, im *image, blocks []found) {
	dir := filepath.Join("testdata", "blocks")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range blocks {
		name := filepath.Join(dir, sampleName(f)+".bin")
		if _, err := os.Stat(name); err == nil {
			continue
		}
		if err := os.WriteFile(name, f.b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// sampleName names the type and form of a block.
func sampleName(f found) string {
	name := strings.ReplaceAll(strings.TrimSuffix(f.t.Name, " block"), " ", "-")
	switch f.t {
	case format.TypeInode:
		mode := format.DiMode.Get(f.b)
		if mode == 0 {
			return "inode-free"
		}
		name += fmt.Sprintf("-%s-%s", format.FTypeOf(mode), format.DiFormat.Get(f.b))
		if format.DiForkOff.Get(f.b) != 0 {
			name += "-attr-" + format.DiAFormat.Get(f.b).String()
		}
	case format.TypeBnobt, format.TypeCntbt, format.TypeInobt, format.TypeFinobt, format.TypeRmapbt, format.TypeRefcount, format.TypeBmbt:
		name += "-leaf"
		if format.ShortLevel.Get(f.b) > 0 {
			name = strings.TrimSuffix(name, "leaf") + "node"
		}
	}
	return name
}
