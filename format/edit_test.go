package format

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// roundTrip sets each value of the structure in b to what it prints as, which must change
// nothing, and to another value, which must come back. b is as before in the end.
func roundTrip(t testing.TB, s *Struct, g *Geometry, b []byte) {
	t.Helper()
	before := append([]byte(nil), b...)
	var slots []slot
	s.walk(g, "", b, 0, func(at slot) bool { slots = append(slots, at); return true })
	for _, at := range slots {
		old := at.value()
		text := old.String()
		if err := at.set(text); err != nil {
			t.Fatalf("%s: %s: what prints as %q cannot be set: %v", s.Name, at.name, text, err)
		}
		if !bytes.Equal(b, before) {
			t.Fatalf("%s: %s: setting its own value %q changed the bytes", s.Name, at.name, text)
		}
		other := inverted(old)
		if err := at.set(other.String()); err != nil {
			t.Fatalf("%s: %s: %q: %v", s.Name, at.name, other, err)
		}
		if got := at.value(); got.String() != other.String() {
			t.Fatalf("%s: %s: set to %q, got %q", s.Name, at.name, other, got)
		}
		if err := at.set(text); err != nil || !bytes.Equal(b, before) {
			t.Fatalf("%s: %s: setting it to %q and back to %q changed other bytes (%v)", s.Name, at.name, other, text, err)
		}
	}
}

// inverted is the value with all its bits the other way.
func inverted(v Value) Value {
	if v.Bits != 0 {
		v.Num = ^v.Num & null(v.Bits)
		return v
	}
	flipped := make([]byte, len(v.Bytes))
	for i, c := range v.Bytes {
		flipped[i] = ^c
	}
	v.Bytes = flipped
	return v
}

// Every field of every table, with all sorts of contents.
func TestRoundTripTables(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g := &Geometry{}
	for _, s := range tables {
		b := make([]byte, s.Size)
		roundTrip(t, s, g, b)
		for range 20 {
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			roundTrip(t, s, g, b)
		}
		for i := range b {
			b[i] = 0xff
		}
		roundTrip(t, s, g, b)
	}
}

func TestRoundTripSamples(t *testing.T) {
	all, g := samples(t)
	for _, s := range all {
		roundTrip(t, Detect(g, s.b).Table, g, s.b)
	}
	for _, s := range logRegions(t) {
		roundTrip(t, s.logTable(), g, s.b)
	}
}

// The accessors read what the tables say: each accessor stores a value that only its field shows.
func TestAccessorsAgree(t *testing.T) {
	for _, c := range []struct {
		s    *Struct
		name string
		put  func(b []byte)
		want string
	}{
		{Superblock, "logstart", func(b []byte) { SBLogStart.Put(b, 77) }, "77"},
		{Superblock, "fname", func(b []byte) { SBFName.Put(b, []byte("label")) }, `"label"`},
		{AGI, "unlinked[63]", func(b []byte) { AGIUnlinked.At(63).Put(b, 5) }, "5"},
		{AGF, "uuid", func(b []byte) { AGFUUID.Put(b, UUID{1, 2}) }, "01020000-0000-0000-0000-000000000000"},
		{RmapRec, "attrfork", func(b []byte) { RmapOffset.Put(b, RmapAttrFork) }, "1"},
		{RmapRec, "bmbtblock", func(b []byte) { RmapOffset.Put(b, RmapBmbtBlock) }, "1"},
		{RmapRec, "extentflag", func(b []byte) { RmapOffset.Put(b, RmapUnwritten) }, "1"},
		{RmapRec, "offset", func(b []byte) { RmapOffset.Put(b, RmapOffsetMask) }, "18014398509481983"},
		{RmapKey, "offset_hi", func(b []byte) { RmapHighKeyOffset.Put(b, 9) }, "9"},
		{RefcountRec, "cowflag", func(b []byte) { RefcStart.Put(b, RefcCowFlag) }, "1"},
		{RefcountRec, "startblock", func(b []byte) { RefcStart.Put(b, 12) }, "12"},
		{BmbtRec, "startoff", func(b []byte) { Mapping{Off: 1 << 53}.Pack(b) }, "9007199254740992"},
		{BmbtRec, "startblock", func(b []byte) { Mapping{Start: 1<<52 - 2}.Pack(b) }, "4503599627370494"},
		{BmbtRec, "blockcount", func(b []byte) { Mapping{Count: MaxExtentLen}.Pack(b) }, "2097151"},
		{BmbtRec, "extentflag", func(b []byte) { Mapping{Unwritten: true}.Pack(b) }, "1"},
		{Dinode, "core.nextents", func(b []byte) { PutNExtents(b, 3, 4) }, "3"},
		{Dinode, "core.naextents", func(b []byte) { DiFlags2.Put(b, Flag2Nrext64); PutNExtents(b, 3, 1<<20) }, "1048576"},
		{Dinode, "core.mtime", func(b []byte) { DiMTime.Put(b, EncodeTime(1, 2, false)) }, "1970-01-01T00:00:01.000000002Z"},
		{DirData, "dhdr.bestfree[1].offset", func(b []byte) { off, _ := DirBest(1); off.Put(b, 64) }, "0x40"},
		{AttrLeaf, "hdr.freemap[2].size", func(b []byte) { _, size := AttrLeafFree(2); size.Put(b, 64) }, "64"},
		{AttrLeaf, "hdr.info.owner", func(b []byte) { DaOwner.Put(b, 131) }, "131"},
		{LogEFI, "id", func(b []byte) { LogIntentID.Put(b, 10) }, "0xa"},
	} {
		b := make([]byte, c.s.Size)
		c.put(b)
		v, err := c.s.Get(nil, b, c.name)
		if err != nil || v.String() != c.want {
			t.Errorf("%s: %s is %v (%v), want %s", c.s.Name, c.name, v, err, c.want)
		}
	}
}

