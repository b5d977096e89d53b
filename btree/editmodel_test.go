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

var (
	errNoSpace = errors.New("no space")
	errFault   = errors.New("injected fault")
)

// memPages are the blocks of one tree in memory. Between begin and end it sees to it that only
// announced bytes change; cancel brings back what was at begin.
type memPages struct {
	t      testing.TB
	k      *Kind
	g      *format.Geometry
	blocks map[uint64][]byte
	free   []uint64 // given back; taken again first
	next   int      // blocks never taken before start here
	// copying gives a new copy of a block with each Change, so that nobody can rely on an older
	// slice to show or take the changes.
	copying bool
	hostile bool // blocks that are not there are the tree's fault, not the editor's

	fault  func(call string) error // asked before each call
	loaded int                     // blocks, in bulk
	taken  int
	given  int
	chunks int // 128-byte units announced, as the log would hold them

	was map[uint64]*announced // of blocks read or taken since begin; nil before
}

// announced is what was in a block, nil if it was not there, and which of its bytes may have
// changed.
type announced struct {
	was    []byte
	ranges [][2]int
	fresh  bool // all may
}

func newPages(t testing.TB, k *Kind, blockSize int) *memPages {
	return &memPages{t: t, k: k, g: geometry(blockSize), blocks: map[uint64][]byte{}}
}

// number is the place of the i-th block ever taken.
func (m *memPages) number(i int) uint64 {
	b := uint64(i*7919%40000) + 4
	if m.k.Long {
		return uint64(m.g.FSB(format.AGNumber(i%4), format.AGBlock(b)))
	}
	return b
}

func (m *memPages) ask(call string) error {
	if m.fault == nil {
		return nil
	}
	return m.fault(call)
}

func (m *memPages) Read(block uint64) ([]byte, error) {
	if err := m.ask("read"); err != nil {
		return nil, err
	}
	b, ok := m.blocks[block]
	if !ok {
		if !m.hostile {
			m.t.Errorf("block %d is read but is none of the tree's", block)
		}
		return nil, format.Corrupt("block", "type", "free block", "B+tree block")
	}
	m.remember(block, b)
	return b, nil
}

func (m *memPages) remember(block uint64, b []byte) {
	if m.was != nil && m.was[block] == nil {
		m.was[block] = &announced{was: bytes.Clone(b)}
	}
}

func (m *memPages) Change(block uint64, off, n int) ([]byte, error) {
	if err := m.ask("change"); err != nil {
		return nil, err
	}
	b, ok := m.blocks[block]
	if !ok {
		m.t.Fatalf("block %d is changed but is none of the tree's", block)
	}
	if off < 0 || n <= 0 || off+n > len(b) {
		m.t.Fatalf("change of bytes %d to %d of a block of %d", off, off+n, len(b))
	}
	m.chunks += (off+n-1)/format.LogBufChunk - off/format.LogBufChunk + 1
	if m.copying {
		b = bytes.Clone(b)
		m.blocks[block] = b
	}
	if m.was != nil {
		m.remember(block, b)
		m.was[block].ranges = append(m.was[block].ranges, [2]int{off, off + n})
	}
	return b, nil
}

func (m *memPages) New(near uint64) (uint64, []byte, error) {
	if err := m.ask("new"); err != nil {
		return 0, nil, err
	}
	var block uint64
	if n := len(m.free); n > 0 {
		block, m.free = m.free[n-1], m.free[:n-1]
	} else {
		if m.next == 40000 {
			return 0, nil, errNoSpace
		}
		block = m.number(m.next)
		m.next++
	}
	b := make([]byte, m.g.BlockSize)
	m.blocks[block] = b
	if m.was != nil {
		if m.was[block] == nil {
			m.was[block] = &announced{}
		}
		m.was[block].fresh = true
	}
	m.taken++
	return block, b, nil
}

func (m *memPages) Free(block uint64) error {
	if err := m.ask("free"); err != nil {
		return err
	}
	b, ok := m.blocks[block]
	if !ok {
		m.t.Fatalf("block %d is given back but is none of the tree's", block)
	}
	m.remember(block, b)
	delete(m.blocks, block)
	m.free = append(m.free, block)
	m.given++
	return nil
}

func (m *memPages) begin() { m.was = map[uint64]*announced{} }

// end checks that no bytes changed but those announced.
func (m *memPages) end() {
	m.t.Helper()
	for block, a := range m.was {
		b, ok := m.blocks[block]
		if !ok || a.fresh {
			continue
		}
		for _, r := range a.ranges {
			copy(a.was[r[0]:r[1]], b[r[0]:r[1]])
		}
		if !bytes.Equal(a.was, b) {
			m.t.Fatalf("block %d changed unannounced", block)
		}
	}
	m.was = nil
}

// cancel undoes everything since begin.
func (m *memPages) cancel() {
	for block, a := range m.was {
		if a.was != nil {
			m.blocks[block] = a.was
		} else {
			delete(m.blocks, block)
		}
	}
	m.was = nil
	m.free = m.free[:0]
	for i := range m.next {
		if _, used := m.blocks[m.number(i)]; !used {
			m.free = append(m.free, m.number(i))
		}
	}
}

// ReadAt shows the blocks as they would lie on the device, with their checksums, to a Tree.
func (m *memPages) ReadAt(p []byte, off int64) (int, error) {
	block := uint64(off >> m.g.BlockLog)
	if m.k.Long {
		block = uint64(m.g.FSB(format.AGNumber(block/uint64(m.g.AGBlocks)), format.AGBlock(block%uint64(m.g.AGBlocks))))
	} else {
		block -= 2 * uint64(m.g.AGBlocks)
	}
	b, ok := m.blocks[block]
	if !ok {
		return 0, format.Corrupt("block", "type", "free block", "B+tree block")
	}
	copy(p, b)
	format.SetChecksum(p, m.k.crcField())
	return len(p), nil
}

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
