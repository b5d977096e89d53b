package btree

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// failAt makes the n-th of the calls of a sort fail from now on, and n is counted down.
func failAt(call string, n *int, err error) func(string) error {
	return func(c string) error {
		if call != "" && c != call {
			return nil
		}
		if *n--; *n < 0 {
			return err
		}
		return nil
	}
}

// cloneBlocks copies all blocks.
func (m *memPages) cloneBlocks() map[uint64][]byte {
	out := map[uint64][]byte{}
	for block, b := range m.blocks {
		out[block] = bytes.Clone(b)
	}
	return out
}

// TestEditNoSpace lets each New of an insert fail that splits all the way up. The tree is
// untouched, and the insert works when there is space again.
func TestEditNoSpace(t *testing.T) {
	forEachEditor(t, func(t *testing.T, k *Kind, bs, fork int) {
		if bs > 4096 {
			t.Skip("trees of large blocks are no different, but slow to fill")
		}
		rng := rand.New(rand.NewPCG(71, uint64(bs)))
		full := k.MaxRecs(bs, 0) * max(format.RootMaxRecs(fork), 1)
		if bs == 1024 {
			full *= k.MaxRecs(bs, 1)
		}
		pool := records(k, full+1, rng)
		out := rng.IntN(len(pool))
		rec := pool[out]
		m := loaded(t, k, bs, slices.Delete(slices.Clone(pool), out, out+1), fork)
		m.check()
		blocks, forkWas, root, levels := m.pages.cloneBlocks(), bytes.Clone(m.Fork), m.Root, m.Levels
		fails := 0
		for ; ; fails++ {
			left := fails
			m.pages.fault = failAt("new", &left, errNoSpace)
			m.pages.begin()
			err := m.Insert(rec)
			m.pages.fault = nil
			if err == nil {
				break
			}
			if !errors.Is(err, errNoSpace) {
				t.Fatal(err)
			}
			for block, b := range blocks {
				if !bytes.Equal(m.pages.blocks[block], b) {
					t.Errorf("block %d changed although there was no space", block)
				}
			}
			if m.Root != root || m.Levels != levels || !bytes.Equal(m.Fork, forkWas) {
				t.Error("the root changed although there was no space")
			}
			if got := len(m.pages.blocks) - len(blocks); got != fails {
				t.Errorf("%d blocks taken before number %d", got, fails)
			}
			m.pages.cancel()
			m.pages.taken = 0
			m.check()
		}
		if want := pick(fork > 0, m.top, m.top+1); fails != want {
			t.Errorf("%d blocks were taken, want %d", fails, want)
		}
		m.pages.end()
		m.recs = pool
		m.check()
	})
}

// TestEditFaults lets every call of an operation fail in turn. The error is the one injected,
// and after the transaction is undone the tree is as before.
func TestEditFaults(t *testing.T) {
	for _, k := range kinds {
		for _, fork := range []int{0, 36} {
			if fork > 0 && !k.Long {
				continue
			}
			t.Run(fmt.Sprintf("%s/fork%d", k.Name, fork), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(72, uint64(fork)))
				n := k.MaxRecs(1024, 0)*(k.MaxRecs(1024, 1)*5/4) + 60 // all leaves full, and 60 more
				pool := records(k, n, rng)
				var in, out [][]byte
				for i, rec := range pool {
					if i%(n/60) == 7 && len(out) < 60 {
						out = append(out, rec)
					} else {
						in = append(in, rec)
					}
				}
				m := loaded(t, k, 1024, in, fork)
				m.pages.copying = true
				failed := map[string]int{}
				for i := range 60 {
					rec := out[30+rng.IntN(30)]
					gone := m.recs[pick(i%2 == 0, rng.IntN(len(m.recs)), len(m.recs)/3)]
					switch i % 5 {
					case 0:
						m.survivesFaults("flatten", failed, func() error {
							_, err := m.Flatten(nil)
							return err
						})
					case 1:
						m.survivesFaults("read", failed, func() error {
							key := nodeKey(k, low(k, gone))
							if _, err := m.SeekLE(key); err != nil {
								return err
							}
							for rec, err := m.First(); rec != nil; rec, err = m.Next() {
								if err != nil {
									return err
								}
							}
							for _, err := range m.Range(nodeKey(k, point{}), key) {
								if err != nil {
									return err
								}
							}
							return nil
						})
					case 2:
						m.survivesFaults("insert", failed, func() error { return m.Insert(rec) })
					case 3:
						m.survivesFaults("delete", failed, func() error { return m.Delete(gone) })
					case 4:
						m.survivesFaults("update", failed, func() error { return m.Update(gone, rec) })
					}
					// First blocks fill up and are split, then they get empty and are joined.
					switch {
					case i < 30:
						m.insert(out[i])
					case i == 30:
						for i, rec := range in {
							if i%2 == 0 {
								m.delete(rec)
							}
						}
					default:
						for range 3 {
							gone := m.recs[len(m.recs)/3]
							m.survivesFaults("delete", failed, func() error { return m.Delete(gone) })
							m.delete(gone)
						}
					}
				}
				for _, call := range []string{"insert new", "insert read", "insert change", "delete free", "delete read", "delete change", "flatten free", "update change", "read read"} {
					if failed[call] == 0 {
						t.Errorf("no %s ever failed", call)
					}
				}
			})
		}
	}
}

