package btree

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/format"
)

func TestMaxRecs(t *testing.T) {
	for _, tt := range []struct {
		kind                   *Kind
		blockSize, leaf, node  int
		recSize, keySize, ptrs int
	}{
		{Bnobt, 4096, 505, 336, 8, 8, 4},
		{Cntbt, 4096, 505, 336, 8, 8, 4},
		{Inobt, 4096, 252, 505, 16, 4, 4},
		{Finobt, 4096, 252, 505, 16, 4, 4},
		{Rmapbt, 4096, 168, 91, 24, 40, 4},
		{Refcountbt, 4096, 336, 505, 12, 4, 4},
		{Bmbt, 4096, 251, 251, 16, 8, 8},
		{Bnobt, 1024, 121, 80, 8, 8, 4},
		{Rmapbt, 1024, 40, 22, 24, 40, 4},
		{Bmbt, 1024, 59, 59, 16, 8, 8},
		{Bnobt, 65536, 8185, 5456, 8, 8, 4},
	} {
		k := tt.kind
		if k.RecSize != tt.recSize || k.KeySize != tt.keySize || k.PtrSize() != tt.ptrs {
			t.Errorf("%s: sizes %d, %d, %d", k.Name, k.RecSize, k.KeySize, k.PtrSize())
		}
		if k.RecSize != k.Rec.Size || k.KeySize != k.Key.Size {
			t.Errorf("%s: sizes differ from those of the tables", k.Name)
		}
		for level, want := range []int{tt.leaf, tt.node, tt.node} {
			if got := k.MaxRecs(tt.blockSize, level); got != want {
				t.Errorf("%s, blocks of %d: %d entries on level %d, want %d", k.Name, tt.blockSize, got, level, want)
			}
			if got := k.MinRecs(tt.blockSize, level); got != want/2 {
				t.Errorf("%s, blocks of %d: at least %d entries on level %d", k.Name, tt.blockSize, got, level)
			}
		}
	}
}

func TestMagic(t *testing.T) {
	for k, want := range map[*Kind]string{
		Bnobt: "AB3B", Cntbt: "AB3C", Inobt: "IAB3", Finobt: "FIB3", Rmapbt: "RMB3", Refcountbt: "R3FC", Bmbt: "BMA3",
	} {
		if got := string(binary.BigEndian.AppendUint32(nil, uint32(k.Magic))); got != want {
			t.Errorf("%s: magic %s, want %s", k.Name, got, want)
		}
	}
}

// Keys byte by byte.
func TestKeyOf(t *testing.T) {
	mapping := make([]byte, 16)
	format.Mapping{Off: 0x123456789, Start: 77, Count: 5, Unwritten: true}.Pack(mapping)
	for _, tt := range []struct {
		kind      *Kind
		name      string
		rec, want string
	}{
		{Bnobt, "extent", "00000010" + "00000005", "00000010" + "00000005"},
		{Cntbt, "extent", "00000010" + "00000005", "00000010" + "00000005"},
		{Inobt, "chunk", "00000080" + "ffff4003" + "ffffffffffffffff", "00000080"},
		{Finobt, "chunk", "00000080" + "ffff4003" + "ffffffffffffffff", "00000080"},
		{Refcountbt, "staging", "80000118" + "0000000a" + "00000001", "80000118"},
		{Bmbt, "mapping", hex.EncodeToString(mapping), "0000000123456789"},
		{
			Rmapbt, "data",
			"00000010" + "00000005" + "0000000000000083" + "0000000000000064",
			"00000010" + "0000000000000083" + "0000000000000064" + "00000014" + "0000000000000083" + "0000000000000068",
		},
		{
			Rmapbt, "unwritten data", // the flag is dropped
			"00000010" + "00000005" + "0000000000000083" + "2000000000000064",
			"00000010" + "0000000000000083" + "0000000000000064" + "00000014" + "0000000000000083" + "0000000000000068",
		},
		{
			Rmapbt, "attr fork", // the flag stays
			"00000010" + "00000005" + "0000000000000083" + "8000000000000064",
			"00000010" + "0000000000000083" + "8000000000000064" + "00000014" + "0000000000000083" + "8000000000000068",
		},
		{
			Rmapbt, "bmbt block of the attr fork", // its offset does not count
			"00000010" + "00000002" + "0000000000000083" + "c000000000000000",
			"00000010" + "0000000000000083" + "c000000000000000" + "00000011" + "0000000000000083" + "c000000000000000",
		},
		{
			Rmapbt, "log", // nor does that of what is no inode's
			"00000010" + "00000400" + "fffffffffffffffc" + "0000000000000000",
			"00000010" + "fffffffffffffffc" + "0000000000000000" + "0000040f" + "fffffffffffffffc" + "0000000000000000",
		},
	} {
		rec, err := hex.DecodeString(tt.rec)
		if err != nil {
			t.Fatal(err)
		}
		key := make([]byte, tt.kind.KeySize)
		tt.kind.KeyOf(rec, key)
		if got := hex.EncodeToString(key); got != tt.want {
			t.Errorf("%s, %s: key %s, want %s", tt.kind.Name, tt.name, got, tt.want)
		}
	}
}

