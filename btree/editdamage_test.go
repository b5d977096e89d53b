package btree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// packed is a tree of two nodes above full leaves, and for each leaf a record that would go
// there and has it split. edge is the last leaf of the first node.
func packed(t *testing.T, k *Kind) (m *edited, more [][]byte, edge int) {
	per, leaves := k.MaxRecs(1024, 0)+1, k.MaxRecs(1024, 1)*5/4
	var in [][]byte
	for i, rec := range records(k, per*leaves, rand.New(rand.NewPCG(131, 132))) {
		if i%per == 3 {
			more = append(more, rec)
		} else {
			in = append(in, rec)
		}
	}
	return loaded(t, k, 1024, in, pick(k.Long, 36, 0)), more, (leaves+1)/2 - 1
}

// Each sort of damage that an insert comes by is found, with the block and the field named.
func TestEditDamageFound(t *testing.T) {
	for _, k := range kinds {
		m, more, edge := packed(t, k)
		leaves := len(more)
		at := m.pages.number
		putBlock := func(off int, v uint64) func([]byte) {
			return func(b []byte) {
				if k.Long {
					binary.BigEndian.PutUint64(b[off:], v)
				} else {
					binary.BigEndian.PutUint32(b[off:], uint32(v))
				}
			}
		}
		putRec := func(i int, rec []byte) func([]byte) {
			return func(b []byte) { copy(k.NodeOf(b).Rec(i), rec) }
		}
		const left = 8
		right, ptrs := pick(k.Long, 16, 12), k.HeaderSize()+k.MaxRecs(1024, 1)*k.KeySize
		const leaf = 5
		for _, tt := range []struct {
			field string
			block int // damaged, and named
			edit  func(b []byte)
			into  int // the leaf that the new record belongs to
		}{
			{"magic", leaf, func(b []byte) { b[1]++ }, leaf},
			{"magic", leaf + 1, func(b []byte) { b[1]++ }, leaf},
			{"level", leaf, func(b []byte) { b[5] = 1 }, leaf},
			{"level", leaves, func(b []byte) { b[4] = 1 }, leaf},
			{"numrecs", leaf, func(b []byte) { b[7]++ }, leaf},
			{"numrecs", leaf, func(b []byte) { b[6], b[7] = 0, 0 }, leaf},
			{"numrecs", leaves, func(b []byte) { b[6], b[7] = 0, 0 }, leaf},
			{"first key", leaf, putRec(0, more[leaf-1]), leaf},
			{"first key", leaf + 1, putRec(0, more[leaf]), leaf},
			{"last key", leaf, putRec(len(m.recs)/leaves-1, more[leaf+1]), leaf},
			{"last key", edge, putRec(len(m.recs)/leaves-1, more[edge+1]), edge},
			{"last key", leaf + 1, putRec(len(m.recs)/leaves-1, more[leaf+2]), leaf},
			{"leftsib", leaf + 1, putBlock(left, at(2)), leaf},
			{"rightsib", leaf, putBlock(right, at(2)), leaf},
			{"leftsib", leaf, putBlock(left, k.Null()), leaf},
			{"rightsib", leaf - 1, putBlock(right, k.Null()), leaf},
			{"leftsib", edge + 1, putBlock(left, at(2)), edge}, // of another parent
			{"rightsib", edge, putBlock(right, at(2)), edge},
			{"rightsib", leaves - 1, putBlock(right, at(2)), leaves - 1},
			{"block number", leaves, putBlock(ptrs+leaf*k.PtrSize(), 0), leaf},
			{"block number", leaves, putBlock(ptrs+leaf*k.PtrSize(), k.Null()), leaf},
			{"type", leaves, putBlock(ptrs+leaf*k.PtrSize(), at(39000)), leaf},       // the pages know no such block
			{"level", leaves, putBlock(ptrs+leaf*k.PtrSize(), at(leaves)), leaf},     // itself
			{"first key", leaves, putBlock(ptrs+leaf*k.PtrSize(), at(leaf+1)), leaf}, // twice the same
		} {
			if tt.block == leaves {
				tt.block = m.pages.loaded - pick(k.Long, 2, 3) // the first node
			}
			d := m.copy()
			d.pages.hostile = true
			tt.edit(d.pages.blocks[at(tt.block)])
			err := d.Insert(more[tt.into])
			var c *format.CorruptError
			if !errors.As(err, &c) || c.Field != tt.field {
				t.Errorf("%s, %s of block %d: got %v", k.Name, tt.field, tt.block, err)
				continue
			}
			if tt.field == "block number" || tt.field == "type" || tt.block >= leaves {
				continue // the error names what the pointer led to
			}
			if want := fmt.Sprintf("%s block %d", k.Name, at(tt.block)); c.Structure != want {
				t.Errorf("%s, %s: got %v, want it in %s", k.Name, tt.field, err, want)
			}
		}
		if !k.Long {
			for field, off := range map[string]int{"leftsib": left, "rightsib": right} {
				d := m.copy()
				putBlock(off, at(2))(d.pages.blocks[d.Root])
				var c *format.CorruptError
				if _, err := d.Last(); !errors.As(err, &c) || c.Field != field {
					t.Errorf("%s, %s of the root: got %v", k.Name, field, err)
				}
			}
		}
	}
}

