package devicetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cowfs/cowfs/device"
)

// Open makes a new device of size bytes, all zero, for one test. The test closes it.
type Open func(t *testing.T, size int64) device.Device

// size of the devices under test in bytes: some of the pages and blocks in which devices and
// hosts keep data, and a rest.
const size = 5<<16 + 512

// Run runs the suite, each test of it as a subtest.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(*testing.T, device.Device)
	}{
		{"Fresh", testFresh},
		{"ReadBack", testReadBack},
		{"Short", testShort},
		{"Model", testModel},
		{"Concurrent", testConcurrent},
		{"Holes", testHoles},
		{"PunchRange", testPunchRange},
		{"Truncate", testTruncate},
		{"Closed", testClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, size)
			defer d.Close()
			tt.run(t, d)
		})
	}
}

func testFresh(t *testing.T, d device.Device) {
	if d.Size() != size {
		t.Errorf("size is %d, want %d", d.Size(), size)
	}
	if got := content(t, d); !bytes.Equal(got, make([]byte, size)) {
		t.Error("a fresh device is not all zero")
	}
	if err := d.Sync(); err != nil {
		t.Errorf("sync: %v", err)
	}
}

func testReadBack(t *testing.T, d device.Device) {
	want := make([]byte, size)
	for i, at := range []int64{0, 1, 511, 4095, 1<<16 - 3, 1 << 16, 3<<16 + 17, size - 100} {
		p := pattern(min(1<<16+5, size-at), byte(i+1))
		write(t, d, p, at)
		copy(want[at:], p)
	}
	write(t, d, nil, 100)
	write(t, d, nil, size)
	equal(t, d, want)
	p := []byte{0xee}
	if n, err := d.ReadAt(p[:0], size); n != 0 || err != nil {
		t.Errorf("reading nothing at the end: %d, %v", n, err)
	}
}

// testShort goes over both ends of the device.
func testShort(t *testing.T, d device.Device) {
	want := pattern(size, 3)
	write(t, d, want, 0)
	for _, tt := range []struct {
		off  int64
		n    int
		read int
	}{
		{size - 10, 11, 10},
		{size - 512, 1 << 16, 512},
		{size, 1, 0},
		{size + 1, 8, 0},
		{1<<63 - 1, 8, 0},
		{1<<63 - 8, 8, 0},
		{-1, 8, 0},
		{-1 << 63, 8, 0},
		{0, size + 1, size},
	} {
		name := fmt.Sprintf("%d bytes at %d", tt.n, tt.off)
		var short *device.ShortError
		p := bytes.Repeat([]byte{0xee}, tt.n)
		n, err := d.ReadAt(p, tt.off)
		switch {
		case n != tt.read:
			t.Errorf("read %s: got %d bytes, want %d", name, n, tt.read)
		case n > 0 && !bytes.Equal(p[:n], want[tt.off:][:n]):
			t.Errorf("read %s: wrong bytes", name)
		case !errors.As(err, &short) || !errors.Is(err, io.ErrUnexpectedEOF):
			t.Errorf("read %s: got error %v, want a ShortError", name, err)
		case short.Write || short.Off != tt.off || short.Want != tt.n || short.Got != tt.read || short.Size != size:
			t.Errorf("read %s: wrong %+v", name, short)
		}
		n, err = d.WriteAt(p, tt.off)
		switch {
		case n != 0:
			t.Errorf("write %s: %d bytes written", name, n)
		case !errors.As(err, &short) || !errors.Is(err, io.ErrShortWrite):
			t.Errorf("write %s: got error %v, want a ShortError", name, err)
		case !short.Write || short.Off != tt.off || short.Want != tt.n || short.Got != 0 || short.Size != size:
			t.Errorf("write %s: wrong %+v", name, short)
		}
	}
	if d.Size() != size {
		t.Errorf("size has become %d", d.Size())
	}
	equal(t, d, want)
}