// Compare, on records and on their keys, against the order as this test spells it out.
func TestCompare(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, k := range kinds {
		recs := records(k, 300, rng)
		if k == Rmapbt {
			// The same extent written and not: one and the same to the tree.
			twin := append([]byte{}, recs[7]...)
			twin[16] ^= 0x20
			recs = append(recs, twin)
			if k.Compare(twin, recs[7]) != 0 {
				t.Error("unwritten extents sort apart")
			}
		}
		ka, kb := make([]byte, k.KeySize), make([]byte, k.KeySize)
		for _, a := range recs {
			for _, b := range recs {
				want := low(k, a).compare(low(k, b))
				k.KeyOf(a, ka)
				k.KeyOf(b, kb)
				if got, keys := sign(k.Compare(a, b)), sign(k.CompareKeys(ka, kb)); got != want || keys != want {
					t.Fatalf("%s: %x against %x: records %d, keys %d, want %d", k.Name, a, b, got, keys, want)
				}
			}
		}
	}
}

func TestShape(t *testing.T) {
	for _, tt := range []struct {
		kind                  *Kind
		blockSize, n, rootMax int
		want                  []int
	}{
		{Bnobt, 4096, 0, 0, []int{1}},
		{Bnobt, 4096, 1, 0, []int{1}},
		{Bnobt, 4096, 505, 0, []int{1}},
		{Bnobt, 4096, 506, 0, []int{2, 1}},
		{Bnobt, 4096, 505 * 336, 0, []int{336, 1}},
		{Bnobt, 4096, 505*336 + 1, 0, []int{337, 2, 1}},
		{Rmapbt, 1024, 40 * 22 * 22, 0, []int{22 * 22, 22, 1}},
		{Bmbt, 4096, 22, 20, []int{1}}, // a level below the inode, always
		{Bmbt, 4096, 251 * 20, 20, []int{20}},
		{Bmbt, 4096, 251*20 + 1, 20, []int{21, 1}},
		{Bmbt, 4096, 251 * 251 * 20, 20, []int{251 * 20, 20}},
		{Bmbt, 4096, 251 * 2, 1, []int{2, 1}},
		{Bmbt, 4096, 251, 1, []int{1}},
	} {
		if got := Shape(tt.kind, tt.blockSize, tt.n, tt.rootMax); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s, blocks of %d, %d records, root %d: %v, want %v", tt.kind.Name, tt.blockSize, tt.n, tt.rootMax, got, tt.want)
		}
	}
	if got := Blocks([]int{337, 2, 1}); got != 340 {
		t.Errorf("%d blocks", got)
	}
}

// The heights that a group's free list is kept for, which the kernel derives from the size of
// a group in the same way.
func TestMaxLevels(t *testing.T) {
	for _, tt := range []struct {
		kind               *Kind
		blockSize, n, want int
	}{
		{Bnobt, 4096, 1, 1},
		{Bnobt, 4096, 252, 1},
		{Bnobt, 4096, 253, 2},
		{Bnobt, 4096, 252*168 + 1, 3},
		{Bnobt, 65536, 256 / 2, 1}, // 16 MiB groups of 64 KiB blocks never need a second level
	} {
		if got := MaxLevels(tt.kind, tt.blockSize, tt.n); got != tt.want {
			t.Errorf("%s, blocks of %d, %d records: %d levels, want %d", tt.kind.Name, tt.blockSize, tt.n, got, tt.want)
		}
	}
}
