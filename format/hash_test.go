package format

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Hashes that the kernel wrote.
func TestNameHash(t *testing.T) {
	for name, want := range map[string]Hash{
		"": 0, ".": 0x2e, "..": 0x172e, "n0": 0x3730, "remote": 0x5dbbf9f3,
		"file_with_a_name_4": 0x8e6ef460, "file_with_a_name_5": 0x8e6ef461,
	} {
		if got := NameHash(name); got != want {
			t.Errorf("%q: %#x, want %#x", name, got, want)
		}
		if got := NameHash([]byte(name)); got != want {
			t.Errorf("%q as bytes: %#x, want %#x", name, got, want)
		}
	}
	for _, c := range []struct {
		name string
		dir  Ino
		want Hash
	}{{"attrleaf", 64, 0x2d5aa301}, {"few", 64, 0x19b2b7}, {"link66", 262208, 0x9dded810}, {"few", 64<<32 | 5, 0x19b2b7 ^ 5}} {
		if got := ParentHash(c.name, c.dir); got != c.want {
			t.Errorf("parent pointer %q in %d: %#x, want %#x", c.name, c.dir, got, c.want)
		}
	}
}

// The other hash is the same for names without capital letters, and takes no notice of case.
func TestNameHashCI(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		name := make([]byte, 1+rnd.IntN(MaxNameLen))
		for i := range name {
			if name[i] = byte(rnd.Uint32()); 'A' <= name[i] && name[i] <= 'Z' {
				name[i] = '!'
			}
		}
		if NameHashCI(name) != NameHash(name) {
			t.Fatalf("%q: %#x, want %#x", name, NameHashCI(name), NameHash(name))
		}
	}
	if NameHashCI([]byte("ReadMe.TXT")) != NameHash(strings.ToLower("ReadMe.TXT")) {
		t.Error("capital letters change the hash")
	}
	g := &Geometry{Version: Version5 | VersionASCIICI}
	if DirHash(g, []byte("A")) != NameHash("a") || DirHash(&Geometry{}, []byte("A")) != NameHash("A") {
		t.Error("DirHash takes the wrong hash")
	}
}

func FuzzNameHash(f *testing.F) {
	f.Add([]byte("remote"))
	f.Fuzz(func(t *testing.T, name []byte) {
		var h uint32 // the definition, a byte at a time
		for _, c := range name {
			h = uint32(c) ^ (h<<7 | h>>25)
		}
		if got := NameHash(name); got != Hash(h) {
			t.Fatalf("%q: %#x, want %#x", name, got, h)
		}
	})
}
