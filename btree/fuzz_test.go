package btree

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// FuzzTree damages blocks of a tree, mends their checksums or not, and goes through it in every
// way. That must end, in records that ascend or in an error of class ErrCorrupt.
//
// edits is a list of six bytes each: which block of the tree, where in it (two bytes, counted
// from the header for the upper half), and three bytes to put there by exclusive or. The
// blocks are numbered from the root down, so that small numbers reach far.
func FuzzTree(f *testing.F) {
	var models []*model
	rng := rand.New(rand.NewPCG(51, 52))
	for _, k := range kinds {
		models = append(models, build(f, k, 1024, records(k, k.MaxRecs(1024, 0)*k.MaxRecs(1024, 1)*5/4, rng), 0))
	}
	models = append(models, build(f, Bmbt, 1024, records(Bmbt, 6000, rng), 36))
	for i := range models {
		f.Add(uint8(i), []byte{}, true, []byte{0, 0}, uint8(0))
		f.Add(uint8(i), []byte{1, 0, 5, 1, 0, 0}, true, []byte{1, 2, 3, 4, 5, 6, 7, 8}, uint8(1))
		f.Add(uint8(i), []byte{3, 2, 0, 0, 1, 2, 200, 3, 255, 0, 0, 9}, false, []byte{255}, uint8(0))
	}
	f.Fuzz(func(t *testing.T, which uint8, edits []byte, mend bool, key []byte, levels uint8) {
		m := models[int(which)%len(models)].damaged()
		if m.Fork == nil {
			m.Levels += int(int8(levels)) // 0 leaves it right
		} else {
			for i, b := range key {
				m.Fork[i%len(m.Fork)] ^= b
			}
		}
		for ; len(edits) >= 6; edits = edits[6:] {
			block := m.blocks[len(m.blocks)-1-int(edits[0])%len(m.blocks)]
			at := int(binary.BigEndian.Uint16(edits[1:])) % (1024 - 3)
			m.change(t, block, mend, func(b []byte) {
				for i, x := range edits[3:6] {
					b[at+i] ^= x
				}
			})
		}
		m.survives(t, key)
	})
}

// survives goes through a tree that may be damaged.
func (m *model) survives(t *testing.T, key []byte) {
	k := m.Kind
	blocks := 0
	seen := map[uint64]bool{}
	err := m.Walk(func(level int, block uint64, b []byte) error {
		if seen[block] {
			t.Fatalf("block %d is reached twice", block)
		}
		seen[block] = true
		blocks++
		return nil
	})
	if err != nil && !errors.Is(err, format.ErrCorrupt) {
		t.Fatal(err)
	}
	if blocks > len(m.blocks) {
		t.Fatalf("%d of %d blocks reached", blocks, len(m.blocks))
	}

	n := 0
	var last point
	ascends := func(rec []byte) {
		p := low(k, rec)
		if n > 0 && p.compare(last) <= 0 {
			t.Fatalf("%v comes after %v", p, last)
		}
		last = p
		if n++; n > len(m.blocks)*1024 {
			t.Fatal("no end of records")
		}
	}
	judge := func(rec []byte, err error) {
		switch {
		case err == nil:
			ascends(rec)
		case rec != nil:
			t.Fatalf("a record with error %v", err)
		case !errors.Is(err, format.ErrCorrupt):
			t.Fatal(err)
		}
	}
	var walkErr, allErr = err, error(nil)
	for rec, err := range m.All() {
		judge(rec, err)
		allErr = err
	}
	if (walkErr == nil) != (allErr == nil) {
		t.Fatalf("walk ends with %v, all records with %v", walkErr, allErr)
	}
	key = append(append([]byte{}, key...), make([]byte, k.KeySize)...)
	to := append([]byte{}, key...)
	to[1]++
	n = 0
	for rec, err := range m.Range(key, to) {
		judge(rec, err)
	}
	for _, c := range []*Cursor{m.Seek(key), m.SeekLE(key)} {
		n = 0
		for ok := true; ok; {
			var rec []byte
			var err error
			if rec, ok, err = c.Next(); ok || err != nil {
				judge(rec, err)
			}
		}
	}
}
