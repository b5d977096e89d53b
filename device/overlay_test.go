package device_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/device"
)

// overlays are the ways to keep what is written: in memory, or most of it in a file.
var overlays = map[string]func(under device.Device) *device.Overlay{
	"memory": device.NewOverlay,
	"file":   func(under device.Device) *device.Overlay { return device.NewSpillingOverlay(under, 64<<10, 0) },
}

// What is written to an overlay shows there, not below, and Apply carries it over exactly.
func TestOverlay(t *testing.T) {
	for name, overlay := range overlays {
		t.Run(name, func(t *testing.T) { testOverlay(t, overlay) })
	}
}

func testOverlay(t *testing.T, overlay func(device.Device) *device.Overlay) {
	const size = 1<<20 + 700
	rng := rand.New(rand.NewPCG(3, 4))
	below := device.NewMemory(size)
	base := randomBytes(rng, size)
	if _, err := below.WriteAt(base, 0); err != nil {
		t.Fatal(err)
	}
	o := overlay(below)
	want := bytes.Clone(base)
	for range 200 {
		off := rng.IntN(size)
		p := randomBytes(rng, min(size-off, 1<<rng.IntN(15)))
		if _, err := o.WriteAt(p, int64(off)); err != nil {
			t.Fatal(err)
		}
		copy(want[off:], p)
	}
	if !bytes.Equal(readAll(t, o), want) {
		t.Error("the overlay does not show what was written")
	}
	if !bytes.Equal(readAll(t, below), base) {
		t.Error("the device below has changed")
	}
	if got := o.Allocated(); got == 0 || got > size+4096 {
		t.Errorf("%d bytes allocated for a device of %d", got, size)
	}
	other := below.Clone()
	if err := o.Apply(other); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readAll(t, other), want) {
		t.Error("applied to a copy of the device below, the changes do not give what the overlay shows")
	}
	if err := o.Flush(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readAll(t, below), want) || !bytes.Equal(readAll(t, o), want) || o.Allocated() != 0 {
		t.Error("flushed, the changes are not all below, or not only there")
	}
}

// What is flushed to an overlay below moves there.
func TestOverlayFlushToOverlay(t *testing.T) {
	for name, overlay := range overlays {
		t.Run(name, func(t *testing.T) { testOverlayFlushToOverlay(t, overlay) })
	}
}

func testOverlayFlushToOverlay(t *testing.T, overlay func(device.Device) *device.Overlay) {
	const size = 100_000 // the last page is not whole
	rng := rand.New(rand.NewPCG(3, 3))
	base := randomBytes(rng, size)
	image := device.NewMemory(size)
	if _, err := image.WriteAt(base, 0); err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(base)
	lower := overlay(image)
	upper := device.NewOverlay(lower)
	for i := range 300 {
		o := []*device.Overlay{lower, upper}[i%2]
		if o == lower {
			if err := upper.Flush(); err != nil { // the lower one must not change under it
				t.Fatal(err)
			}
		}
		off := rng.IntN(size)
		p := randomBytes(rng, min(size-off, 1<<rng.IntN(15)))
		if _, err := o.WriteAt(p, int64(off)); err != nil {
			t.Fatal(err)
		}
		copy(want[off:], p)
		if !bytes.Equal(readAll(t, upper), want) {
			t.Fatalf("write %d is not as it was written", i)
		}
	}
	if err := upper.Flush(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readAll(t, lower), want) || upper.Allocated() != 0 || lower.Allocated() == 0 {
		t.Error("flushed, the changes are not all in the overlay below, or not only there")
	}
	if !bytes.Equal(readAll(t, image), base) {
		t.Error("the image has changed")
	}
	lower.Close()
	if _, err := upper.WriteAt(make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	if err := upper.Flush(); !errors.Is(err, device.ErrClosed) || upper.Allocated() == 0 {
		t.Errorf("flushed to a closed device: %v, and %d bytes are left", err, upper.Allocated())
	}
}

// Without a temporary file, changes stay in memory as long as they may.
func TestOverlaySpillsNowhere(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nothing"))
	const page = 4 << 10
	o := device.NewSpillingOverlay(device.NewMemory(1<<20), 3*page, 20*page)
	p := randomBytes(rand.New(rand.NewPCG(1, 2)), 20*page)
	if _, err := o.WriteAt(p, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := o.WriteAt(p[:1], 20*page); !errors.Is(err, device.ErrSpill) || o.Allocated() != 20*page {
		t.Errorf("a write of one page too many: %v; %d bytes are kept", err, o.Allocated())
	}
	got := make([]byte, len(p))
	if _, err := o.ReadAt(got, 0); err != nil || !bytes.Equal(got, p) {
		t.Errorf("the pages before it are not as they were written, or %v", err)
	}
}

// Errors of the device below come through, and a write that fails changes nothing.
func TestOverlayFaults(t *testing.T) {
	below := device.NewMemory(1 << 20)
	o := device.NewOverlay(device.MustFault(below, "(Err (And Read (Range 8192 12288)))"))
	// The second page has to be read before a part of it can be written.
	if _, err := o.WriteAt(bytes.Repeat([]byte{1}, 4200), 4096); !errors.Is(err, device.ErrInjected) {
		t.Errorf("write: %v, want the injected error", err)
	}
	p := make([]byte, 4096)
	if _, err := o.ReadAt(p, 4096); err != nil || !bytes.Equal(p, make([]byte, 4096)) {
		t.Errorf("a write that failed has changed something, or %v", err)
	}
	// Nor do the pages in the middle change, which need not be read.
	if _, err := o.WriteAt(bytes.Repeat([]byte{1}, 8<<10), 100); !errors.Is(err, device.ErrInjected) {
		t.Errorf("write: %v, want the injected error", err)
	}
	if _, err := below.WriteAt([]byte{7}, 4096); err != nil { // seen through what was never written
		t.Fatal(err)
	}
	if _, err := o.ReadAt(p, 4096); err != nil || p[0] != 7 {
		t.Errorf("a write that failed has changed a page that it would have written as a whole, or %v", err)
	}
	p[0] = 0
	if _, err := o.ReadAt(make([]byte, 8192), 4096); !errors.Is(err, device.ErrInjected) {
		t.Errorf("read: %v, want the injected error", err)
	}
	if _, err := o.WriteAt(p, 8192); err != nil {
		t.Errorf("write of a whole page: %v", err)
	}
	if err := o.Apply(device.MustFault(below, "(Err Write)")); !errors.Is(err, device.ErrInjected) {
		t.Errorf("apply: %v, want the injected error", err)
	}
	o = device.NewOverlay(device.MustFault(below, "(Err Write)"))
	if _, err := o.WriteAt(p, 8192); err != nil {
		t.Fatal(err)
	}
	if err := o.Flush(); !errors.Is(err, device.ErrInjected) || o.Allocated() != 4096 {
		t.Errorf("flush: %v, want the injected error; %d bytes are left", err, o.Allocated())
	}
}

func randomBytes(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

func readAll(t *testing.T, d device.Device) []byte {
	t.Helper()
	p := make([]byte, d.Size())
	if _, err := d.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}
