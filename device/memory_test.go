package device_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/device"
)

func TestMemoryIsSparse(t *testing.T) {
	const huge = 16 << 40
	m := device.NewMemory(huge)
	for _, at := range []int64{0, 1 << 40, huge - 4} {
		if _, err := m.WriteAt([]byte("data"), at); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.Allocated(); n != 3<<16 {
		t.Errorf("%d bytes allocated for three pages", n)
	}
	if at := must(m.SeekData(100000))(t); at != 1<<40 {
		t.Errorf("data found at %d", at)
	}
	if at := must(m.SeekHole(1 << 40))(t); at != 1<<40+1<<16 {
		t.Errorf("hole found at %d", at)
	}
	if err := m.Punch(1, huge-1); err != nil {
		t.Fatal(err)
	}
	if n := m.Allocated(); n != 1<<16 {
		t.Errorf("%d bytes allocated after punching all pages but one", n)
	}
}

// Clones of clones go their own ways.
func TestMemoryClone(t *testing.T) {
	const size = 1 << 20
	rng := rand.New(rand.NewPCG(3, 4))
	images := []*device.Memory{device.NewMemory(size)}
	want := [][]byte{make([]byte, size)}
	for step := range 200 {
		i := rng.IntN(len(images))
		if step%20 == 0 {
			images = append(images, images[i].Clone())
			want = append(want, bytes.Clone(want[i]))
		}
		off := rng.Int64N(size)
		n := rng.Int64N(min(size-off, 100000)) + 1
		if rng.IntN(3) == 0 {
			if err := images[i].Punch(off, n); err != nil {
				t.Fatal(err)
			}
			clear(want[i][off : off+n])
			continue
		}
		p := bytes.Repeat([]byte{byte(step + 1)}, int(n))
		if _, err := images[i].WriteAt(p, off); err != nil {
			t.Fatal(err)
		}
		copy(want[i][off:], p)
	}
	for i, m := range images {
		if !bytes.Equal(all(t, m), want[i]) {
			t.Errorf("clone %d has the wrong content", i)
		}
	}
}

func TestWindowBounds(t *testing.T) {
	m := device.NewMemory(1000)
	for _, r := range [][2]int64{{-1, 10}, {0, 1001}, {1001, -1}, {1 << 62, 1 << 62}, {1 << 63 >> 1, 1}} {
		if w, err := device.NewWindow(m, r[0], r[1]); err == nil {
			t.Errorf("a window of %d bytes at %d exists with size %d", r[1], r[0], w.Size())
		}
	}
	w := must(device.NewWindow(m, 600, -1))(t)
	if w.Size() != 400 {
		t.Errorf("the rest is %d bytes", w.Size())
	}
	// Data in front of the window and behind it is no data in it.
	m = device.NewMemory(1 << 20)
	for _, at := range []int64{0, 1 << 19} {
		if _, err := m.WriteAt([]byte("data"), at); err != nil {
			t.Fatal(err)
		}
	}
	w = must(device.NewWindow(m, 1<<17, 1<<17))(t)
	if at, err := w.SeekHole(5); at != 5 || err != nil {
		t.Errorf("hole: %d, %v", at, err)
	}
	if at, err := w.SeekData(5); err != io.EOF {
		t.Errorf("data: %d, %v", at, err)
	}
}

// A failure under a window is told in the window's terms.
func TestWindowTranslatesErrors(t *testing.T) {
	w := must(device.NewWindow(device.MustFault(device.NewMemory(1000), "(Short Read) (Short Write)"), 100, 200))(t)
	for _, write := range []bool{false, true} {
		op := w.ReadAt
		if write {
			op = w.WriteAt
		}
		n, err := op(make([]byte, 50), 20)
		var short *device.ShortError
		if n != 25 || !errors.As(err, &short) || *short != (device.ShortError{Write: write, Off: 20, Want: 50, Got: 25, Size: 200}) {
			t.Errorf("write %v: got %d, %v", write, n, err)
		}
	}
}

func all(t testing.TB, d device.Device) []byte {
	t.Helper()
	p := make([]byte, d.Size())
	if _, err := d.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}
