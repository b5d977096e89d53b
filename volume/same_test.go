package volume_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// TestSameWritesSameImage makes the same changes to the same image several times: every byte is
// the same after them, though data of several files are written at a time.
func TestSameWritesSameImage(t *testing.T) {
	sum := func() string {
		path := emptyImage(t, mkfs.Config{Size: 96 << 20, BlockSize: 1024, UUID: format.UUID{1, 2, 3}})
		w := openWriter(t, path)
		w.Now = func() time.Time { return time.Unix(1e9, 0) }
		for i := range 200 {
			name := fmt.Sprintf("/f%d", i)
			check(t, w.Create(name, volume.Attr{Mode: 0o644}))
			check(t, w.WriteAt(name, bytes.Repeat([]byte{byte(i + 1)}, 100*i), int64(i%5)<<10))
		}
		check(t, w.Clone("/f150", "/clone"))
		for i := 0; i < 200; i += 3 {
			check(t, w.Remove(fmt.Sprintf("/f%d", i)))
		}
		check(t, w.WriteAt("/clone", make([]byte, 3000), 5000))
		check(t, w.Close())
		f, err := os.Open(path)
		check(t, err)
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		check(t, err)
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	want := sum()
	for range 3 {
		if got := sum(); got != want {
			t.Fatalf("an image with the sum %s, want %s", got, want)
		}
	}
}
