package btree

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// Changes end what Next and Prev go on from, and so does a failed seek.
func TestEditPosition(t *testing.T) {
	recs := records(Bnobt, 1000, rand.New(rand.NewPCG(111, 112)))
	m := loaded(t, Bnobt, 1024, recs[:900], 0)
	key := nodeKey(Bnobt, low(Bnobt, recs[500]))
	for name, end := range map[string]func() error{
		"nothing": func() error { return nil },
		"insert":  func() error { return m.Insert(recs[950]) },
		"delete":  func() error { return m.Delete(recs[950]) },
		"update":  func() error { return m.Update(recs[7], recs[7]) },
		"get":     func() error { _, err := m.Get(nodeKey(Bnobt, low(Bnobt, recs[999]))); return err },
		"fault": func() error {
			m.pages.fault = failAt("read", new(int), errFault)
			_, err := m.First()
			m.pages.fault = nil
			if !errors.Is(err, errFault) {
				t.Errorf("got %v", err)
			}
			return nil
		},
	} {
		if _, err := m.SeekGE(key); err != nil {
			t.Fatal(err)
		}
		if name == "delete" {
			if err := m.Insert(recs[950]); err != nil && !errors.Is(err, ErrExists) {
				t.Fatal(err)
			}
		}
		if err := end(); err != nil && !errors.Is(err, ErrExists) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, step := range []func() ([]byte, error){m.Next, m.Prev} {
			if rec, err := step(); (err == nil) != (name == "nothing") || (rec != nil) != (err == nil) {
				t.Errorf("after %s: %x, %v", name, rec, err)
			}
		}
	}
}

// A Range does not disturb the current record, nor does stopping early.
func TestEditRangeApart(t *testing.T) {
	for _, k := range []*Kind{Bnobt, Rmapbt} {
		recs := records(k, 1000, rand.New(rand.NewPCG(113, 114)))
		m := loaded(t, k, 1024, recs, 0)
		if _, err := m.SeekGE(nodeKey(k, low(k, recs[499]))); err != nil {
			t.Fatal(err)
		}
		n := 0
		for rec, err := range m.Range(nodeKey(k, low(k, recs[0])), nodeKey(k, low(k, recs[999]))) {
			if err != nil || k.Compare(rec, recs[n]) != 0 {
				t.Fatalf("%s: record %d: %x, %v", k.Name, n, rec, err)
			}
			if n++; n == 700 {
				break
			}
		}
		if n != 700 {
			t.Errorf("%s: %d records", k.Name, n)
		}
		if rec, err := m.Next(); err != nil || k.Compare(rec, recs[500]) != 0 {
			t.Errorf("%s: next is %x, %v", k.Name, rec, err)
		}
	}
}

// An overlap query reads little of a tree: only what the high keys lead to.
func TestEditRangePrunes(t *testing.T) {
	k := Rmapbt
	m := newEdited(t, k, 1024, 0)
	rec := make([]byte, k.RecSize)
	for i := range 10000 {
		format.RmapStart.Put(rec, format.AGBlock(i*10))
		format.RmapCount.Put(rec, 10)
		format.RmapOwner.Put(rec, uint64(128+i))
		if err := m.Insert(rec); err != nil {
			t.Fatal(err)
		}
	}
	reads := 0
	m.pages.fault = func(string) error { reads++; return nil }
	n := 0
	for _, err := range m.Range(nodeKey(k, point{50001}), nodeKey(k, point{50012})) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 || reads > m.Levels+2 {
		t.Errorf("%d records found with %d reads, want 2 with %d", n, reads, m.Levels)
	}
}

// How much a full leaf of 121 records, at least 60, hands on.
func TestShiftCount(t *testing.T) {
	m := loaded(t, Bnobt, 1024, records(Bnobt, 121, rand.New(rand.NewPCG(117, 118))), 0)
	p, err := m.root()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ at, d, room, want int }{
		{50, -1, 10, 5}, // half the room
		{50, 1, 10, 5},
		{50, -1, 1, 1},
		{121, -1, 10, 10}, // records in order: all of it
		{0, 1, 10, 10},
		{1, 1, 10, 10},
		{121, -1, 120, 61}, // but not so much that the leaf gets too empty
		{0, 1, 121, 61},
		{1, -1, 1, 0}, // the new record would follow to where no room is left
		{121, 1, 1, 0},
		{1, -1, 2, 1},
		{121, 1, 2, 1},
		{50, 1, 0, 0},
		{121, -1, 0, 0},
	} {
		if got := shiftCount(&p, tt.at, tt.d, tt.room); got != tt.want {
			t.Errorf("insert at %d, direction %d, room %d: %d, want %d", tt.at, tt.d, tt.room, got, tt.want)
		}
	}
}

// The tallest tree does not grow further, as no structure has a place for its levels.
func TestEditTooTall(t *testing.T) {
	k := Bmbt
	rec := func(off int) []byte {
		b := make([]byte, k.RecSize)
		format.Mapping{Off: format.FileOff(off), Start: 99, Count: 1}.Pack(b)
		return b
	}
	for _, fork := range []int{20, 0} {
		m := newEdited(t, k, 1024, max(fork, 20))
		levels := format.MaxBtreeLevels
		if fork > 0 {
			levels--
		} else {
			m.Fork = nil
		}
		// Of each level there are the first block and its neighbour, both full.
		block := func(level int, entry func(i int) int, children ...*page) *page {
			p, err := m.take(9, level)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.gap(&p, 0, p.most()); err != nil {
				t.Fatal(err)
			}
			for i := range p.most() {
				if level == 0 {
					copy(p.node.Rec(i), rec(entry(i)))
					continue
				}
				k.KeyOf(rec(entry(i)), p.node.Key(i))
				if i < len(children) {
					p.node.setPtr(i, children[i].block)
				}
			}
			return &p
		}
		var first, next *page
		for level := range levels {
			first, next = block(level, func(i int) int {
				switch {
				case i == 0:
					return 1
				case i == 1 && level > 0:
					return level*10000 - 5000
				}
				return level*10000 + i
			}, first, next), block(level, func(i int) int { return level*10000 + 5000 + i })
			if level < levels-1 || fork > 0 {
				if err := errors.Join(m.setRight(first, next.block), m.setLeft(next, first.block)); err != nil {
					t.Fatal(err)
				}
			}
		}
		m.Root, m.Levels = first.block, levels
		if fork > 0 {
			if err := m.setRight(first, k.Null()); err != nil {
				t.Fatal(err)
			}
			m.setForkRoot(levels, 0)
			if err := m.addChild(&m.path[levels], 0, first); err != nil {
				t.Fatal(err)
			}
		}
		taken := m.pages.taken
		var c *format.CorruptError
		if err := m.Insert(rec(0)); !errors.As(err, &c) || c.Field != "levels" {
			t.Errorf("fork %d: got %v", fork, err)
		}
		if m.pages.taken != taken {
			t.Errorf("fork %d: blocks were taken", fork)
		}
	}
}
