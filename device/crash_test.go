package device_test

import (
	"bytes"
	"testing"

	"github.com/cowfs/cowfs/device"
)

// story is what happens to the device in the tests below: sectors written with a letter.
// Write 3 is a punch; the syncs come after writes 2 and 4.
func story(t *testing.T) *device.Crash {
	m := device.NewMemory(8 * 512)
	if _, err := m.WriteAt(bytes.Repeat([]byte{'.'}, 8*512), 0); err != nil {
		t.Fatal(err)
	}
	c := device.NewCrash(m)
	write := func(letter byte, first, n int64) {
		if _, err := c.WriteAt(bytes.Repeat([]byte{letter}, int(n)*512), first*512); err != nil {
			t.Fatal(err)
		}
	}
	sync := func() {
		if err := c.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	write('a', 0, 2) // 0
	write('b', 1, 2) // 1
	sync()
	if err := c.Punch(0, 512); err != nil { // 2
		t.Fatal(err)
	}
	write('c', 4, 4) // 3
	sync()
	write('d', 5, 2) // 4
	// None of these is a write.
	if _, err := c.WriteAt(make([]byte, 2), 8*512-1); err == nil {
		t.Fatal("a write beyond the end is no error")
	}
	if err := c.Punch(8*512, 1); err == nil {
		t.Fatal("a punch beyond the end is no error")
	}
	// The first image was only copied.
	if got := letters(t, m); got != "........" {
		t.Fatalf("the image has become %q", got)
	}
	return c
}

// letters shows each sector by its letter, a zero one as 0, a mixed one as ?.
func letters(t *testing.T, d device.Device) string {
	p := all(t, d)
	var s []byte
	for ; len(p) > 0; p = p[512:] {
		switch {
		case !bytes.Equal(p[:512], bytes.Repeat(p[:1], 512)):
			s = append(s, '?')
		case p[0] == 0:
			s = append(s, '0')
		default:
			s = append(s, p[0])
		}
	}
	return string(s)
}

func TestCrashAllOrNone(t *testing.T) {
	c := story(t)
	if c.Writes() != 5 {
		t.Fatalf("%d writes", c.Writes())
	}
	for n, want := range []struct{ all, none string }{
		{"........", "........"},
		{"........", "aa......"},
		{"........", "abb....."}, // the sync has not returned yet
		{"abb.....", "0bb....."},
		{"abb.....", "0bb.cccc"},
		{"0bb.cccc", "0bb.cddc"},
	} {
		if got := letters(t, c.After(n, 1, device.LostAll)); got != want.all {
			t.Errorf("all lost after %d: %s, want %s", n, got, want.all)
		}
		if got := letters(t, c.After(n, 1, device.LostNone)); got != want.none {
			t.Errorf("none lost after %d: %s, want %s", n, got, want.none)
		}
	}
	if got := letters(t, c.Synced()); got != "0bb.cccc" {
		t.Errorf("synced: %s", got)
	}
	if got := letters(t, c); got != "0bb.cddc" {
		t.Errorf("now: %s", got)
	}
	// Numbers outside the story are its ends.
	if got := letters(t, c.After(100, 1, device.LostNone)) + letters(t, c.After(-1, 1, device.LostNone)); got != "0bb.cddc........" {
		t.Errorf("ends: %s", got)
	}
}

// With enough seeds the random ways give everything they can, and nothing else.
func TestCrashAtRandom(t *testing.T) {
	c := story(t)
	for _, tt := range []struct {
		n    int
		lost device.Lost
		want []string
	}{
		{2, device.LostSome, []string{"........", "aa......", ".bb.....", "abb....."}},
		{4, device.LostSome, []string{"abb.....", "0bb.....", "abb.cccc", "0bb.cccc"}},
		{1, device.LostSectors, []string{"........", "a.......", ".a......", "aa......"}},
		{3, device.LostSectors, []string{"abb.....", "0bb....."}},
		{5, device.LostSectors, []string{"0bb.cccc", "0bb.cdcc", "0bb.ccdc", "0bb.cddc"}},
	} {
		seen := map[string]bool{}
		for seed := range uint64(200) {
			got := letters(t, c.After(tt.n, seed, tt.lost))
			if again := letters(t, c.After(tt.n, seed, tt.lost)); again != got {
				t.Fatalf("after %d, seed %d: %s and %s", tt.n, seed, got, again)
			}
			seen[got] = true
		}
		for _, w := range tt.want {
			if !seen[w] {
				t.Errorf("%s lost after %d: never %s", tt.lost, tt.n, w)
			}
			delete(seen, w)
		}
		if len(seen) > 0 {
			t.Errorf("%s lost after %d: also %v", tt.lost, tt.n, seen)
		}
	}
}

// A write that does not begin at a sector is torn at sectors all the same.
func TestCrashTearsAtSectors(t *testing.T) {
	c := device.NewCrash(device.NewMemory(4 * 512))
	if _, err := c.WriteAt(bytes.Repeat([]byte{'x'}, 1024), 100); err != nil {
		t.Fatal(err)
	}
	torn := 0
	for seed := range uint64(20) {
		p := all(t, c.After(1, seed, device.LostSectors))
		for _, r := range [][2]int{{100, 512}, {512, 1024}, {1024, 1124}} {
			if n := bytes.Count(p[r[0]:r[1]], []byte{'x'}); n != 0 && n != r[1]-r[0] {
				t.Errorf("seed %d: %d bytes of %v written", seed, n, r)
			} else if n == 0 {
				torn++
			}
		}
	}
	if torn < 10 || torn > 50 {
		t.Errorf("%d of 60 sectors torn", torn)
	}
}
