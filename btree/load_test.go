package btree

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// What was loaded reads back, in every kind, block size and shape; every block is as full as
// it must be; and all blocks are reached.
func TestLoadReadBack(t *testing.T) {
	forEachKind(t, func(t *testing.T, k *Kind, bs int) {
		rng := rand.New(rand.NewPCG(1, uint64(bs)))
		for _, n := range sizes(k, bs, 40000, rng) {
			recs := records(k, n, rng)
			checkTree(t, build(t, k, bs, recs, 0))
			if k.Long && n > 0 {
				for _, fork := range []int{20, 36, 100, 336, 1872} {
					checkTree(t, build(t, k, bs, recs, fork))
				}
			}
		}
	})
}

func checkTree(t *testing.T, m *model) {
	t.Helper()
	k := m.Kind
	i := 0
	for rec, err := range m.All() {
		if err != nil {
			t.Fatalf("%d records: %v", len(m.recs), err)
		}
		if i == len(m.recs) || !bytes.Equal(rec, m.recs[i]) {
			t.Fatalf("%d records: record %d is %x", len(m.recs), i, rec)
		}
		i++
	}
	if i != len(m.recs) {
		t.Fatalf("%d of %d records", i, len(m.recs))
	}
	levels := len(m.shape)
	if m.Fork != nil {
		levels++
	}
	if m.Levels != levels {
		t.Errorf("%d levels, want %d", m.Levels, levels)
	}

	counts := make([]int, len(m.shape))
	var blocks []uint64
	err := m.Walk(func(level int, block uint64, b []byte) error {
		counts[level]++
		blocks = append(blocks, block)
		n := k.NodeOf(b)
		if n.Level != level {
			t.Errorf("block %d: level %d, walked as %d", block, n.Level, level)
		}
		if n.Len() < k.MinRecs(m.Geo.BlockSize, level) && m.shape[level] > 1 {
			t.Errorf("block %d on level %d has only %d entries", block, level, n.Len())
		}
		entry := k.RecSize
		if level > 0 {
			entry = k.KeySize
		}
		if used := k.HeaderSize() + n.Len()*entry; level == 0 && !bytes.Equal(b[used:], make([]byte, len(b)-used)) {
			t.Errorf("block %d is not zero behind its records", block)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(counts, m.shape) {
		t.Errorf("%v blocks walked, want %v", counts, m.shape)
	}
	slices.Sort(blocks)
	want := slices.Sorted(slices.Values(m.blocks))
	if !slices.Equal(blocks, want) {
		t.Errorf("the walk reached other blocks than were written")
	}
}

// A high key in a node is the greatest of all records below it, not that of the last one.
func TestHighKeys(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	m := build(t, Rmapbt, 1024, records(Rmapbt, 5000, rng), 0)
	if len(m.shape) < 3 {
		t.Fatalf("shape %v is too flat for this test", m.shape)
	}
	// under gives the greatest high key below a block, from the records alone.
	var under func(block uint64, level int) point
	checked, notLast := 0, 0
	under = func(block uint64, level int) point {
		b := make([]byte, 1024)
		if _, err := m.image.ReadAt(b, m.offset(block)); err != nil {
			t.Fatal(err)
		}
		n := Rmapbt.NodeOf(b)
		var most, p point
		for i := range n.Len() {
			if level == 0 {
				p = high(Rmapbt, n.Rec(i))
			} else {
				p = under(n.Ptr(i), level-1)
				if want := nodeKey(Rmapbt, p); !bytes.Equal(n.Key(i)[20:], want) {
					t.Errorf("block %d, key %d: high key %x, want %x", block, i, n.Key(i)[20:], want)
				}
				checked++
			}
			if p.compare(most) > 0 {
				most = p
			}
		}
		if p != most {
			notLast++
		}
		return most
	}
	under(m.Root, m.Levels-1)
	if checked < 100 || notLast < 10 {
		t.Errorf("only %d keys checked, %d of them not the last one's", checked, notLast)
	}
}

func TestLoadErrors(t *testing.T) {
	load := func(k *Kind) *Load {
		return &Load{
			Kind: k, Geo: geometry(1024),
			Block: func(i int) uint64 { return uint64(4 + i) },
			Write: func(int, []byte) error { return nil },
		}
	}
	rng := rand.New(rand.NewPCG(9, 10))
	for _, k := range kinds {
		recs := records(k, 200, rng)
		for name, swap := range map[string][2]int{"descending": {150, 151}, "twice": {150, 150}} {
			_, _, err := load(k).Run(200, func(i int, b []byte) {
				switch i {
				case 150:
					i = swap[1]
				case 151:
					i = swap[0]
				}
				copy(b, recs[i])
			})
			if !errors.Is(err, ErrOrder) {
				t.Errorf("%s, %s: got %v, want ErrOrder", k.Name, name, err)
			}
		}
		l := load(k)
		full := errors.New("no space")
		l.Write = func(i int, _ []byte) error {
			if i == 3 {
				return full
			}
			return nil
		}
		recs = records(k, 2000, rng)
		if _, _, err := l.Run(2000, func(i int, b []byte) { copy(b, recs[i]) }); !errors.Is(err, full) {
			t.Errorf("%s: got %v, want the error of Write", k.Name, err)
		}
		if _, _, err := load(k).Run(-1, nil); err == nil {
			t.Errorf("%s: -1 records are no error", k.Name)
		}
		if _, err := load(k).RunInode(0, nil, make([]byte, 336)); err == nil {
			t.Errorf("%s: an empty root in an inode is no error", k.Name)
		}
		if _, err := load(k).RunInode(1, nil, make([]byte, 19)); err == nil {
			t.Errorf("%s: a fork of 19 bytes is no error", k.Name)
		}
		if _, err := load(k).RunInode(1, func(int, []byte) {}, make([]byte, 336)); (err == nil) != k.Long {
			t.Errorf("%s: root in an inode: %v", k.Name, err)
		}
	}
}

// A root in a fork, byte by byte.
func TestForkRootLayout(t *testing.T) {
	recs := records(Bmbt, 300, rand.New(rand.NewPCG(11, 12)))
	m := build(t, Bmbt, 4096, recs, 100) // room for six entries
	want := make([]byte, 100)
	copy(want, []byte{0, 1, 0, 2})
	copy(want[4:], nodeKey(Bmbt, low(Bmbt, recs[0])))
	copy(want[12:], nodeKey(Bmbt, low(Bmbt, recs[150])))
	for i := range 2 {
		format.LongPtrTo.Put(want[4+6*8+i*8:], format.FSBlock(m.blocks[i]))
	}
	if !bytes.Equal(m.Fork, want) {
		t.Errorf("got  %x\nwant %x", m.Fork, want)
	}
}

// Load and All do not allocate per record.
func TestAllocations(t *testing.T) {
	for _, k := range kinds {
		recs := records(k, 20000, rand.New(rand.NewPCG(13, 14)))
		m := build(t, k, 4096, recs, 0)
		l := &Load{
			Kind: k, Geo: m.Geo, AG: m.AG, Owner: m.Owner,
			Block: func(i int) uint64 { return m.blocks[i] },
			Write: func(int, []byte) error { return nil },
		}
		if n := testing.AllocsPerRun(3, func() {
			if _, _, err := l.Run(len(recs), func(i int, b []byte) { copy(b, recs[i]) }); err != nil {
				t.Fatal(err)
			}
		}); n > 8 {
			t.Errorf("%s: loading allocates %v times", k.Name, n)
		}
		if n := testing.AllocsPerRun(3, func() {
			for _, err := range m.All() {
				if err != nil {
					t.Fatal(err)
				}
			}
		}); n > 8 {
			t.Errorf("%s: reading allocates %v times", k.Name, n)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.Name, func(b *testing.B) {
			const n = 100000
			recs := slices.Concat(records(k, n, rand.New(rand.NewPCG(15, 16)))...)
			l := &Load{
				Kind: k, Geo: geometry(4096), Owner: 131,
				Block: func(i int) uint64 { return uint64(4 + i) },
				Write: func(int, []byte) error { return nil },
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(recs)))
			b.ResetTimer()
			for range b.N {
				if _, _, err := l.Run(n, func(i int, b []byte) { copy(b, recs[i*k.RecSize:]) }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