// survivesFaults runs op again and again, with one more of its calls let through each time. When
// it works it is undone as well.
func (m *edited) survivesFaults(name string, failed map[string]int, op func() error) {
	m.t.Helper()
	blocks, forkWas, before := m.pages.cloneBlocks(), bytes.Clone(m.Fork), *m
	taken, given := m.pages.taken, m.pages.given
	for n := 0; ; n++ {
		if name == "read" || name == "flatten" {
			n += m.pages.loaded / 8 // it takes long otherwise
		}
		left, last := n, ""
		m.pages.fault = func(call string) error {
			last = call
			return failAt("", &left, errFault)(call)
		}
		m.pages.begin()
		err := op()
		m.pages.fault = nil
		if err != nil && !errors.Is(err, errFault) {
			m.t.Fatalf("%s with fault %d: %v", name, n, err)
		}
		if err != nil {
			failed[name+" "+last]++
		}
		m.pages.cancel()
		if !maps.EqualFunc(blocks, m.pages.blocks, bytes.Equal) {
			m.t.Fatalf("%s: cancelling does not bring all back", name)
		}
		*m = before
		copy(m.Fork, forkWas)
		m.pages.taken, m.pages.given = taken, given
		if err == nil {
			break
		}
	}
	m.check()
}

// TestEditDamage damages trees as TestDamage does, and has them changed. Each sort of damage
// is found, or else does no harm.
func TestEditDamage(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(73, 74))
			n := k.MaxRecs(1024, 0) * k.MaxRecs(1024, 1) * 5 / 4
			pool := records(k, n, rng)
			found := 0
			for range 120 {
				m := loaded(t, k, 1024, pool, pick(k.Long, 36, 0))
				m.pages.hostile = true
				for range rng.IntN(3) + 1 {
					b := m.pages.blocks[m.pages.number(rng.IntN(m.pages.loaded))]
					b[pick(rng.IntN(2) == 0, rng.IntN(k.HeaderSize()), rng.IntN(len(b)))] ^= 1 << rng.IntN(8)
				}
				for range 20 {
					if err := m.hostileOp(pool, rng); err != nil {
						found++
						break
					}
				}
			}
			if found < 10 {
				t.Errorf("damage was found in only %d of 120 trees", found)
			}
		})
	}
}

// hostileOp does something to a tree that may be damaged. The error returned is the one that
// says so.
func (m *edited) hostileOp(pool [][]byte, rng *rand.Rand) error {
	m.t.Helper()
	k := m.Kind
	rec, other := pool[rng.IntN(len(pool))], pool[rng.IntN(len(pool))]
	var err error
	count := 0
	end := func() {
		if count++; count > 1000*len(pool) {
			m.t.Fatal("no end of records")
		}
	}
	switch rng.IntN(8) {
	case 0, 1:
		err = m.Insert(alter(k, rec, rng))
	case 2, 3:
		err = m.Delete(rec)
	case 4:
		err = m.Update(rec, alter(k, other, rng))
	case 5:
		var r []byte
		for r, err = m.SeekGE(nodeKey(k, low(k, rec))); r != nil && err == nil; r, err = m.Next() {
			end()
		}
	case 6:
		var r []byte
		for r, err = m.Last(); r != nil && err == nil; r, err = m.Prev() {
			end()
		}
	case 7:
		for _, e := range m.Range(nodeKey(k, low(k, rec)), nodeKey(k, low(k, other))) {
			end()
			err = e
		}
	}
	switch {
	case err == nil, errors.Is(err, ErrExists), errors.Is(err, ErrNotFound):
		return nil
	case !errors.Is(err, format.ErrCorrupt):
		m.t.Fatalf("%s: %v", k.Name, err)
	}
	return err
}
