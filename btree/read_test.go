package btree

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
)

// TestSeek seeks every key of a tree of several levels, and its neighbours in the order.
func TestSeek(t *testing.T) {
	forEachKind(t, func(t *testing.T, k *Kind, bs int) {
		rng := rand.New(rand.NewPCG(21, uint64(bs)))
		n := 2500
		if testing.Short() {
			n = 500
		}
		for _, fork := range []int{0, 36} {
			if fork > 0 && !k.Long {
				continue
			}
			m := build(t, k, bs, records(k, n, rng), fork)
			for i, p := range m.around() {
				if i%(bs/1024) != 0 {
					continue // larger blocks are fewer, and take longer to check
				}
				first := m.index(p)
				m.expect(t, m.Seek(nodeKey(k, p)), first, fmt.Sprintf("seek %v", p))
				last := first
				if first == len(m.recs) || low(k, m.recs[first]) != p {
					last = max(first-1, 0)
				}
				m.expect(t, m.SeekLE(nodeKey(k, p)), last, fmt.Sprintf("seek the last up to %v", p))
			}
			m.expect(t, m.Seek(nodeKey(k, point{})), 0, "seek the beginning")
			m.expect(t, m.SeekLE(nodeKey(k, point{})), 0, "seek the last up to the beginning")
			end := point{1<<32 - 1, 1<<64 - 1, 1<<61 - 1}
			m.expect(t, m.Seek(nodeKey(k, end)), n, "seek the end")
			m.expect(t, m.SeekLE(nodeKey(k, end)), n-1, "seek the last")
		}
	})
}

// expect checks that the cursor gives the records from i on, some of them or to the end.
func (m *model) expect(t *testing.T, c *Cursor, i int, what string) {
	t.Helper()
	for range 3 {
		rec, ok, err := c.Next()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if ok != (i < len(m.recs)) || ok && !bytes.Equal(rec, m.recs[i]) {
			t.Fatalf("%s: record %d is %x, %v", what, i, rec, ok)
		}
		i++
	}
}

// A cursor goes to the end from anywhere, and stays there.
func TestCursorToTheEnd(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for _, k := range kinds {
		m := build(t, k, 1024, records(k, 3000, rng), 0)
		for _, i := range []int{0, 1, 100, 1500, 2999, 3000} {
			p := point{1<<32 - 1, 1<<64 - 1, 1<<61 - 1}
			if i < 3000 {
				p = low(k, m.recs[i])
			}
			c := m.Seek(nodeKey(k, p))
			for ; ; i++ {
				rec, ok, err := c.Next()
				if err != nil {
					t.Fatalf("%s: %v", k.Name, err)
				}
				if !ok {
					break
				}
				if !bytes.Equal(rec, m.recs[i]) {
					t.Fatalf("%s: record %d is %x", k.Name, i, rec)
				}
			}
			if _, ok, err := c.Next(); i != 3000 || ok || err != nil {
				t.Errorf("%s: the end comes at %d; then %v, %v", k.Name, i, ok, err)
			}
		}
	}
}

func TestEmptyTree(t *testing.T) {
	for _, k := range kinds {
		m := build(t, k, 1024, nil, 0)
		key := make([]byte, k.KeySize)
		for _, c := range []*Cursor{m.Seek(key), m.SeekLE(key)} {
			if rec, ok, err := c.Next(); ok || err != nil {
				t.Errorf("%s: an empty tree has %x, %v", k.Name, rec, err)
			}
		}
		for rec, err := range m.Range(key, bytes.Repeat([]byte{255}, k.KeySize)) {
			t.Errorf("%s: the range of an empty tree has %x, %v", k.Name, rec, err)
		}
	}
}

// Range against looking at all records.
func TestRange(t *testing.T) {
	forEachKind(t, func(t *testing.T, k *Kind, bs int) {
		rng := rand.New(rand.NewPCG(25, uint64(bs)))
		m := build(t, k, bs, records(k, 3000, rng), 0)
		places := m.around()
		queries := 300
		if bs == 65536 {
			queries = 60
		}
		for q := range queries {
			from, to := places[rng.IntN(len(places))], places[rng.IntN(len(places))]
			switch q % 3 {
			case 0:
				to = from // a single point
			case 1: // all of one block, whoever owns it
				from[1], from[2], to = 0, 0, point{from[0], 1<<64 - 1, 1<<61 - 1}
			}
			var want [][]byte
			for _, rec := range m.recs {
				if low(k, rec).compare(to) <= 0 && high(k, rec).compare(from) >= 0 {
					want = append(want, rec)
				}
			}
			got := collect(t, m.Range(nodeKey(k, from), nodeKey(k, to)))
			if len(got) != len(want) {
				t.Fatalf("%v to %v: %d records, want %d", from, to, len(got), len(want))
			}
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("%v to %v: record %d is %x, want %x", from, to, i, got[i], want[i])
				}
			}
		}
	})
}

// A loop over records can stop at any of them.
func TestStopping(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	for _, k := range kinds {
		m := build(t, k, 1024, records(k, 1000, rng), 0)
		first, last := make([]byte, k.KeySize), bytes.Repeat([]byte{255}, k.KeySize)
		for _, seq := range []iter.Seq2[[]byte, error]{m.All(), m.Range(first, last)} {
			for stop := range 200 {
				n := 0
				for range seq {
					if n++; n > stop {
						break
					}
				}
				if n != stop+1 {
					t.Fatalf("%s: stopped after %d, want %d", k.Name, n, stop+1)
				}
			}
		}
	}
}

func collect(t *testing.T, seq iter.Seq2[[]byte, error]) [][]byte {
	t.Helper()
	var out [][]byte
	for rec, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(rec))
	}
	return out
}

func BenchmarkAll(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.Name, func(b *testing.B) {
			const n = 100000
			m := build(b, k, 4096, records(k, n, rand.New(rand.NewPCG(29, 30))), 0)
			b.ReportAllocs()
			b.SetBytes(int64(n * k.RecSize))
			b.ResetTimer()
			for range b.N {
				for _, err := range m.All() {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkSeek(b *testing.B) {
	const n = 100000
	m := build(b, Bmbt, 4096, records(Bmbt, n, rand.New(rand.NewPCG(31, 32))), 336)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, _, err := m.SeekLE(nodeKey(Bmbt, low(Bmbt, m.recs[i*7919%n]))).Next(); err != nil {
			b.Fatal(err)
		}
	}
}
