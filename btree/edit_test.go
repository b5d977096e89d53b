package btree

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// forEachEditor runs a test for all kinds, block sizes and, for roots in a fork, sizes of forks.
func forEachEditor(t *testing.T, test func(t *testing.T, k *Kind, blockSize, forkSize int)) {
	forEachKind(t, func(t *testing.T, k *Kind, bs int) { test(t, k, bs, 0) })
	for _, bs := range blockSizes {
		for _, fork := range []int{20, 36, 56, 100, 336, 1872} {
			if fork > bs/2 {
				continue // no inode has that much room then
			}
			t.Run(fmt.Sprintf("bmbt/%d/fork%d", bs, fork), func(t *testing.T) {
				t.Parallel()
				test(t, Bmbt, bs, fork)
			})
		}
	}
}

// alter changes what a record holds besides its key, as far as its kind has anything. Records
// that did not overlap do not after it.
func alter(k *Kind, rec []byte, rng *rand.Rand) []byte {
	rec = slices.Clone(rec)
	switch k {
	case Bnobt:
		binary.BigEndian.PutUint32(rec[4:], rng.Uint32N(binary.BigEndian.Uint32(rec[4:]))+1)
	case Inobt, Finobt, Refcountbt:
		binary.BigEndian.PutUint32(rec[8:], rng.Uint32())
	case Rmapbt:
		binary.BigEndian.PutUint32(rec[4:], rng.Uint32N(1000)+1)
		rec[16] ^= 0x20 // written or not
	case Bmbt:
		m := format.UnpackMapping(rec)
		m.Start, m.Count, m.Unwritten = format.FSBlock(rng.Uint64N(1<<52)), rng.Uint32N(m.Count)+1, !m.Unwritten
		m.Pack(rec)
	}
	return rec
}

// TestEditRandom grows, shakes and shrinks a tree, against a sorted slice.
func TestEditRandom(t *testing.T) {
	forEachEditor(t, func(t *testing.T, k *Kind, bs, fork int) {
		ops := map[int]int{1024: oracle.Soak(6000, 15000), 4096: oracle.Soak(6000, 8000), 65536: oracle.Soak(2000, 3000)}[bs]
		rng := rand.New(rand.NewPCG(uint64(bs), uint64(fork)))
		pool := records(k, max(ops/4, 3*k.MaxRecs(bs, 0)), rng)
		m := newEdited(t, k, bs, fork)
		if bs == 65536 { // it would take long to fill
			m = loaded(t, k, bs, pool[len(pool)/4:], fork)
		}
		m.watch, m.pages.copying = true, bs == 1024
		random := func() int { return rng.IntN(len(pool)) }
		// present is a pool index of a record that is in the tree, most often.
		present := func() int {
			if len(m.recs) == 0 {
				return random()
			}
			p := low(k, m.recs[rng.IntN(len(m.recs))])
			i, _ := slices.BinarySearchFunc(pool, p, func(rec []byte, p point) int { return low(k, rec).compare(p) })
			return i
		}
		tallest := 0
		for i := range ops {
			if i%100 == 0 {
				m.Follow(i/100%3 > 0)
			}
			// Of ten operations so many insert and so many delete: up, to and fro, and down,
			// twice.
			odds := [][2]int{{9, 0}, {4, 4}, {1, 8}}[i*6/ops%3]
			switch r := rng.IntN(10); {
			case r < odds[0]:
				m.insert(alter(k, pool[random()], rng))
			case r < odds[0]+odds[1]:
				m.delete(pool[present()])
			case rng.IntN(2) == 0:
				at := present()
				m.update(pool[at], alter(k, pool[at], rng))
			default: // to another place, near or far
				from := present()
				to := pick(rng.IntN(3) == 0, random(), min(max(from+rng.IntN(7)-3, 0), len(pool)-1))
				m.update(pool[from], alter(k, pool[to], rng))
			}
			tallest = max(tallest, m.Levels)
			if i%(ops/30) == 0 {
				m.check()
				m.checkReads(pool, rng, 8)
			}
			if i == ops/2 || i == ops-1 {
				for len(m.recs) > 0 {
					m.delete(m.recs[rng.IntN(len(m.recs))])
					if rng.IntN(500) == 0 {
						m.check()
					}
				}
				m.check()
			}
		}
		if fork == 0 && tallest < 2 {
			t.Error("never more than one level")
		}
		if m.pages.given == 0 {
			t.Error("no block was ever given back")
		}
	})
}

