package format

import (
	"encoding/binary"
	"errors"
	"testing"
)

// maxFuzz bounds the inputs: nothing on disk is larger.
const maxFuzz = MaxBlockSize

// hostile makes a geometry that no superblock could have: any number in any field.
func hostile(seed []byte) *Geometry {
	next := func() uint64 {
		var b [8]byte
		seed = seed[copy(b[:], seed):]
		return binary.LittleEndian.Uint64(b[:])
	}
	g := &Geometry{
		BlockSize: int(next()), SectSize: int(next()), InodeSize: int(next()), DirBlockSize: int(next()),
		BlockLog: uint(next()), SectLog: uint(next()), InodeLog: uint(next()), DirBlkLog: uint(next()),
		InoPBLog: uint(next()), AGBlkLog: uint(next()),
		DBlocks: next(), AGBlocks: uint32(next()), AGCount: uint32(next()), LogBlocks: uint32(next()),
	}
	flags := next()
	g.ROCompat, g.Incompat, g.Version = ROCompat(flags), Incompat(flags), VersionBits(flags)
	return g
}

// seedsOf are the samples of a type.
func seedsOf(f *testing.F, types ...*BlockType) (*Geometry, []sample) {
	all, g := samples(f)
	var out []sample
	for _, s := range all {
		for _, bt := range types {
			if Detect(g, s.b) == bt {
				out = append(out, s)
			}
		}
	}
	return g, out
}

// fuzzBlock is the fuzz target of a type of block. The input is tried as it is, and again with
// what all blocks have in common put right, so that the checks behind are reached.
func fuzzBlock(f *testing.F, bt *BlockType) {
	g, seeds := seedsOf(f, bt)
	for _, s := range seeds {
		f.Add(s.b, []byte{})
		f.Add(s.b[:len(s.b)/2], []byte("\x00\x10\x00\x00\x00\x00\x00\x00\x00\x02"))
	}
	f.Add(make([]byte, bt.Table.Size), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b, seed []byte) {
		if len(b) > maxFuzz {
			return
		}
		wild := hostile(seed)
		exercise(t, bt, wild, b)
		exercise(t, bt, wild, repaired(bt, wild, b))
		exercise(t, bt, g, b)
		exercise(t, bt, g, repaired(bt, g, b))
		other := *g // no feature
		other.ROCompat, other.Incompat, other.Version = 0, 0, Version5
		exercise(t, bt, &other, repaired(bt, &other, b))
	})
}

// repaired is b, made as long as a block of the type, with good magic number, UUID, group and
// checksum.
func repaired(bt *BlockType, g *Geometry, b []byte) []byte {
	b = append([]byte(nil), b...)
	if n := bt.Table.Size - len(b); n > 0 {
		b = append(b, make([]byte, n)...)
	}
	putMagic(bt, b)
	n := bt.Len(g, b)
	if n < bt.Table.Size || n > maxFuzz {
		return b
	}
	for len(b) < n {
		b = append(b, 0)
	}
	b = b[:n]
	if bt.UUID != NoField {
		bt.UUID.Put(b, g.MetaUUID)
	}
	if bt.OwnerAG != NoField {
		bt.OwnerAG.Put(b, bt.OwnerAG.Get(b)%AGNumber(max(g.AGCount, 1)))
	}
	bt.SetChecksum(b)
	return b
}

func putMagic(bt *BlockType, b []byte) {
	if bt.magicSize == 2 {
		binary.BigEndian.PutUint16(b[bt.magicOff:], uint16(bt.Magic))
		return
	}
	binary.BigEndian.PutUint32(b[bt.magicOff:], bt.Magic)
}

// exercise does everything that there is to do with a block, and checks that what Verify lets
// pass can be decoded without damage.
func exercise(t *testing.T, bt *BlockType, g *Geometry, b []byte) {
	Detect(g, b)
	err := Verify(g, bt, b, NullPlace)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		t.Fatalf("Verify gives an error of no class: %v", err)
	}
	good := err == nil
	faults := 0
	Judge(g, bt, b, NullPlace, func(*CorruptError) { faults++ })
	if good != (faults == 0) || faults > 2*len(b)+8 {
		t.Fatalf("Verify says %v, Judge has %d faults", err, faults)
	}
	if good {
		b = b[:bt.Len(g, b)]
	}
	if len(b) < bt.Table.Size {
		if _, err := bt.Table.Decode(g, b); err == nil {
			t.Fatal("a structure was decoded that is not there")
		}
		return
	}
	vs, err := bt.Decode(g, b)
	if good && err != nil {
		t.Fatalf("Verify passes what Decode calls damaged: %v", err)
	}
	inspect(t, bt.Table, g, b, vs)
}

