package device

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// TestOverlayLosesFile has the temporary file of an overlay fail at some time: what can still be read is
// what was written, and a write that fails says how much of it was done.
func TestOverlayLosesFile(t *testing.T) {
	const pages = 32
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		model := bytes.Repeat([]byte{7}, pages*overlayPage-100)
		under := NewMemory(int64(len(model)))
		if _, err := under.WriteAt(model, 0); err != nil {
			t.Fatal(err)
		}
		o := NewSpillingOverlay(under, 4*overlayPage, int64(4+rng.IntN(8))*overlayPage)
		failed := 0
		for step := range 60 {
			if step == 30 && o.store.file != nil {
				o.store.file.Close()
			}
			off := rng.IntN(len(model))
			p := bytes.Repeat([]byte{byte(step)}, min(len(model)-off, 1+rng.IntN(6*overlayPage)))
			n, err := o.WriteAt(p, int64(off))
			if err != nil && !errors.Is(err, ErrSpill) || err == nil && n != len(p) {
				t.Fatalf("seed %d: %d bytes of %d written, %v", seed, n, len(p), err)
			}
			if err != nil {
				failed++
			}
			copy(model[off:], p[:n])
			for at := 0; at < len(model); at += overlayPage {
				want := model[at:min(at+overlayPage, len(model))]
				got := make([]byte, len(want))
				if _, err := o.ReadAt(got, int64(at)); err != nil && !errors.Is(err, ErrSpill) || err == nil && !bytes.Equal(got, want) {
					t.Fatalf("seed %d, step %d: the page at %d is not as it was written, or %v", seed, step, at, err)
				}
			}
		}
		if failed == 0 {
			t.Errorf("seed %d: no write failed", seed)
		}
		_ = o.Close()
	}
}