// TestEditSequential fills trees in order and empties them again, from both ends.
func TestEditSequential(t *testing.T) {
	forEachEditor(t, func(t *testing.T, k *Kind, bs, fork int) {
		n := oracle.Soak(6000, 10000)
		rng := rand.New(rand.NewPCG(61, uint64(bs+fork)))
		recs := records(k, n, rng)
		ways := []int{0, 1, 2, 3}
		rng.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
		if bs == 1024 {
			ways = ways[:oracle.Soak(2, 4)]
		} else {
			ways = ways[:1]
		}
		for _, way := range ways {
			fromLeft, lastFirst := way%2 == 0, way/2 == 0
			m := newEdited(t, k, bs, fork)
			m.Follow(rng.IntN(3) > 0)
			if m.Fork != nil {
				m.change("build", func() error { return m.Build(nil, 9) })
			}
			left, right := 0, 0 // the part of recs that is in the tree
			if !fromLeft {
				left, right = n, n
			}
			for i := range n {
				var rec []byte
				if fromLeft {
					right++
					rec = recs[right-1]
				} else {
					left--
					rec = recs[left]
				}
				m.change("insert", func() error { return m.Insert(rec) })
				if m.recs = recs[left:right]; i%(n/10) == 0 {
					m.check()
				}
			}
			m.check()
			m.checkReads(recs, rng, 10)
			// Only the blocks at the edge that was written to last may be less than full.
			shape := Shape(k, bs, n, format.RootMaxRecs(fork))
			if got, most := len(m.pages.blocks), Blocks(shape)+2*len(shape); got > most {
				t.Errorf("from the left %v: %d blocks, want %d at most", fromLeft, got, most)
			}
			for i := range n {
				var rec []byte
				if fromLeft == lastFirst {
					right--
					rec = recs[right]
				} else {
					left++
					rec = recs[left-1]
				}
				m.change("delete", func() error { return m.Delete(rec) })
				if m.recs = recs[left:right]; i%(n/10) == 0 && left < right {
					m.check()
				}
			}
			if m.Fork != nil {
				m.flatten()
			} else if m.Levels != 1 || len(m.pages.blocks) != 1 {
				t.Errorf("an empty tree has %d levels and %d blocks", m.Levels, len(m.pages.blocks))
			}
			m.check()
		}
	})
}

// TestEditLoaded changes trees that are as full as can be, where every insert splits to the
// root.
func TestEditLoaded(t *testing.T) {
	forEachEditor(t, func(t *testing.T, k *Kind, bs, fork int) {
		rng := rand.New(rand.NewPCG(62, uint64(bs)))
		rootMax := format.RootMaxRecs(fork)
		leaf, node := k.MaxRecs(bs, 0), k.MaxRecs(bs, 1)
		full, most := leaf, 12000
		for full*node*max(rootMax, 1) <= most {
			full *= node
		}
		full = min(full*max(rootMax, 1), most)
		pool := records(k, full+200, rng)
		for range map[int]int{1024: 3, 4096: 2, 65536: 1}[bs] {
			out := map[int]bool{}
			for len(out) < 200 {
				out[rng.IntN(len(pool))] = true
			}
			var in, later [][]byte
			for i, rec := range pool {
				if out[i] {
					later = append(later, rec)
				} else {
					in = append(in, rec)
				}
			}
			m := loaded(t, k, bs, in, fork)
			m.watch, m.pages.copying = true, true
			m.Follow(rng.IntN(3) > 0)
			m.check()
			rng.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] })
			before := m.pages.taken
			m.insert(later[0])
			m.check()
			if m.pages.taken == before && full < most {
				t.Error("nothing was split")
			}
			for _, rec := range later[1:] {
				m.insert(rec)
			}
			m.check()
			for range min(2000, len(m.recs)*3/4) {
				m.delete(m.recs[rng.IntN(len(m.recs))])
			}
			m.check()
			m.checkReads(pool, rng, 10)
		}
	})
}
