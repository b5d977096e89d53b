package format

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// What mkfs.xfs 7.2 left at the start of a log with and without a stripe unit.
func TestCleanLog(t *testing.T) {
	g := &Geometry{UUID: UUID{0xbf, 0x0c, 15: 0x2a}}
	head := "feedbabe" + "00000001" + "00000002" + "00000200" + "0000000100000000" + "0000000100000000" +
		"00000000" + "ffffffff" + "00000001" + "b0c0d0d0"
	op := "00000001" + "00000008" + "aa200000" + "6e55000000000000"

	b := CleanLog(g)
	if len(b) != 1024 {
		t.Fatalf("length %d, want 1024", len(b))
	}
	if got := hex.EncodeToString(b[:48]); got != head {
		t.Errorf("header\ngot  %s\nwant %s", got, head)
	}
	if got := hex.EncodeToString(b[300:324]); got != "00000001"+hex.EncodeToString(g.UUID[:])+"00008000" {
		t.Errorf("header from fmt on: got %s", got)
	}
	if got := hex.EncodeToString(b[512:532]); got != op {
		t.Errorf("operation\ngot  %s\nwant %s", got, op)
	}
	if !allZero(b[48:300]) || !allZero(b[324:512]) || !allZero(b[532:]) {
		t.Error("bytes are set that mkfs.xfs leaves zero")
	}

	for unit, want := range map[uint32]struct{ len, size uint32 }{
		1: {0x200, 0x8000}, 4096: {0xe00, 0x8000}, 32768: {0x7e00, 0x8000}, 262144: {0x3f000, 0x40000},
	} {
		g.LogSUnit = unit
		b := CleanLog(g)
		if LogLen.Get(b) != want.len || LogSize.Get(b) != want.size {
			t.Errorf("stripe unit %d: len %#x, size %#x, want %#x and %#x", unit, LogLen.Get(b), LogSize.Get(b), want.len, want.size)
		}
		first := len(b) - int(want.len)
		if !bytes.Equal(b[first+4:first+20], mustHex(t, op[8:])) {
			t.Errorf("stripe unit %d: no operation at byte %d", unit, first)
		}
		for off := 512; off < len(b); off += 512 {
			if LogExtCycle.Get(b[off:]) != 1 {
				t.Errorf("stripe unit %d: block at %d is not stamped", unit, off)
			}
		}
	}
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
