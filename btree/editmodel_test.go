package btree

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// edited is a tree under change, and the sorted records that must be in it.
type edited struct {
	Editor
	pages *memPages
	recs  [][]byte
	t     testing.TB
	ops   int
	watch bool // see to it that changes are announced; takes long
}

// newEdited makes an empty tree. A root in a fork appears with the first record.
func newEdited(t testing.TB, k *Kind, blockSize, forkSize int) *edited {
	m := &edited{pages: newPages(t, k, blockSize), t: t}
	m.Editor = Editor{Kind: k, Geo: m.pages.g, AG: 2, Owner: 131, Pages: m.pages}
	if forkSize > 0 {
		m.Fork = make([]byte, forkSize)
		return m
	}
	if err := m.Build(nil, 7); err != nil {
		t.Fatal(err)
	}
	return m
}

// loaded makes a tree in bulk, its blocks as full as can be.
func loaded(t testing.TB, k *Kind, blockSize int, recs [][]byte, forkSize int) *edited {
	t.Helper()
	m := &edited{pages: newPages(t, k, blockSize), t: t, recs: slices.Clone(recs)}
	m.Editor = Editor{Kind: k, Geo: m.pages.g, AG: 2, Owner: 131, Pages: m.pages}
	l := &Load{Kind: k, Geo: m.Geo, AG: m.AG, Owner: m.Owner, Block: m.pages.number, Write: func(i int, b []byte) error {
		m.pages.blocks[m.pages.number(i)] = bytes.Clone(b)
		m.pages.next, m.pages.loaded = i+1, i+1
		return nil
	}}
	var err error
	rec := func(i int, b []byte) { copy(b, recs[i]) }
	if forkSize > 0 {
		m.Fork = make([]byte, forkSize)
		_, err = l.RunInode(len(recs), rec, m.Fork)
	} else {
		m.Root, m.Levels, err = l.Run(len(recs), rec)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// reader is the tree for the other half of the package.
func (m *edited) reader() *Tree {
	return &Tree{Kind: m.Kind, Geo: m.Geo, Dev: m.pages, AG: m.AG, Owner: m.Owner, Root: m.Root, Levels: m.Levels, Fork: m.Fork}
}

// empty reports whether there is no root in the fork.
func (m *edited) empty() bool {
	return m.Fork != nil && format.RootLevel.Get(m.Fork) == 0
}

// index is the first record that is not below p.
func (m *edited) index(p point) (i int, found bool) {
	i = sort.Search(len(m.recs), func(i int) bool { return low(m.Kind, m.recs[i]).compare(p) >= 0 })
	return i, i < len(m.recs) && low(m.Kind, m.recs[i]) == p
}

// change runs an operation that must succeed, and checks what it announced.
func (m *edited) change(name string, op func() error) {
	m.t.Helper()
	m.ops++
	watch := m.watch && m.ops%(m.Geo.BlockSize/1024) == 0
	if watch {
		m.pages.begin()
	}
	if err := op(); err != nil {
		m.t.Fatalf("%s, %d records: %s: %v", m.Kind.Name, len(m.recs), name, err)
	}
	if watch {
		m.pages.end()
	}
}

func (m *edited) insert(rec []byte) {
	m.t.Helper()
	i, found := m.index(low(m.Kind, rec))
	if found {
		if err := m.Insert(rec); !errors.Is(err, ErrExists) {
			m.t.Fatalf("insert of a record that is there: %v", err)
		}
		return
	}
	m.change("insert", func() error {
		if m.empty() {
			return m.Build(rec, 9)
		}
		return m.Insert(rec)
	})
	m.recs = slices.Insert(m.recs, i, rec)
}

func (m *edited) delete(rec []byte) {
	m.t.Helper()
	i, found := m.index(low(m.Kind, rec))
	if m.empty() {
		return
	}
	if !found {
		if err := m.Delete(rec); !errors.Is(err, ErrNotFound) {
			m.t.Fatalf("delete of a record that is not there: %v", err)
		}
		return
	}
	m.change("delete", func() error { return m.Delete(rec) })
	m.recs = slices.Delete(m.recs, i, i+1)
	if m.Fork != nil && len(m.recs) <= len(m.Fork)/m.Kind.RecSize/2 {
		m.flatten()
		if n := len(m.recs); n > 0 {
			m.change("build", func() error { return m.Build(slices.Concat(m.recs...), 9) })
		}
	}
}

func (m *edited) update(was, rec []byte) {
	m.t.Helper()
	if m.empty() {
		return
	}
	i, found := m.index(low(m.Kind, was))
	j, exists := m.index(low(m.Kind, rec))
	switch {
	case !found:
		if err := m.Update(was, rec); !errors.Is(err, ErrNotFound) {
			m.t.Fatalf("update of a record that is not there: %v", err)
		}
	case exists && i != j:
		if err := m.Update(was, rec); !errors.Is(err, ErrExists) {
			m.t.Fatalf("update to a record that is there: %v", err)
		}
	default:
		m.change("update", func() error { return m.Update(was, rec) })
		m.recs = slices.Delete(m.recs, i, i+1)
		j, _ = m.index(low(m.Kind, rec))
		m.recs = slices.Insert(m.recs, j, rec)
	}
}

func (m *edited) flatten() {
	m.t.Helper()
	var flat []byte
	m.change("flatten", func() (err error) {
		flat, err = m.Flatten(nil)
		return err
	})
	if !bytes.Equal(flat, slices.Concat(m.recs...)) {
		m.t.Fatalf("%s: %d records are flattened to %d bytes", m.Kind.Name, len(m.recs), len(flat))
	}
	if len(m.pages.blocks) != 0 {
		m.t.Fatalf("%d blocks are left of a tree that was flattened", len(m.pages.blocks))
	}
	clear(m.Fork)
}

// check walks the tree by the package's reading half, and compares it with the model.
func (m *edited) check() {
	m.t.Helper()
	k := m.Kind
	if p := m.pages; p.loaded+p.taken-p.given != len(p.blocks) {
		m.t.Fatalf("%d blocks loaded, %d taken, %d given back, %d there", p.loaded, p.taken, p.given, len(p.blocks))
	}
	if m.empty() {
		if len(m.pages.blocks) != 0 || len(m.recs) != 0 {
			m.t.Fatalf("%d blocks, %d records and no root", len(m.pages.blocks), len(m.recs))
		}
		return
	}
	rootLevel, rootLen := 0, 0
	if m.Fork != nil {
		root := k.RootOf(m.Fork)
		rootLevel, rootLen = root.Level, root.Len()
	}
	seen := map[uint64]bool{}
	err := m.reader().Walk(func(level int, block uint64, b []byte) error {
		n := k.NodeOf(b)
		least := n.Kind.MinRecs(len(b), level)
		switch {
		case m.Fork == nil && level == m.Levels-1:
			if least = 0; level > 0 {
				least = 2
			}
		case m.Fork != nil && level == rootLevel-1 && rootLen == 1:
			if least = 1; level > 0 {
				least = format.RootMaxRecs(len(m.Fork)) + 1 // else it would be pulled up
			}
		}
		if n.Len() < least {
			return fmt.Errorf("block %d on level %d has %d entries, want %d at least", block, level, n.Len(), least)
		}
		seen[block] = true
		return nil
	})
	if err != nil {
		m.t.Fatalf("%s: %v", k.Name, err)
	}
	if !maps.Equal(seen, blockSet(m.pages.blocks)) {
		m.t.Fatalf("%s: %d blocks in the tree, %d held by it", k.Name, len(seen), len(m.pages.blocks))
	}
	i := 0
	for rec, err := range m.reader().All() {
		if err != nil {
			m.t.Fatalf("%s: %v", k.Name, err)
		}
		if i == len(m.recs) || !bytes.Equal(rec, m.recs[i]) {
			m.t.Fatalf("%s: record %d of %d is %x", k.Name, i, len(m.recs), rec)
		}
		i++
	}
	if i != len(m.recs) {
		m.t.Fatalf("%s: %d records, want %d", k.Name, i, len(m.recs))
	}
}

func blockSet(blocks map[uint64][]byte) map[uint64]bool {
	set := map[uint64]bool{}
	for b := range blocks {
		set[b] = true
	}
	return set
}

// checkReads compares the queries with the model at some random points.
func (m *edited) checkReads(pool [][]byte, rng *rand.Rand, n int) {
	m.t.Helper()
	if m.empty() {
		return
	}
	k := m.Kind
	is := func(what string, rec []byte, err error, i int) {
		m.t.Helper()
		switch {
		case err != nil:
			m.t.Fatalf("%s: %s: %v", k.Name, what, err)
		case i < 0 || i >= len(m.recs):
			if rec != nil {
				m.t.Fatalf("%s: %s gives %x, want none", k.Name, what, rec)
			}
		case !bytes.Equal(rec, m.recs[i]):
			m.t.Fatalf("%s: %s gives %x, want record %d of %d, %x", k.Name, what, rec, i, len(m.recs), m.recs[i])
		}
	}
	rec, err := m.First()
	is("first", rec, err, 0)
	rec, err = m.Last()
	is("last", rec, err, len(m.recs)-1)
	for range n {
		p := low(k, pool[rng.IntN(len(pool))])
		if part := lastPart(k); rng.IntN(3) == 0 {
			p[rng.IntN(part+1)]++ // most often between two records
		}
		key := nodeKey(k, p)
		i, found := m.index(p)
		rec, err = m.Get(key)
		is("get", rec, err, pick(found, i, -1))

		rec, err = m.SeekGE(key)
		at := i
		is("seek up", rec, err, at)
		for range rng.IntN(100) {
			if rec, err = m.Next(); at < len(m.recs) {
				at++
			}
			is("next", rec, err, at)
		}
		for range rng.IntN(100) {
			if rec, err = m.Prev(); at >= 0 {
				at--
			}
			is("prev", rec, err, at)
		}

		at = pick(found, i, i-1)
		rec, err = m.SeekLE(key)
		is("seek down", rec, err, at)
		for range rng.IntN(5) {
			if rec, err = m.Prev(); at >= 0 {
				at--
			}
			is("prev", rec, err, at)
		}
		for range rng.IntN(5) {
			if rec, err = m.Next(); at < len(m.recs) {
				at++
			}
			is("next", rec, err, at)
		}
	}
	for range max(n/4, 1) {
		m.checkRange(pool, rng)
	}
}

// checkRange compares one Range with brute force.
func (m *edited) checkRange(pool [][]byte, rng *rand.Rand) {
	m.t.Helper()
	k := m.Kind
	lo, hi := low(k, pool[rng.IntN(len(pool))]), low(k, pool[rng.IntN(len(pool))])
	switch rng.IntN(4) {
	case 0:
		hi = lo
	case 1: // blocks of any owner
		lo, hi = point{lo[0]}, point{lo[0] + 3, 1<<64 - 1, 1<<61 - 1}
	}
	var want [][]byte
	for _, rec := range m.recs {
		if low(k, rec).compare(hi) <= 0 && high(k, rec).compare(lo) >= 0 {
			want = append(want, rec)
		}
	}
	if k == Cntbt {
		want = nil // there a record is but its own point
		for _, rec := range m.recs {
			if p := low(k, rec); p.compare(lo) >= 0 && p.compare(hi) <= 0 {
				want = append(want, rec)
			}
		}
	}
	var got [][]byte
	for rec, err := range m.Range(nodeKey(k, lo), nodeKey(k, hi)) {
		if err != nil {
			m.t.Fatalf("%s: range: %v", k.Name, err)
		}
		got = append(got, rec)
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		m.t.Fatalf("%s: range from %v to %v gives %d of %d records", k.Name, lo, hi, len(got), len(want))
	}
}
