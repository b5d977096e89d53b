package undo_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/undo"
)

const size = 1<<20 + 700 // the last page is a short one

// image returns an image with random content.
func image(t testing.TB) (*device.Memory, []byte) {
	t.Helper()
	b := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{7})
	rng.Read(b)
	m := device.NewMemory(size)
	if _, err := m.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return m, b
}

// change makes an overlay with changes, and returns what the image would be like.
func change(t testing.TB, m device.Device, before []byte) (*device.Overlay, []byte) {
	t.Helper()
	after := bytes.Clone(before)
	o := device.NewOverlay(m)
	for _, at := range []int{0, 100, 5000, 8192, 8200, 12288, 500_000, size - 3} {
		n := min(900, size-at)
		for i := range n {
			after[at+i]++
		}
		if _, err := o.WriteAt(after[at:at+n], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	// Written, but as it was.
	if _, err := o.WriteAt(after[300_000:310_000], 300_000); err != nil {
		t.Fatal(err)
	}
	return o, after
}

func content(t testing.TB, d device.Device) []byte {
	t.Helper()
	b := make([]byte, size)
	if _, err := d.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCommitAndUndo(t *testing.T) {
	m, before := image(t)
	o, after := change(t, m, before)
	path := filepath.Join(t.TempDir(), "undo")
	pages, err := undo.Commit(m, o, path)
	if err != nil || pages != 6 {
		t.Fatalf("commit: %d pages, %v; want 6", pages, err)
	}
	if !bytes.Equal(content(t, m), after) {
		t.Fatal("the image is not as the overlay was")
	}
	if found, err := undo.Finish(m, path); err != nil || found != undo.Applied {
		t.Fatalf("finish: %v, %v", found, err)
	}
	if n, err := undo.Undo(m, path); err != nil || n != 6 {
		t.Fatalf("undo: %d pages, %v", n, err)
	}
	if !bytes.Equal(content(t, m), before) {
		t.Fatal("the image is not as it was")
	}
	if n, err := undo.Undo(m, path); err != nil || n != 0 {
		t.Fatalf("undo again: %d pages, %v", n, err)
	}
}

func TestNoChange(t *testing.T) {
	m, before := image(t)
	o := device.NewOverlay(m)
	if _, err := o.WriteAt(before[:5000], 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "undo")
	if n, err := undo.Commit(m, o, path); n != 0 || err != nil {
		t.Fatalf("%d pages, %v", n, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("a file for no change")
	}
	if found, err := undo.Finish(m, path); found != 0 || err != nil {
		t.Fatalf("finish without a file: %v, %v", found, err)
	}
}

// TestInterrupted breaks off the changes after each write, torn or not: Finish then completes
// them, and Undo takes back what there is.
func TestInterrupted(t *testing.T) {
	broken := errors.New("power failure")
	for stop := range 5 {
		for _, finish := range []bool{true, false} {
			m, before := image(t)
			o, after := change(t, m, before)
			path := filepath.Join(t.TempDir(), "undo")
			_, err := undo.Commit(&torn{Device: m, left: stop, err: broken}, o, path)
			if err == nil {
				if stop < 3 {
					t.Fatalf("only %d writes", stop)
				}
				continue
			}
			if !errors.Is(err, broken) {
				t.Fatal(err)
			}
			want := before
			if finish {
				want = after
				if found, err := undo.Finish(m, path); err != nil || found != undo.Applying {
					t.Fatalf("stop %d: finish: %v, %v", stop, found, err)
				}
			} else {
				// Undo is interrupted too, and goes on.
				_, err := undo.Undo(&torn{Device: m, left: stop, err: broken}, path)
				if !errors.Is(err, broken) {
					t.Fatalf("stop %d: %v", stop, err)
				}
				if _, err := undo.Undo(m, path); err != nil {
					t.Fatalf("stop %d: undo: %v", stop, err)
				}
			}
			if !bytes.Equal(content(t, m), want) {
				t.Fatalf("stop %d, finish %v: wrong content", stop, finish)
			}
		}
	}
}

// torn does some writes, and of the next one a few sectors.
type torn struct {
	device.Device
	left int
	err  error
}

func (d *torn) WriteAt(p []byte, off int64) (int, error) {
	if d.left--; d.left < 0 {
		n := min(len(p), 1536)
		if _, err := d.Device.WriteAt(p[:n], off); err != nil {
			return 0, err
		}
		return n, d.err
	}
	return d.Device.WriteAt(p, off)
}

// TestInterruptedUndo breaks off taking back what had been completed.
func TestInterruptedUndo(t *testing.T) {
	broken := errors.New("power failure")
	for stop := range 5 {
		m, before := image(t)
		o, _ := change(t, m, before)
		path := filepath.Join(t.TempDir(), "undo")
		if _, err := undo.Commit(m, o, path); err != nil {
			t.Fatal(err)
		}
		if _, err := undo.Undo(&torn{Device: m, left: stop, err: broken}, path); err != nil && !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if _, err := undo.Undo(m, path); err != nil {
			t.Fatalf("stop %d: %v", stop, err)
		}
		if !bytes.Equal(content(t, m), before) {
			t.Fatalf("stop %d: wrong content", stop)
		}
	}
}

func TestWrongImage(t *testing.T) {
	m, before := image(t)
	o, _ := change(t, m, before)
	path := filepath.Join(t.TempDir(), "undo")
	if _, err := undo.Commit(m, o, path); err != nil {
		t.Fatal(err)
	}
	if _, err := undo.Undo(device.NewMemory(size), path); !errors.Is(err, undo.ErrWrongImage) {
		t.Errorf("an empty image: %v", err)
	}
	if _, err := undo.Undo(device.NewMemory(size+1), path); !errors.Is(err, undo.ErrWrongImage) {
		t.Errorf("a larger image: %v", err)
	}
	if _, err := m.WriteAt([]byte("new"), 8300); err != nil {
		t.Fatal(err)
	}
	changed := content(t, m)
	if _, err := undo.Undo(m, path); !errors.Is(err, undo.ErrWrongImage) {
		t.Errorf("a changed image: %v", err)
	}
	if !bytes.Equal(content(t, m), changed) {
		t.Error("an image that does not fit was written to")
	}
}

// TestExisting refuses to write over a file, as that may be the way back from another change.
func TestExisting(t *testing.T) {
	m, before := image(t)
	o, _ := change(t, m, before)
	path := filepath.Join(t.TempDir(), "undo")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := undo.Commit(m, o, path); !errors.Is(err, os.ErrExist) {
		t.Errorf("error %v", err)
	}
	if !bytes.Equal(content(t, m), before) {
		t.Error("the image was changed")
	}
}

// TestDamagedFile changes each of the first bytes of a file, and some others: nothing is put
// back that was never in the image.
func TestDamagedFile(t *testing.T) {
	m, before := image(t)
	o, after := change(t, m, before)
	path := filepath.Join(t.TempDir(), "undo")
	if _, err := undo.Commit(m, o, path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(good); at++ {
		if at == 40 {
			at = 4096
		}
		if at == 4096+6*16 {
			at = 8192
		}
		if at > 8200 {
			at += 1000
		}
		if at >= len(good) {
			break
		}
		bad := bytes.Clone(good)
		bad[at] ^= 0x11
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := undo.Undo(m, path)
		if err == nil {
			t.Fatalf("byte %d: no error", at)
		}
		if !errors.Is(err, undo.ErrNotUndo) && !errors.Is(err, undo.ErrWrongImage) {
			t.Fatalf("byte %d: %v", at, err)
		}
		if got := content(t, m); !bytes.Equal(got, after) {
			t.Fatalf("byte %d: the image was changed", at)
		}
	}
}

func FuzzOpen(f *testing.F) {
	m, before := image(f)
	o, _ := change(f, m, before)
	path := filepath.Join(f.TempDir(), "undo")
	if _, err := undo.Commit(m, o, path); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:50])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "undo")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = undo.Finish(device.NewMemory(size), path)
		_, _ = undo.Undo(device.NewMemory(size), path)
	})
}
