package repair

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/volume"
)

// hashes reads all files of an image: path -> what it is and a hash of what it holds.
func hashes(t *testing.T, image string) map[string]string {
	t.Helper()
	dev, err := device.Open(image, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	return hashesOf(t, dev)
}

func hashesOf(t *testing.T, dev device.Device) map[string]string {
	t.Helper()
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	err = fs.WalkDir(v, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			out[path] = err.Error()
			return nil
		}
		info, err := d.Info()
		if err != nil {
			out[path] = err.Error()
			return nil
		}
		out[path] = info.Mode().String()
		if info.Mode().IsRegular() {
			b, err := fs.ReadFile(v, path)
			if err != nil {
				out[path] += " " + err.Error()
				return nil
			}
			out[path] += fmt.Sprintf(" %x", sha256.Sum256(b))
		}
		out[path] += attrsOf(v, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// same compares two trees.
func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	for path, w := range want {
		if g := got[path]; g != w {
			t.Errorf("%s: got %q, want %q", path, g, w)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s was not there before", path)
		}
	}
}

// attrsOf reads the extended attributes of a file, in no order: a sum of hashes.
func attrsOf(v *volume.Volume, path string) string {
	i, err := v.Lookup("/" + path)
	if err != nil {
		return " " + err.Error()
	}
	r, err := v.Attrs(i)
	if err != nil {
		return " " + err.Error()
	}
	n, sum := 0, uint64(0)
	for a, err := range r.All() {
		if err != nil {
			return " " + err.Error()
		}
		value, err := r.Value(a)
		if err != nil {
			return " " + err.Error()
		}
		h := sha256.Sum256(fmt.Appendf(nil, "%d %s %x", a.Flags, a.Name, value))
		n, sum = n+1, sum+binary.BigEndian.Uint64(h[:])
	}
	return fmt.Sprintf(" %d attributes %x", n, sum)
}
