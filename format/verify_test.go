package format

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// placeOf is where a sample says that it lies.
func placeOf(t *BlockType, b []byte) Place {
	p := NullPlace
	if t.Bno != NoField {
		p.Daddr = t.Bno.Get(b)
	}
	if t.OwnerAG != NoField {
		p.AG = t.OwnerAG.Get(b)
	}
	if t.OwnerIno != NoField {
		p.Ino = t.OwnerIno.Get(b)
	}
	return p
}

func TestVerifySamples(t *testing.T) {
	all, g := samples(t)
	for _, s := range all {
		bt := Detect(g, s.b)
		if err := Verify(g, bt, s.b, placeOf(bt, s.b)); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

// What all blocks have in common.
func TestVerifyIdentity(t *testing.T) {
	all, g := samples(t)
	for _, s := range all {
		bt := Detect(g, s.b)
		at := placeOf(bt, s.b)
		refuse := func(field string, b []byte, at Place) {
			t.Helper()
			err := Verify(g, bt, b, at)
			var c *CorruptError
			if !errors.As(err, &c) || c.Field != field || c.Structure != bt.Name || c.Place != at {
				t.Errorf("%s: wrong %q gives %v", s.name, field, err)
			}
		}
		damaged := func(off int) []byte {
			b := append([]byte(nil), s.b...)
			b[off] ^= 0x40
			return b
		}
		refuse("magic", damaged(bt.magicOff), at)
		refuse("crc", damaged(int(bt.CRC)), at)
		refuse("crc", damaged(len(s.b)-1), at)
		if len(s.b) > bt.Table.Size {
			refuse("", s.b[:len(s.b)-1], at)
		}
		refuse("", s.b[:bt.Table.Size-1], at)
		if bt.UUID != NoField {
			b := damaged(int(bt.UUID))
			bt.SetChecksum(b)
			refuse("uuid", b, at)
		}
		if bt.Bno != NoField {
			elsewhere := at
			elsewhere.Daddr++
			refuse("bno", s.b, elsewhere)
		}
		elsewhere := at
		if elsewhere.AG++; bt.OwnerAG != NoField {
			refuse("owner", s.b, elsewhere)
		}
		elsewhere = at
		if elsewhere.Ino++; bt.OwnerIno != NoField {
			refuse("owner", s.b, elsewhere)
		}
	}
}

// Damage that has a good checksum: see testdata/damage.txt.
func TestVerifyStructure(t *testing.T) {
	all, g := samples(t)
	damage, err := os.ReadFile(filepath.Join("testdata", "damage.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(damage)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, " -> ")
		words := strings.Fields(parts[0])
		name, sets := words[0], words[1:]
		b := sampleNamed(t, all, name)
		bt := Detect(g, b)
		for _, set := range sets {
			field, value, _ := strings.Cut(set, "=")
			if err := bt.Table.Set(g, b, field, value); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		bt.SetChecksum(b)
		err := Verify(g, bt, b, NullPlace)
		var c *CorruptError
		if !errors.As(err, &c) || c.Field != strings.TrimSpace(parts[1]) {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

// A superblock of another group is compared with the volume's geometry.
func TestVerifySecondary(t *testing.T) {
	all, g := samples(t)
	at := Place{AG: 3, Daddr: NullPlace.Daddr, Ino: NullIno}
	for change, want := range map[string]string{
		"inprogress=1": "", "rootino=null": "", "fdblocks=5000000000": "", "icount=0": "", "versionnum=0xb4a5": "",
		"rootino=128": "rootino", "uuid=00112233445566778899aabbccddeeff": "uuid", "logblocks=60000": "logblocks",
		"dblocks=327679": "dblocks", "inodelog=10": "inodesize",
	} {
		b := sampleNamed(t, all, "superblock")
		field, value, _ := strings.Cut(change, "=")
		if err := Superblock.Set(g, b, field, value); err != nil {
			t.Fatal(err)
		}
		TypeSuperblock.SetChecksum(b)
		err := Verify(g, TypeSuperblock, b, at)
		var c *CorruptError
		if want == "" && err != nil || want != "" && (!errors.As(err, &c) || c.Field != want) {
			t.Errorf("%s: got %v, want %q", change, err, want)
		}
	}
}

// Nothing is allocated for a good block: checks run over millions of them. The superblock is
// the exception, as there are few.
func TestVerifyAllocates(t *testing.T) {
	all, g := samples(t)
	for _, s := range all {
		bt := Detect(g, s.b)
		if bt == TypeSuperblock {
			continue
		}
		at := placeOf(bt, s.b)
		if n := testing.AllocsPerRun(10, func() {
			if Verify(g, bt, s.b, at) != nil || Detect(g, s.b) != bt {
				panic("refused")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
	}
}

func TestDetect(t *testing.T) {
	all, g := samples(t)
	seen := map[*BlockType]bool{}
	for _, s := range all {
		bt := Detect(g, s.b)
		seen[bt] = true
		if bt.magic(s.b) != bt.Magic {
			t.Errorf("%s: detected as %s", s.name, bt)
		}
	}
	for _, bt := range BlockTypes() {
		if !seen[bt] && bt != TypeDquot {
			t.Errorf("no sample is detected as %s", bt)
		}
	}
	for _, b := range [][]byte{nil, {0x49}, make([]byte, 4096), []byte("XFSB")} {
		if bt := Detect(g, b); bt != nil {
			t.Errorf("%d bytes of nothing are detected as %s", len(b), bt)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	all, g := samples(b)
	for _, name := range []string{"rmapbt-leaf", "inode-regular-extents-attr-local", "directory", "attribute-leaf"} {
		s := sampleNamed(b, all, name)
		bt := Detect(g, s)
		at := placeOf(bt, s)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				if err := Verify(g, bt, s, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What Stamp writes is what Verify wants to see of a block's identity.
func TestStamp(t *testing.T) {
	g := &Geometry{AGCount: 4, MetaUUID: UUID{1, 2, 3}}
	at := Place{AG: 3, Daddr: 12345, Ino: 678}
	for _, kind := range BlockTypes() {
		b := make([]byte, MaxBlockSize)
		kind.Stamp(g, b, at)
		if !kind.Is(b) {
			t.Errorf("%s: magic number is %#x", kind, kind.magic(b))
		}
		if err := kind.checkIdentity(g, b, at, nil); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Judge goes on where Verify ends, and agrees with it on what comes first.
func TestJudge(t *testing.T) {
	_, g := samples(t)
	b := make([]byte, g.InodeSize)
	TypeInode.Stamp(g, b, InInode(128))
	DiVersion.Put(b, DinodeVersion)
	DiMode.Put(b, ModeReg|0o644)
	DiFormat.Put(b, FmtExtents)
	DiAFormat.Put(b, FmtExtents)
	DiSize.Put(b, 1<<63)
	DiExtSize.Put(b, 7)
	PutNExtents(b, 2, 0)
	DiNBlocks.Put(b, 4)
	for i, m := range []Mapping{{Off: 5, Start: 64, Count: 0}, {Off: 3, Start: 1 << 50, Count: 1}} {
		m.Pack(b[Dinode.Size+i*BmbtRec.Size:])
	}
	SetChecksum(b, DiCRC)
	DiUUID.Put(b, UUID{9})
	at := InInode(129)
	var got []string
	Judge(g, TypeInode, b, at, func(e *CorruptError) {
		if e.Place != at || e.Structure != "inode" {
			t.Errorf("place %v, structure %q", e.Place, e.Structure)
		}
		got = append(got, e.Field)
	})
	want := []string{"crc", "uuid", "owner", "core.size", "core.extsize", "u3.bmx[0].blockcount", "u3.bmx[1].startoff"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	var first *CorruptError
	if err := Verify(g, TypeInode, b, at); !errors.As(err, &first) || first.Field != want[0] {
		t.Errorf("Verify: %v, want %s", err, want[0])
	}
}
