package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// interleave appends transactions, taking in each step an operation of any of them. It returns their
// numbers in the order of their commit.
func interleave(w *Writer, rng *rand.Rand, all map[uint32][]Item) (committed []uint32) {
	w.append(format.LogClientTransaction, func(_ uint32, p *packer) {
		var tid uint32
		op := p.op
		p.op = func(flags format.LogOpFlag, data []byte, pad int) {
			op(flags, data, pad)
			format.LogOpTID.Put(w.batch[len(w.batch)-len(data)-pad-format.LogOp.Size:], tid)
		}
		steps := map[uint32][]func(){}
		var left []uint32
		for t, items := range all {
			left = append(left, t)
			steps[t] = []func(){func() { p.mark(format.LogOpStart) }, func() { p.region(transHeader(t, items)) }}
			for _, i := range items {
				for _, r := range i.Regions {
					steps[t] = append(steps[t], func() { p.region(r) })
				}
			}
			steps[t] = append(steps[t], func() { p.mark(format.LogOpCommit) })
		}
		slices.Sort(left)
		for len(left) > 0 {
			tid = left[rng.IntN(len(left))]
			steps[tid][0]()
			if steps[tid] = steps[tid][1:]; len(steps[tid]) == 0 {
				left = slices.DeleteFunc(left, func(t uint32) bool { return t == tid })
				committed = append(committed, tid)
			}
		}
		p.close()
	})
	return committed
}

// Transactions come in the order of their commit, each with its own items, however their operations
// are mixed.
func TestInterleavedTransactions(t *testing.T) {
	eachShape(t, func(t *testing.T, g *format.Geometry, o WriterOptions) {
		rng := rand.New(rand.NewPCG(21, 22))
		d := testDevice(t, g)
		w := mustWriter(t, d, g, o)
		all := map[uint32][]Item{}
		var want []uint32
		for round := range uint32(3) {
			some := map[uint32][]Item{}
			for i := range uint32(1 + rng.IntN(6)) {
				some[round<<8+i] = randomItems(rng, 30)
				all[round<<8+i] = some[round<<8+i]
			}
			want = append(want, interleave(w, rng, some)...)
		}
		check(t, w.Sync())
		got := committed(t, d, g)
		var tids []uint32
		for _, tr := range got {
			tids = append(tids, tr.TID)
		}
		if !slices.Equal(tids, want) {
			t.Fatalf("transactions %x, want %x", tids, want)
		}
		for _, i := range rng.Perm(len(got)) { // in any order, too
			sameItems(t, all[got[i].TID], itemsOf(t, got[i]))
		}
	})
}

// There is a bound for how many transactions can be under way at once.
func TestTooManyTransactions(t *testing.T) {
	for n, ok := range map[int]bool{maxOpen: true, maxOpen + 1: false} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			g := testGeometry(2048, 0)
			d := testDevice(t, g)
			w := mustWriter(t, d, g, WriterOptions{})
			w.append(format.LogClientTransaction, func(_ uint32, p *packer) {
				op := p.op
				p.op = func(flags format.LogOpFlag, data []byte, pad int) {
					op(flags, data, pad)
					format.LogOpTID.Put(w.batch[len(w.batch)-format.LogOp.Size:], uint32(p.ops))
				}
				for range n {
					p.mark(format.LogOpStart)
				}
				p.close()
			})
			check(t, w.Sync())
			var err error
			for _, err = range mustOpen(t, d, g).Transactions() {
			}
			if ok != (err == nil) || err != nil && !errors.Is(err, format.ErrCorrupt) {
				t.Errorf("%d transactions under way: %v", n, err)
			}
		})
	}
}

// Regions that go on over many records are read in time and memory that grow as they do, and not
// without a bound.
func TestLongRegions(t *testing.T) {
	g := testGeometry(4096, 0)
	for _, c := range []struct {
		last int // bytes of the last of 64 regions
		ok   bool
	}{{maxRegion, true}, {maxRegion + 4, false}} {
		d := testDevice(t, g)
		w := mustWriter(t, d, g, WriterOptions{RecordSize: 16 << 10})
		item := Item{}
		for range 63 {
			item.Regions = append(item.Regions, make([]byte, 64<<10))
		}
		item.Regions = append(item.Regions, make([]byte, c.last))
		format.LogItemKind.Put(item.Regions[0], format.LogItemAttrD)
		format.LogItemRegions.Put(item.Regions[0], 64)
		_, err := w.Append([]Item{item})
		check(t, err)
		check(t, w.Sync())
		l := mustOpen(t, d, g)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n := 0
		for tr, e := range l.Transactions() {
			if err = e; err != nil {
				break
			}
			for i, err := range tr.Items() {
				check(t, err)
				n += len(i.Regions)
			}
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
			t.Errorf("%d bytes of memory are taken for regions of 5 MiB", got)
		}
		if c.ok != (err == nil && n == 64) || err != nil && !errors.Is(err, format.ErrCorrupt) {
			t.Errorf("a region of %d bytes: %d regions, %v", c.last, n, err)
		}
	}
}

// A log that changes while it is read gives an error.
func TestTransactionChanges(t *testing.T) {
	g := testGeometry(2048, 0)
	d := testDevice(t, g)
	w := mustWriter(t, d, g, WriterOptions{})
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2 {
		_, err := w.Append(randomItems(rng, 300))
		check(t, err)
	}
	check(t, w.Sync())
	l := mustOpen(t, d, g)
	for tr, err := range l.Transactions() {
		check(t, err)
		off := l.area.base + int64(blockOf(tr.Commit))<<format.BasicBlockLog + 600
		var b [1]byte
		if _, err := d.ReadAt(b[:], off); err != nil {
			t.Fatal(err)
		}
		b[0]++
		if _, err := d.WriteAt(b[:], off); err != nil {
			t.Fatal(err)
		}
		for _, err = range tr.Items() {
		}
		if !errors.Is(err, format.ErrCorrupt) {
			t.Errorf("%v", err)
		}
		break
	}
}
