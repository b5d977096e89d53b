package btree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// No operation allocates, once the editor is there.
func TestEditAllocations(t *testing.T) {
	for _, k := range kinds {
		rng := rand.New(rand.NewPCG(81, 82))
		pool := records(k, 10000, rng)
		m := loaded(t, k, 4096, pool, pick(k.Long, 336, 0))
		e := &m.Editor
		key, to := make([]byte, k.KeySize), make([]byte, k.KeySize)
		i := 0
		next := func() []byte {
			i = (i + 7919) % len(pool)
			k.KeyOf(pool[i], key)
			k.KeyOf(pool[min(i+10, len(pool)-1)], to)
			return pool[i]
		}
		must := func(_ []byte, err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for name, op := range map[string]func(){
			"delete and insert": func() { // without splits, as the pages would allocate blocks
				rec := next()
				must(nil, e.Delete(rec))
				must(nil, e.Insert(rec))
			},
			"update": func() { rec := next(); must(nil, e.Update(rec, rec)) },
			"seek": func() {
				next()
				must(e.Get(key))
				must(e.SeekLE(key))
				must(e.Prev())
				must(e.SeekGE(key))
				must(e.Next())
				must(e.Last())
			},
			"range": func() {
				next()
				for rec, err := range e.Range(key, to) {
					must(rec, err)
				}
			},
		} {
			if n := testing.AllocsPerRun(200, op); n > pick(name == "range", 8.0, 0) {
				t.Errorf("%s: %s allocates %v times", k.Name, name, n)
			}
		}
	}
}

// orders are the ways in which records come and go.
var orders = []string{"ascending", "descending", "random"}

func inOrder(order string, recs [][]byte) [][]byte {
	recs = slices.Clone(recs)
	switch order {
	case "descending":
		slices.Reverse(recs)
	case "random":
		rng := rand.New(rand.NewPCG(83, 84))
		rng.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
	}
	return recs
}

const benchRecs = 100000

// BenchmarkInsert fills trees. Beside the time it tells how much of the log an insert takes,
// were each a checkpoint of its own, and how full the blocks are.
func BenchmarkInsert(b *testing.B) {
	for _, k := range kinds {
		recs := records(k, benchRecs, rand.New(rand.NewPCG(85, 86)))
		for _, order := range orders {
			in := inOrder(order, recs)
			b.Run(fmt.Sprintf("%s/%s", k.Name, order), func(b *testing.B) {
				b.ReportAllocs()
				m := newEdited(b, k, 4096, 0)
				chunks, blocks := 0, 0
				for i := range b.N {
					if i%benchRecs == 0 && i > 0 {
						b.StopTimer()
						chunks, blocks = chunks+m.pages.chunks, blocks+len(m.pages.blocks)
						m = newEdited(b, k, 4096, 0)
						b.StartTimer()
					}
					if err := m.Insert(in[i%benchRecs]); err != nil {
						b.Fatal(err)
					}
				}
				chunks, blocks = chunks+m.pages.chunks, blocks+len(m.pages.blocks)
				b.ReportMetric(float64(chunks*128)/float64(b.N), "logbytes/op")
				b.ReportMetric(float64(b.N)*100/float64(blocks*k.MaxRecs(4096, 0)), "%full")
			})
		}
	}
}

// BenchmarkDelete empties full trees.
func BenchmarkDelete(b *testing.B) {
	for _, k := range kinds {
		recs := records(k, benchRecs, rand.New(rand.NewPCG(87, 88)))
		for _, order := range orders {
			out := inOrder(order, recs)
			b.Run(fmt.Sprintf("%s/%s", k.Name, order), func(b *testing.B) {
				b.ReportAllocs()
				var m *edited
				chunks := 0
				for i := range b.N {
					if i%benchRecs == 0 {
						b.StopTimer()
						if m != nil {
							chunks += m.pages.chunks
						}
						m = loaded(b, k, 4096, recs, 0)
						b.StartTimer()
					}
					if err := m.Delete(out[i%benchRecs]); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((chunks+m.pages.chunks)*128)/float64(b.N), "logbytes/op")
			})
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, k := range kinds {
		recs := records(k, benchRecs, rand.New(rand.NewPCG(89, 90)))
		b.Run(k.Name, func(b *testing.B) {
			b.ReportAllocs()
			m := loaded(b, k, 4096, recs, 0)
			in := inOrder("random", recs)
			key := make([]byte, k.KeySize)
			for i := range b.N {
				k.KeyOf(in[i%benchRecs], key)
				if rec, err := m.Get(key); rec == nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkYardstick does the same with a map, and with a sorted slice of a tenth of the
// records, for orientation.
func BenchmarkYardstick(b *testing.B) {
	k := Bnobt
	in := inOrder("random", records(k, benchRecs, rand.New(rand.NewPCG(91, 92))))
	b.Run("map", func(b *testing.B) {
		m := map[[8]byte]bool{}
		for i := range b.N {
			if i%benchRecs == 0 {
				clear(m)
			}
			m[[8]byte(in[i%benchRecs])] = true
		}
	})
	b.Run("slice", func(b *testing.B) {
		var s [][8]byte
		for i := range b.N {
			if i%(benchRecs/10) == 0 {
				s = s[:0]
			}
			rec := [8]byte(in[i%(benchRecs/10)])
			at := sort.Search(len(s), func(i int) bool { return bytes.Compare(s[i][:], rec[:]) >= 0 })
			s = slices.Insert(s, at, rec)
		}
	})
}