func TestSetByName(t *testing.T) {
	all, g := samples(t)
	for _, c := range []struct{ sample, name, value, want string }{
		{"AGI", "unlinked[5]", "133", "133"},
		{"AGI", "unlinked[5]", "null", "null"},
		{"AGI", "length", "0x100", "256"},
		{"directory", "bestfree[1].offset", "0x40", "0x40"}, // cut short
		{"rmapbt-leaf", "recs[3].startblock", "12", "12"},
		{"rmapbt-leaf", "recs[3].owner", "-5", "ag"},
		{"rmapbt-leaf", "recs[3].owner", "refcount", "refcount"},
		{"rmapbt-leaf", "recs[3].attrfork", "1", "1"},
		{"inode-directory-local-attr-local", "size", "30", "30"},
		{"inode-directory-local-attr-local", "core.format", "extents", "2"},
		{"inode-directory-local-attr-local", "core.flags", "immutable, noatime", "0x48"},
		{"inode-directory-local-attr-local", "v3.crtime", "2000-01-02T03:04:05.6Z", "2000-01-02T03:04:05.6Z"},
		{"inode-directory-local-attr-local", "u3.sfdir3.list[1].name", "other", `"other"`},
		{"inode-directory-local-attr-local", "core.mode", "0100600", "0100600"},
		{"superblock", "features_incompat", "ftype,bigtime", "0x9"},
		{"superblock", "fname", `"a\"b"`, `"a\"b"`},
		{"superblock", "uuid", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"},
		{"superblock", "crc", "0x12345678", "0x12345678"},
		{"symlink", "data", "elsewhere", `"elsewhere"`},
	} {
		b := sampleNamed(t, all, c.sample)
		table := Detect(g, b).Table
		if err := table.Set(g, b, c.name, c.value); err != nil {
			t.Errorf("%s: %s: %v", c.sample, c.name, err)
			continue
		}
		if v, err := table.Get(g, b, c.name); err != nil || v.String() != c.want {
			t.Errorf("%s: %s is %v (%v), want %s", c.sample, c.name, v, err, c.want)
		}
	}
}

func TestSetErrors(t *testing.T) {
	all, g := samples(t)
	for _, c := range []struct{ sample, name, value, want string }{
		{"AGI", "nonsense", "1", "no such field"},
		{"AGI", "unlinked[64]", "1", "no such field"},
		{"AGI", "unlinked", "1", "no such field"},
		{"AGI", "length", "0x100000000", "too large for 32 bits"},
		{"AGI", "length", "many", "not a number"},
		{"AGI", "length", "null", "not a number"}, // no pointer
		{"AGI", "uuid", "12", "is no UUID"},
		{"superblock", "fname", "thirteen long", "longer than the field's 12 bytes"},
		{"superblock", "features_incompat", "ftype,speed", "names are FTYPE"},
		{"rmapbt-leaf", "startblock", "1", "others end so"},
		{"rmapbt-leaf", "recs[0].attrfork", "2", "too large for 1 bits"},
	} {
		b := sampleNamed(t, all, c.sample)
		err := Detect(g, b).Table.Set(g, b, c.name, c.value)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s = %s: error %v, want %q", c.sample, c.name, c.value, err, c.want)
		}
		if (strings.Contains(c.want, "no such") || strings.Contains(c.want, "others end so")) != errors.Is(err, ErrNoField) {
			t.Errorf("%s: %s: error %v has the wrong class", c.sample, c.name, err)
		}
		if !bytes.Equal(b, sampleNamed(t, all, c.sample)) {
			t.Errorf("%s: %s: the refused value changed something", c.sample, c.name)
		}
	}
}

func TestCheckPadding(t *testing.T) {
	all, g := samples(t)
	for _, s := range all {
		if err := Detect(g, s.b).Table.CheckPadding(g, s.b); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	for name, off := range map[string]int{"superblock": 400, "AGF": 100, "rmapbt-leaf": 56 + 16, "inode-regular-extents": 133} {
		b := sampleNamed(t, all, name)
		b[off] |= 0x08
		if err := Detect(g, b).Table.CheckPadding(g, b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: byte %d set: %v", name, off, err)
		}
	}
}
