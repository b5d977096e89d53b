package format

import (
	"bytes"
	"errors"
	"testing"
)

// A record with extended headers, stamped and with its checksum.
func largeRecord(t *testing.T) []byte {
	t.Helper()
	const size, payload = 3 * LogMinRecord, 70 * BasicBlock
	headers := LogHeaders(size) * BasicBlock
	if headers != 3*BasicBlock {
		t.Fatalf("%d bytes of headers", headers)
	}
	b := make([]byte, headers+payload)
	LogMagicNo.Put(b, LogMagic)
	LogCycle.Put(b, 9)
	LogVersionNo.Put(b, LogVersion)
	LogLen.Put(b, payload)
	LogFmt.Put(b, LogFmtLinux)
	LogSize.Put(b, size)
	for i := range payload {
		b[headers+i] = byte(i / 7)
	}
	return b
}

func TestStampLog(t *testing.T) {
	b := largeRecord(t)
	payload := append([]byte(nil), b[3*BasicBlock:]...)
	if err := StampLog(b); err != nil {
		t.Fatal(err)
	}
	for off := BasicBlock; off < len(b); off += BasicBlock {
		if c := LogExtCycle.Get(b[off:]); c != 9 {
			t.Errorf("block at %d starts with %d", off, c)
		}
	}
	if got, want := LogExtCycleData.At(5).Get(b[BasicBlock:]), LogExtCycle.Get(payload[69*BasicBlock:]); got != want {
		t.Errorf("the word of block 69 is kept as %#x, want %#x", got, want)
	}
	if err := SetLogChecksum(b); err != nil {
		t.Fatal(err)
	}
	if err := VerifyLog(&Geometry{}, b); err != nil {
		t.Error(err)
	}
	got, err := UnstampLog(b)
	if err != nil || !bytes.Equal(got, payload) {
		t.Errorf("the payload does not come back (%v)", err)
	}
}

func TestVerifyLog(t *testing.T) {
	g := &Geometry{UUID: UUID{1, 2}}
	if err := VerifyLog(g, CleanLog(g)); err != nil {
		t.Errorf("clean log: %v", err)
	}
	stamped := largeRecord(t)
	LogUUID.Put(stamped, g.UUID)
	if err := errors.Join(StampLog(stamped), SetLogChecksum(stamped)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"magicno":     func(b []byte) []byte { b[0]++; return b },
		"version":     func(b []byte) []byte { LogVersionNo.Put(b, 1); return b },
		"fs_uuid":     func(b []byte) []byte { LogUUID.Put(b, UUID{}); return b },
		"no payload":  func(b []byte) []byte { LogLen.Put(b, 0); return b },
		"odd length":  func(b []byte) []byte { LogLen.Put(b, 700); return b },
		"longer":      func(b []byte) []byte { LogLen.Put(b, 200*BasicBlock); return b },
		"cut":         func(b []byte) []byte { return b[:len(b)-1] },
		"cut header":  func(b []byte) []byte { return b[:500] },
		"size":        func(b []byte) []byte { LogSize.Put(b, 1<<30); return b },
		"payload bit": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"header bit":  func(b []byte) []byte { b[50] ^= 1; return b },
		"ext bit":     func(b []byte) []byte { b[BasicBlock+259] ^= 1; return b },
		"format":      func(b []byte) []byte { LogFmt.Put(b, 2); return b },
	} {
		want := ErrCorrupt
		if name == "format" {
			want = ErrUnsupported
		}
		if err := VerifyLog(g, change(append([]byte(nil), stamped...))); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Bytes that the checksum leaves out, and the checksum of 32-bit writers.
	b := append([]byte(nil), stamped...)
	b[400], b[BasicBlock+300], b[2*BasicBlock+8] = 1, 1, 1 // the payload needs no third header
	if err := VerifyLog(g, b); err != nil {
		t.Errorf("bytes behind the header's fields: %v", err)
	}
	c, err := logChecksum(b, logCRCHeader386)
	if err != nil {
		t.Fatal(err)
	}
	if LogCRC.Put(b, c); VerifyLog(g, b) != nil {
		t.Error("a record of a 32-bit writer is refused")
	}
}

func TestLogItemOf(t *testing.T) {
	for v := range logItemNames.By {
		b := make([]byte, 4)
		LogItemKind.Put(b, LogItemType(v))
		if LogItemOf(b) == nil {
			t.Errorf("%v has no table", LogItemType(v))
		}
	}
	if LogItemOf([]byte{0x3b, 0x12}) != nil || LogItemOf([]byte{1, 2, 3, 4}) != nil {
		t.Error("a table for nothing")
	}
	if f := LogBufFlag(LogBufCancel).WithType(LogBufTypeSuperblock); f != 0x9002 || f.Type() != LogBufTypeSuperblock {
		t.Errorf("flags of a superblock's buffer: %#x", f)
	}
}
