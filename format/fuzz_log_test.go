package format

import (
	"errors"
	"testing"
)

func FuzzLogRecord(f *testing.F) {
	g := &Geometry{UUID: UUID{1}}
	f.Add(CleanLog(g))
	g.LogSUnit = 262144
	f.Add(CleanLog(g)[:64*1024])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > MaxLogRecord {
			return
		}
		b = append([]byte(nil), b...)
		exerciseLog(t, b)
		if len(b) < LogRecord.Size {
			return
		}
		LogMagicNo.Put(b, LogMagic)
		LogVersionNo.Put(b, LogVersion)
		LogFmt.Put(b, LogFmtLinux)
		LogUUID.Put(b, g.UUID)
		SetLogChecksum(b)
		exerciseLog(t, b)
		if err := VerifyLog(g, b); err == nil {
			logRoundTrip(t, b)
		}
	})
}

func exerciseLog(t *testing.T, b []byte) {
	err := VerifyLog(&Geometry{UUID: UUID{1}}, b)
	if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) {
		t.Fatalf("an error of no class: %v", err)
	}
	for _, s := range []*Struct{LogRecord, LogOp, LogExtHeader, LogTrans} {
		if vs, _ := s.Decode(nil, b); vs != nil {
			inspect(t, s, nil, b, vs)
		}
	}
}

// logRoundTrip stamps a record that is as on disk, after undoing it.
func logRoundTrip(t *testing.T, b []byte) {
	want := append([]byte(nil), b...)
	if err := StampLog(want); err != nil { // what has the right cycle everywhere
		t.Fatal(err)
	}
	got := append([]byte(nil), want...)
	if _, err := UnstampLog(got); err != nil {
		t.Fatal(err)
	}
	if err := StampLog(got); err != nil || string(got) != string(want) {
		t.Fatalf("stamping is not reversible (%v)", err)
	}
}

func FuzzLogItems(f *testing.F) {
	for _, s := range logRegions(f) {
		f.Add(s.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxFuzz {
			return
		}
		b = append([]byte(nil), b...)
		for _, s := range []*Struct{LogItemOf(b), LogDinode} {
			if s == nil {
				continue
			}
			if vs, _ := s.Decode(nil, b); vs != nil {
				inspect(t, s, nil, b, vs)
			}
		}
	})
}