// testModel does random operations on the device and on a slice.
func testModel(t *testing.T, d device.Device) {
	rng := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, size)
	for step := range 300 {
		off := rng.Int64N(size)
		n := rng.Int64N(min(size-off, int64(1)<<rng.IntN(18)) + 1)
		switch rng.IntN(5) {
		case 0, 1:
			p := pattern(n, byte(step))
			write(t, d, p, off)
			copy(want[off:], p)
		case 2:
			if err := device.Punch(d, off, n); err != nil {
				t.Fatalf("punch %d bytes at %d: %v", n, off, err)
			}
			clear(want[off : off+n])
		case 3:
			got := make([]byte, n)
			if _, err := d.ReadAt(got, off); err != nil {
				t.Fatalf("read %d bytes at %d: %v", n, off, err)
			}
			if !bytes.Equal(got, want[off:off+n]) {
				t.Fatalf("step %d: wrong bytes read at %d", step, off)
			}
		case 4:
			if err := d.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	equal(t, d, want)
	checkHoles(t, d, want)
}

// testConcurrent has several goroutines write and read ranges of their own, which share pages.
func testConcurrent(t *testing.T, d device.Device) {
	const workers, piece = 8, 700
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for off := int64(w * piece); off+piece <= size; off += workers * piece {
				want, got := pattern(piece, byte(off/piece)), make([]byte, piece)
				if _, err := d.WriteAt(want, off); err != nil {
					t.Errorf("write at %d: %v", off, err)
				}
				if _, err := d.ReadAt(got, off); err != nil || !bytes.Equal(got, want) {
					t.Errorf("read back at %d: %v", off, err)
				}
			}
		}()
	}
	wg.Wait()
}

// testHoles looks for data and holes, which is allowed to find too much data but not too
// little.
func testHoles(t *testing.T, d device.Device) {
	want := make([]byte, size)
	checkHoles(t, d, want)
	for _, at := range []int64{1 << 16, 1<<16 + 5000, size - 1} {
		write(t, d, []byte{1}, at)
		want[at] = 1
	}
	checkHoles(t, d, want)
	for _, off := range []int64{size, size + 1, 1<<63 - 1} {
		if at, err := device.SeekData(d, off); err != io.EOF {
			t.Errorf("data behind the end: %d, %v", at, err)
		}
		if at, err := device.SeekHole(d, off); err != io.EOF {
			t.Errorf("hole behind the end: %d, %v", at, err)
		}
	}
	if _, err := device.SeekData(d, -1); err == nil || err == io.EOF {
		t.Errorf("data before the beginning: %v", err)
	}
	if _, err := device.SeekHole(d, -1); err == nil || err == io.EOF {
		t.Errorf("hole before the beginning: %v", err)
	}
}

// checkHoles goes through the device from data to hole to data, and from places between.
func checkHoles(t *testing.T, d device.Device, want []byte) {
	t.Helper()
	for at := int64(0); at < size; {
		data, err := device.SeekData(d, at)
		if err == io.EOF {
			data = size
		} else if err != nil {
			t.Fatalf("data from %d: %v", at, err)
		} else if data < at || data >= size {
			t.Fatalf("data from %d: got %d", at, data)
		}
		if i := bytes.IndexFunc(want[at:data], func(r rune) bool { return r != 0 }); i >= 0 {
			t.Fatalf("data from %d: found at %d only, but there is some at %d", at, data, at+int64(i))
		}
		if data == size {
			return
		}
		hole, err := device.SeekHole(d, data)
		if err != nil || hole <= data || hole > size {
			t.Fatalf("hole from %d: %d, %v", data, hole, err)
		}
		mid := (data + hole) / 2
		if got, err := device.SeekData(d, mid); got != mid || err != nil {
			t.Fatalf("data from %d, within data from %d to %d: %d, %v", mid, data, hole, got, err)
		}
		if got, err := device.SeekHole(d, mid); got != hole || err != nil {
			t.Fatalf("hole from %d, within data from %d to %d: %d, %v", mid, data, hole, got, err)
		}
		at = hole
	}
}

