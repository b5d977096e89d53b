package damage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// load reads an image into memory, so that the file can go.
func load(t *testing.T, path string) device.Device {
	t.Helper()
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev
}

// TestRich asks for the structures that the tests of damage are about.
func TestRich(t *testing.T) {
	image := Rich(t, "-b", "size=1k")
	oracle.RepairClean(t, oracle.Gen7, image)
	m, err := Open(load(t, image))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range m.Structures {
		count[s.Kind]++
	}
	var kinds []string
	for k := range count {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	for _, k := range kinds {
		t.Logf("%-40s %d", k, count[k])
	}
	for _, typ := range format.BlockTypes() {
		found := typ == format.TypeDquot || typ == format.TypeDirNode // a node looks the same in both
		for _, s := range m.Structures {
			found = found || s.Type == typ
		}
		if !found {
			t.Errorf("there is no %s", typ)
		}
	}
	for _, k := range []string{"bnobt node", "cntbt node", "inobt node", "finobt node", "rmapbt node", "refcountbt node", "bmbt node",
		"attribute node block level 1", "attribute node block level 2",
		"inode file btree+local", "inode file extents+btree", "inode directory local+local", "inode directory btree+local", "inode free"} {
		if count[k] == 0 {
			t.Errorf("there is no %s", k)
		}
	}
}

// TestChange changes fields and nothing else.
func TestChange(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	g := &format.Geometry{BlockSize: 1024, SectSize: 512, InodeSize: 512}
	b := make([]byte, 512)
	format.TypeAGF.Stamp(g, b, format.NullPlace)
	format.TypeAGF.SetChecksum(b)
	fs := Fields(g, format.TypeAGF, b)
	bits := 0
	for _, f := range fs {
		bits += f.width
		for v := range Verbs {
			c := bytes.Clone(b)
			if !f.Change(format.TypeAGF, c, v, rng) {
				continue
			}
			if good := format.ChecksumOK(c, format.AGFCRC); good != (f.Kind != format.CRC) {
				t.Errorf("%s %v: checksum good: %v", f.Name, v, good)
			}
			f.put(c, f.get(b))
			format.TypeAGF.SetChecksum(c)
			if !bytes.Equal(b, c) {
				t.Errorf("%s %v changes more than the field", f.Name, v)
			}
		}
	}
	if bits != 8*format.AGF.Size {
		t.Errorf("fields of %d bits, want %d", bits, 8*format.AGF.Size)
	}
	if got, want := fmt.Sprint(fs[0].get(b)), fmt.Sprint(format.AGFMagicN); got != want {
		t.Errorf("magic is %s, want %s", got, want)
	}
}
