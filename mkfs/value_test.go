package mkfs

import (
	"math"
	"strconv"
	"testing"
)

func TestParseNumber(t *testing.T) {
	for _, c := range []struct {
		in   string
		want uint64
	}{
		{"0", 0}, {"1", 1}, {"4096", 4096}, {"0x10", 16}, {"0X1F", 31}, {"010", 8}, {"0x1b", 27}, {"0xe", 14},
		{"1k", 1 << 10}, {"1K", 1 << 10}, {"3m", 3 << 20}, {"2g", 2 << 30}, {"5t", 5 << 40}, {"1p", 1 << 50}, {"7e", 7 << 60},
		{"0x10k", 16 << 10}, {"010k", 8 << 10}, {"0k", 0}, {"3b", 3 * 8192}, {"3s", 3 * 512}, {"3S", 3 * 512}, {"9223372036854775807", math.MaxInt64},
	} {
		if got, err := ParseNumber(c.in, 8192, 512); err != nil || got != c.want {
			t.Errorf("%q: got %d, %v, want %d", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{
		"", "k", "-1", "+1", "1kb", "1 k", " 1", "1 ", "x", "3q", "0x", "0xg", "08", "1_000", "0b11", "0o7", "1.5g", "1kk", "--", "b", "8e", "16e", "9223372036854775808", "99999999999999999999", "0x-1", "1\x00",
	} {
		if got, err := ParseNumber(in, 8192, 512); err == nil {
			t.Errorf("%q: got %d, want an error", in, got)
		}
	}
	for _, in := range []string{"3b", "3s"} {
		if got, err := ParseNumber(in, 0, 0); err == nil {
			t.Errorf("%q without a unit: got %d, want an error", in, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]uint64{"10G": 10 * gib, "10GiB": 10 * gib, "512m": 512 * mib, "4096": 4096, "1TIB": tib, "0x10KiB": 16 << 10} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "ib", "10iB", "10b", "10s", "10GB", "G"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("%q: got %d, want an error", in, got)
		}
	}
}

func TestPercent(t *testing.T) {
	for in, want := range map[string]int{"20%": 20, "0": 0, "99%": 99, "5": 5} {
		if got, err := Percent(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "%", "100%", "-1", "1.5%", "20%%", "x"} {
		if got, err := Percent(in); err == nil {
			t.Errorf("%q: got %d, want an error", in, got)
		}
	}
}

// FuzzParseNumber holds what is read against the standard library's reading of the digits.
func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"1", "0x10k", "3b", "9223372036854775807", "077", "1kk", "0xffffffffffffffffe", "5s"} {
		f.Add(s, 4096, 512)
	}
	f.Fuzz(func(t *testing.T, s string, bs, ss int) {
		v, err := ParseNumber(s, bs, ss)
		if err != nil {
			return
		}
		if v > math.MaxInt64 {
			t.Fatalf("%q: %d does not fit", s, v)
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil && s[0] != '0' && n != v {
			t.Fatalf("%q: got %d, want %d", s, v, n)
		}
		if again, err := ParseNumber(strconv.FormatUint(v, 10), 0, 0); err != nil || again != v {
			t.Fatalf("%q: %d is read again as %d, %v", s, v, again, err)
		}
	})
}