func testPunchRange(t *testing.T, d device.Device) {
	want := pattern(size, 9)
	write(t, d, want, 0)
	for _, r := range [][2]int64{{-1, 1}, {0, size + 1}, {size, 1}, {1 << 62, 1 << 62}, {1<<63 - 1, 1}, {0, -1}, {10, -5}} {
		if err := device.Punch(d, r[0], r[1]); err == nil {
			t.Errorf("punching %d bytes at %d is no error", r[1], r[0])
		}
	}
	for _, off := range []int64{0, 100, size} {
		if err := device.Punch(d, off, 0); err != nil {
			t.Errorf("punching nothing at %d: %v", off, err)
		}
	}
	equal(t, d, want)
	if err := device.Punch(d, 0, size); err != nil {
		t.Fatal(err)
	}
	equal(t, d, make([]byte, size))
}

func testTruncate(t *testing.T, d device.Device) {
	r, ok := d.(device.Resizer)
	if !ok {
		t.Skip("this device has a fixed size")
	}
	want := pattern(size, 5)
	write(t, d, want, 0)
	for _, n := range []int64{1<<16 + 5, 1 << 18, 0, size} {
		if err := r.Truncate(n); err != nil {
			t.Fatalf("truncate to %d: %v", n, err)
		}
		if d.Size() != n {
			t.Fatalf("size after truncating to %d: %d", n, d.Size())
		}
		want = append(want[:min(n, int64(len(want)))], make([]byte, max(0, n-int64(len(want))))...)
		if !bytes.Equal(content(t, d), want) {
			t.Fatalf("wrong content after truncating to %d", n)
		}
	}
	if err := r.Truncate(-1); err == nil {
		t.Error("a negative size is no error")
	}
}

func testClosed(t *testing.T, d device.Device) {
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 8)
	if _, err := d.ReadAt(p, 0); !errors.Is(err, device.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if _, err := d.WriteAt(p, 0); !errors.Is(err, device.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if err := d.Sync(); !errors.Is(err, device.ErrClosed) {
		t.Errorf("sync: %v", err)
	}
	if err := device.Punch(d, 0, 8); !errors.Is(err, device.ErrClosed) {
		t.Errorf("punch: %v", err)
	}
	if s, ok := d.(device.Seeker); ok {
		// "All is data" can be said without the image.
		if at, err := s.SeekData(0); !errors.Is(err, device.ErrClosed) && (at != 0 || err != nil) {
			t.Errorf("seek data: %d, %v", at, err)
		}
		if at, err := s.SeekHole(0); !errors.Is(err, device.ErrClosed) && (at != size || err != nil) {
			t.Errorf("seek hole: %d, %v", at, err)
		}
	}
	if r, ok := d.(device.Resizer); ok {
		if err := r.Truncate(8); !errors.Is(err, device.ErrClosed) {
			t.Errorf("truncate: %v", err)
		}
	}
	if err := d.Close(); !errors.Is(err, device.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
}

func write(t *testing.T, d device.Device, p []byte, off int64) {
	t.Helper()
	if n, err := d.WriteAt(p, off); n != len(p) || err != nil {
		t.Fatalf("write %d bytes at %d: %d, %v", len(p), off, n, err)
	}
}

func content(t *testing.T, d device.Device) []byte {
	t.Helper()
	p := bytes.Repeat([]byte{0xee}, int(d.Size()))
	if n, err := d.ReadAt(p, 0); n != len(p) || err != nil {
		t.Fatalf("read all: %d, %v", n, err)
	}
	return p
}

func equal(t *testing.T, d device.Device, want []byte) {
	t.Helper()
	got := content(t, d)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("byte %d is %#x, want %#x", i, got[i], want[i])
		}
	}
}

// pattern makes n bytes, few of which are zero.
func pattern(n int64, seed byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = seed + byte(i*7) + byte(i>>8)
	}
	return p
}
