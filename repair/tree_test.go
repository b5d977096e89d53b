package repair

import (
	"crypto/sha256"
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