// copy is m with blocks of its own.
func (m *edited) copy() *edited {
	d, pages := *m, *m.pages
	pages.blocks = m.pages.cloneBlocks()
	d.pages, d.Pages, d.Fork = &pages, &pages, slices.Clone(m.Fork)
	return &d
}

// Trees whose blocks are emptier than the format allows can be changed all the same, and get
// no worse.
func TestEditUnderfull(t *testing.T) {
	for _, k := range kinds {
		m, more, _ := packed(t, k)
		most := k.MaxRecs(1024, 0)
		// Three leaves of four have one record only.
		var recs [][]byte
		for i := range more {
			in := m.recs[i*most : (i+1)*most]
			if i%4 != 0 {
				in = in[:1]
				b := m.pages.blocks[m.pages.number(i)]
				format.ShortNumRecs.Put(b, 1)
			}
			recs = append(recs, in...)
		}
		m.recs = recs
		if k.Overlapping {
			m.fixHighKeys(t)
		}
		m.watch = true
		rng := rand.New(rand.NewPCG(133, 134))
		for range 4000 {
			if rng.IntN(3) == 0 {
				m.insert(more[rng.IntN(len(more))])
			} else if len(m.recs) > 0 {
				m.delete(m.recs[rng.IntN(len(m.recs))])
			}
			if m.empty() {
				break
			}
		}
		seen := map[uint64]bool{}
		err := m.reader().Walk(func(_ int, block uint64, b []byte) error {
			seen[block] = true
			return nil
		})
		if err != nil && !m.empty() {
			t.Errorf("%s: %v", k.Name, err)
		}
		if !maps.Equal(seen, blockSet(m.pages.blocks)) && !m.empty() {
			t.Errorf("%s: %d blocks in the tree, %d held by it", k.Name, len(seen), len(m.pages.blocks))
		}
	}
}

// fixHighKeys works out the nodes' keys anew from the leaves.
func (m *edited) fixHighKeys(t *testing.T) {
	var fix func(block uint64, level int) Node
	fix = func(block uint64, level int) Node {
		n := m.Kind.NodeOf(m.pages.blocks[block])
		for i := 0; level > 0 && i < n.Len(); i++ {
			fix(n.Ptr(i), level-1).summary(n.Key(i))
		}
		return n
	}
	if m.Fork != nil {
		t.Fatal("no overlapping kind has its root in a fork")
	}
	fix(m.Root, m.Levels-1)
}

// A leaf that its parent has as the only child cannot be emptied.
func TestEditOnlyChild(t *testing.T) {
	for _, k := range kinds {
		m, _, _ := packed(t, k)
		node := m.pages.number(m.pages.loaded - pick(k.Long, 2, 3))
		format.ShortNumRecs.Put(m.pages.blocks[node], 1)
		format.ShortNumRecs.Put(m.pages.blocks[m.pages.number(0)], 1)
		var c *format.CorruptError
		if err := m.Delete(m.recs[0]); !errors.As(err, &c) || c.Field != "numrecs" || c.Structure != fmt.Sprintf("%s block %d", k.Name, node) {
			t.Errorf("%s: got %v", k.Name, err)
		}
	}
}
