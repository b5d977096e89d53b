package btree

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzEditor runs a list of operations on a tree.
//
// ops is a list of three bytes each: what to do, and with which record of a pool. Without
// damage the tree is compared with the model. damage is a list of five bytes each: which
// block, where in it (two bytes), and two bytes to put there by exclusive or; then all that
// must not happen is a panic, an endless loop, an error of another class, or a change outside
// the tree.
func FuzzEditor(f *testing.F) {
	type seed struct {
		pool [][]byte
		m    *edited
	}
	var seeds []seed
	for i, k := range append(slices.Clone(kinds), Bmbt) {
		rng := rand.New(rand.NewPCG(121, uint64(i)))
		pool := records(k, k.MaxRecs(1024, 0)*k.MaxRecs(1024, 1)*5/4, rng)
		var in [][]byte
		for _, rec := range pool {
			if rng.IntN(10) > 0 {
				in = append(in, rec)
			}
		}
		seeds = append(seeds, seed{pool, loaded(f, k, 1024, in, pick(i == len(kinds), 36, 0))})
		f.Add(uint8(i), []byte{0, 0, 1, 0, 0, 2, 1, 0, 3, 2, 1, 0, 3, 1, 200, 4, 0, 9, 5, 0, 0}, []byte{})
		f.Add(uint8(i), []byte{0, 0, 1, 0, 0, 2, 1, 0, 3, 2, 1, 0, 3, 1, 200, 4, 0, 9, 5, 0, 0}, []byte{0, 0, 5, 1, 0, 3, 1, 0, 7, 7})
		f.Add(uint8(i), slices.Repeat([]byte{1, 1, 44}, 100), []byte{})
		f.Add(uint8(i), slices.Repeat([]byte{0x40, 1, 44}, 20), []byte{1, 0, 12, 0, 9})
	}
	f.Fuzz(func(t *testing.T, which uint8, ops, damage []byte) {
		s := seeds[int(which)%len(seeds)]
		m := &edited{Editor: s.m.Editor, recs: slices.Clone(s.m.recs), t: t, watch: true}
		m.pages = newPages(t, m.Kind, 1024)
		m.pages.blocks, m.pages.next, m.pages.loaded = s.m.pages.cloneBlocks(), s.m.pages.next, s.m.pages.loaded
		m.pages.copying = which >= 128
		m.Pages, m.Fork = m.pages, slices.Clone(s.m.Fork)
		m.pages.hostile = len(damage) >= 5
		for ; len(damage) >= 5; damage = damage[5:] {
			// From the root down, so that small numbers reach far.
			b := m.pages.blocks[m.pages.number(m.pages.next-1-int(damage[0])%m.pages.next)]
			at := int(binary.BigEndian.Uint16(damage[1:])) % 1023
			b[at] ^= damage[3]
			b[at+1] ^= damage[4]
		}
		ops = ops[:min(len(ops), 3000)]
		for ; len(ops) >= 3; ops = ops[3:] {
			// The upper bits of the first byte repeat the operation with the records that follow.
			at := int(binary.BigEndian.Uint16(ops[1:]))
			for i := range int(ops[0]>>3) + 1 {
				m.fuzzOp(int(ops[0]&7), (at+i)%len(s.pool), s.pool)
			}
		}
		if !m.pages.hostile {
			m.check()
			m.checkReads(s.pool, rand.New(rand.NewPCG(123, uint64(which))), 2)
		}
	})
}

// fuzzOp does operation op with record at of the pool.
func (m *edited) fuzzOp(op, at int, pool [][]byte) {
	rng := rand.New(rand.NewPCG(uint64(op), uint64(at)))
	rec := alter(m.Kind, pool[at], rng)
	if m.pages.hostile {
		before, fork := m.Editor, slices.Clone(m.Fork)
		blocks := maps.Clone(m.pages.blocks)
		m.pages.begin()
		if err := m.hostileOp(pool, rng); err != nil {
			m.pages.cancel()
			m.Editor = before
			copy(m.Fork, fork)
			if len(blocks) != len(m.pages.blocks) {
				m.t.Fatal("a failed operation is not undone")
			}
			return
		}
		m.pages.end()
		return
	}
	switch op {
	case 0, 1:
		m.insert(rec)
	case 2, 3:
		m.delete(rec)
	case 4, 5:
		m.update(pool[(at+op-4)%len(pool)], rec)
	case 6:
		if m.Fork != nil && !m.empty() {
			m.change("resize", func() error { return m.Resize(make([]byte, 20+at%50*16)) })
		}
	case 7:
		m.checkRange(pool, rng)
	}
}