// inspect checks what must hold of the values of any structure.
func inspect(t *testing.T, s *Struct, g *Geometry, b []byte, vs Values) {
	if len(vs) > len(s.Fields)+len(b) {
		t.Fatalf("%d values in %d bytes", len(vs), len(b))
	}
	_ = vs.String()
	if err := jsonRoundTrip(vs); err != nil {
		t.Fatal(err)
	}
	s.CheckPadding(g, b)
	roundTrip(t, s, g, b)
	for i, v := range vs {
		if i%97 == 0 { // the walk for each name takes long
			if got, err := s.Get(g, b, v.Name); err != nil || got.String() != v.String() {
				t.Fatalf("Get(%s) gives %v (%v), Decode %v", v.Name, got, err, v)
			}
		}
	}
}

func FuzzSuperblock(f *testing.F) { fuzzBlock(f, TypeSuperblock) }
func FuzzAGF(f *testing.F)        { fuzzBlock(f, TypeAGF) }
func FuzzAGI(f *testing.F)        { fuzzBlock(f, TypeAGI) }
func FuzzAGFL(f *testing.F)       { fuzzBlock(f, TypeAGFL) }
func FuzzBnobt(f *testing.F)      { fuzzBlock(f, TypeBnobt) }
func FuzzCntbt(f *testing.F)      { fuzzBlock(f, TypeCntbt) }
func FuzzInobt(f *testing.F)      { fuzzBlock(f, TypeInobt) }
func FuzzFinobt(f *testing.F)     { fuzzBlock(f, TypeFinobt) }
func FuzzRmapbt(f *testing.F)     { fuzzBlock(f, TypeRmapbt) }
func FuzzRefcountbt(f *testing.F) { fuzzBlock(f, TypeRefcount) }
func FuzzBmbt(f *testing.F)       { fuzzBlock(f, TypeBmbt) }
func FuzzDinode(f *testing.F)     { fuzzBlock(f, TypeInode) }
func FuzzDirBlock(f *testing.F)   { fuzzBlock(f, TypeDirBlock) }
func FuzzDirData(f *testing.F)    { fuzzBlock(f, TypeDirData) }
func FuzzDirFree(f *testing.F)    { fuzzBlock(f, TypeDirFree) }
func FuzzDirLeaf1(f *testing.F)   { fuzzBlock(f, TypeDirLeaf1) }
func FuzzDirLeafN(f *testing.F)   { fuzzBlock(f, TypeDirLeafN) }
func FuzzDirNode(f *testing.F)    { fuzzBlock(f, TypeDirNode) }
func FuzzAttrNode(f *testing.F)   { fuzzBlock(f, TypeAttrNode) }
func FuzzAttrLeaf(f *testing.F)   { fuzzBlock(f, TypeAttrLeaf) }
func FuzzRemoteAttr(f *testing.F) { fuzzBlock(f, TypeAttrRmt) }
func FuzzSymlink(f *testing.F)    { fuzzBlock(f, TypeSymlink) }
func FuzzDquot(f *testing.F)      { fuzzBlock(f, TypeDquot) }

func FuzzACL(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 7, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append([]byte(nil), b...)
		if vs, _ := ACL.Decode(nil, b); vs != nil {
			inspect(t, ACL, nil, b, vs)
		}
	})
}

// Names and values that a user types never do harm: they set the field, or nothing.
func FuzzSet(f *testing.F) {
	all, g := samples(f)
	f.Add(uint8(0), "unlinked[5]", "null")
	f.Add(uint8(20), "core.mtime", "2000-01-01T00:00:00Z")
	f.Add(uint8(30), "recs[3].owner", "-5")
	f.Add(uint8(2), "a.b[0][1].c", `"\x00`)
	f.Fuzz(func(t *testing.T, which uint8, name, value string) {
		s := all[int(which)%len(all)]
		table := Detect(g, s.b).Table
		b := append([]byte(nil), s.b...)
		if err := table.Set(g, b, name, value); err != nil {
			if string(b) != string(s.b) {
				t.Fatalf("%q = %q failed and changed bytes: %v", name, value, err)
			}
			return
		}
		vs, _ := table.Decode(g, b)
		inspect(t, table, g, b, vs)
	})
}
