package format

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestEncodeTime(t *testing.T) {
	for _, c := range []struct {
		sec     int64
		nsec    uint32
		bigtime bool
		want    uint64
	}{
		{0, 0, true, 0x1dcd650000000000}, // in an image of the kernel's
		{0, 0, false, 0},
		{1, 2, false, 1<<32 | 2},
		{-1, 999999999, false, 0xffffffff<<32 | 999999999},
		{MinTime, 0, true, 0},
		{MinTime, 7, true, 7},
		{MinTime - 1, 7, true, 0},
		{MinTime - 1, 7, false, 0x80000000 << 32},
		{MaxTime, 5, false, 0x7fffffff<<32 | 5},
		{MaxTime + 1, 5, false, 0x7fffffff << 32},
		{MaxTime + 1, 5, true, (MaxTime+1+1<<31)*1e9 + 5},
		{MaxTimeBigtime + 1, 5, true, (MaxTimeBigtime + 1<<31) * 1e9},
		{1 << 62, 5, true, (MaxTimeBigtime + 1<<31) * 1e9},
		{-1 << 62, 5, false, 0x80000000 << 32},
	} {
		if got := EncodeTime(c.sec, c.nsec, c.bigtime); got != c.want {
			t.Errorf("EncodeTime(%d, %d, %v) = %#x, want %#x", c.sec, c.nsec, c.bigtime, got, c.want)
		}
	}
}

func TestTimeRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		bigtime := rnd.IntN(2) == 0
		last := int64(MaxTime)
		if bigtime {
			last = MaxTimeBigtime
		}
		sec, nsec := rnd.Int64N(last-MinTime)+MinTime, uint32(rnd.IntN(1e9))
		v := EncodeTime(sec, nsec, bigtime)
		if got := DecodeTime(v, bigtime); !got.Equal(time.Unix(sec, int64(nsec))) {
			t.Fatalf("%d.%09d comes back as %v", sec, nsec, got)
		}
		text := formatTime(v, bigtime)
		if back, ok := parseTime(text, bigtime); !ok || back != v {
			t.Fatalf("%#x prints as %s, which is %#x", v, text, back)
		}
	}
}

// Values that no time has print as numbers.
func TestTimeOutOfRange(t *testing.T) {
	for _, c := range []struct {
		v       uint64
		bigtime bool
		want    string
	}{
		{1_000_000_000, false, "0x3b9aca00"},
		{1<<64 - 1, true, "0xffffffffffffffff"},
		{1<<64 - 1, false, "0xffffffffffffffff"},
		{0x1dcd650000000000, true, "1970-01-01T00:00:00Z"},
		{0, true, "1901-12-13T20:45:52Z"},
	} {
		if got := formatTime(c.v, c.bigtime); got != c.want {
			t.Errorf("%#x (bigtime %v) prints as %s, want %s", c.v, c.bigtime, got, c.want)
		}
	}
}
