package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/undo"
)

// stopping does some writes and then no more.
type stopping struct {
	device.Device
	left int
}

var errStopped = errors.New("stopped")

func (s *stopping) WriteAt(p []byte, off int64) (int, error) {
	if s.left--; s.left < 0 {
		return 0, errStopped
	}
	return s.Device.WriteAt(p, off)
}

// interruptedRepair makes an image whose repair was interrupted after one write, with an undo file
// of that name, and gives it as it was before and as it should become.
func interruptedRepair(t *testing.T, undoFile string) (image string, before, after []byte) {
	t.Helper()
	image = sound(t)
	dev, err := device.Open(image, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []int64{512, groupSize + 512} { // two AGFs
		if _, err := dev.WriteAt(make([]byte, 512), off); err != nil {
			t.Fatal(err)
		}
	}
	before = read(t, image)
	repaired := image + ".copy"
	dst, err := os.Create(repaired)
	if err == nil {
		err = dst.Truncate(4 * groupSize)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, off := range usedParts {
		if _, err := dst.WriteAt(before[i*usedPart:][:usedPart], off); err != nil {
			t.Fatal(err)
		}
	}
	dst.Close()
	if code, out, stderr := cowfsck(context.Background(), t, "-y", repaired); code != exitMended {
		t.Fatalf("exit code %d\n%s%s", code, out, stderr)
	}
	after = read(t, repaired)
	o := device.NewOverlay(dev)
	for off := 0; off < len(after); off += 4096 {
		if end := min(off+4096, len(after)); !bytes.Equal(before[off:end], after[off:end]) {
			if _, err := o.WriteAt(after[off:end], usedParts[off/usedPart]+int64(off%usedPart)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := undo.Commit(&stopping{dev, 1}, o, image+undoFile); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	if now := read(t, image); bytes.Equal(now, before) || bytes.Equal(now, after) {
		t.Fatal("the image is not in between")
	}
	return image, before, after
}

// An empty image has four groups, with nothing but zeroes behind the first part of each and behind
// what follows the log.
const (
	groupSize = 75 << 20
	usedPart  = 1 << 20
)

var usedParts = []int64{0, groupSize, 2 * groupSize, 2*groupSize + 64<<20, 3 * groupSize}

// read reads the parts of an image that are used.
func read(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, len(usedParts)*usedPart)
	for i, off := range usedParts {
		if _, err := f.ReadAt(b[i*usedPart:][:usedPart], off); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestInterruptedRepair looks at an image whose repair was interrupted, has that finished, and takes
// it back.
func TestInterruptedRepair(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		undoFile string
		named    bool // by --undo, each time
	}{{".undo", false}, {".elsewhere", true}} {
		image, before, after := interruptedRepair(t, tt.undoFile)
		with := func(args ...string) []string {
			if tt.named {
				args = append(args, "--undo", image+tt.undoFile)
			}
			return append(args, image)
		}
		if code, _, stderr := cowfsck(ctx, t, "-n", image); code == exitClean || !tt.named && !strings.Contains(stderr, "was interrupted") {
			t.Errorf("-n: exit code %d, %s", code, stderr)
		}
		if code, _, stderr := cowfsck(ctx, t, with("--plan")...); code != exitFailure || !strings.Contains(stderr, "was interrupted") {
			t.Errorf("--plan: exit code %d, %s", code, stderr)
		}
		if code, out, stderr := cowfsck(ctx, t, with("-p")...); code != exitMended || !strings.Contains(out, "is finished") {
			t.Errorf("-p: exit code %d, %s%s", code, out, stderr)
		}
		if !bytes.Equal(read(t, image), after) {
			t.Error("the image is not what the repair makes of it")
		}
		if code, _, stderr := cowfsck(ctx, t, "--undo-apply", image+tt.undoFile, image); code != exitClean {
			t.Errorf("--undo-apply: exit code %d, %s", code, stderr)
		}
		if !bytes.Equal(read(t, image), before) {
			t.Error("the image is not what it was")
		}
	}
}
