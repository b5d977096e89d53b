package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// shapes are the logs that tests write to: size in blocks, stripe unit, largest record.
var shapes = []struct {
	blocks, stripe uint32
	record         int
}{
	{512, 0, 0}, {512, 0, 16 << 10}, {700, 0, 256 << 10}, {512, 4096, 0}, {1024, 32 << 10, 0},
	{1024, 256 << 10, 0}, {600, 20 << 10, 64 << 10}, {513, 8192, 100_000},
}

func eachShape(t *testing.T, test func(t *testing.T, g *format.Geometry, o WriterOptions)) {
	for _, s := range shapes {
		t.Run(fmt.Sprintf("%d-blocks,su=%d,record=%d", s.blocks, s.stripe, s.record), func(t *testing.T) {
			test(t, testGeometry(s.blocks, s.stripe), WriterOptions{RecordSize: s.record})
		})
	}
}

// checkpoint is one that a test has appended.
type checkpoint struct {
	lsn   format.LSN
	items []Item
}

// checkLog compares what a log has between tail and head with what a test has appended.
func checkLog(t testing.TB, d device.Device, g *format.Geometry, want []checkpoint) {
	t.Helper()
	got := committed(t, d, g)
	if len(got) != len(want) {
		t.Fatalf("the log has %d checkpoints, want %d", len(got), len(want))
	}
	for i, c := range want {
		if got[i].LSN != c.lsn {
			t.Fatalf("checkpoint %d is at %s, want %s", i, Place(got[i].LSN), Place(c.lsn))
		}
		sameItems(t, c.items, itemsOf(t, got[i]))
	}
}

// Whatever a writer appends, however the tail moves and however often the log is opened anew,
// the reader finds what is outstanding.
func TestWriterRoundTrip(t *testing.T) {
	eachShape(t, func(t *testing.T, g *format.Geometry, o WriterOptions) {
		rng := rand.New(rand.NewPCG(uint64(g.LogBlocks), uint64(g.LogSUnit)))
		d := testDevice(t, g)
		w := mustWriter(t, d, g, o)
		var open []checkpoint // outstanding
		var last format.LSN
		rounds := uint32(0)
		for step := 0; rounds < 5 && step < 5000; step++ {
			items := randomItems(rng, 1+rng.IntN(20))
			for w.Blocks(items) > w.Free() {
				if w.Blocks(items) > w.Capacity() {
					items = items[:len(items)/2]
					continue
				}
				if _, err := w.Append(items); !errors.Is(err, ErrFull) {
					t.Fatalf("got error %v, want ErrFull", err)
				}
				n := 1 + rng.IntN(len(open))
				open = open[n:]
				tail := w.Head()
				if len(open) > 0 {
					tail = open[0].lsn
				}
				check(t, w.SetTail(tail))
			}
			before := w.Head()
			lsn, err := w.Append(items)
			check(t, err)
			if lsn != before || lsn <= last {
				t.Fatalf("checkpoint at %s, want %s, later than %s", Place(lsn), Place(before), Place(last))
			}
			if got := w.area.distance(lsn, w.Head()); got != w.Blocks(items) {
				t.Fatalf("checkpoint takes %d blocks, expected %d", got, w.Blocks(items))
			}
			last, rounds = lsn, cycleOf(lsn)
			open = append(open, checkpoint{lsn, items})
			if rng.IntN(8) != 0 {
				continue
			}
			check(t, w.Sync())
			checkLog(t, d, g, open)
			if rng.IntN(3) == 0 {
				head, tail := w.Head(), w.Tail()
				w = mustWriter(t, d, g, o)
				if w.Head() != head || w.Tail() != tail {
					t.Fatalf("opened anew: head %s, tail %s; want %s, %s", Place(w.Head()), Place(w.Tail()), Place(head), Place(tail))
				}
			}
		}
		if rounds < 5 {
			t.Fatalf("the log was written %d times only", rounds)
		}
		if err := w.Unmount(); err == nil {
			t.Error("unmounted with checkpoints outstanding")
		}
		check(t, w.SetTail(w.Head()))
		check(t, w.Unmount())
		l := mustOpen(t, d, g)
		if l.State != Clean || l.Head != w.Head() || l.Tail != l.Head || l.Torn != 0 {
			t.Errorf("after the unmount: %v, head %s, want %s", l.State, Place(l.Head), Place(w.Head()))
		}
	})
}

// A log that is cut off in a crash anywhere, with any of the sectors in flight lost, has all that
// was synced and nothing that was not appended; and can be gone on with.
func TestWriterCrash(t *testing.T) {
	eachShape(t, func(t *testing.T, g *format.Geometry, o WriterOptions) {
		rng := rand.New(rand.NewPCG(7, uint64(g.LogBlocks+g.LogSUnit)))
		image := testDevice(t, g)
		var open []checkpoint
		for round := range uint64(30) {
			c := device.NewCrash(image)
			w := mustWriter(t, c, g, o)
			type sync struct{ writes, open int }
			var syncs []sync
			for range 1 + rng.IntN(12) {
				items := randomItems(rng, 1+rng.IntN(30))
				if w.Blocks(items) > w.Free() {
					// All is in place, as far as a test can say so.
					check(t, w.Sync())
					check(t, w.SetTail(w.Head()))
				}
				lsn, err := w.Append(items)
				if errors.Is(err, ErrTooLarge) {
					continue
				}
				check(t, err)
				open = append(open, checkpoint{lsn, items})
				if rng.IntN(3) == 0 {
					check(t, w.Sync())
					syncs = append(syncs, sync{c.Writes(), len(open)})
				}
			}
			n, synced := rng.IntN(c.Writes()+1), 0
			for _, s := range syncs {
				if s.writes < n {
					synced = s.open
				}
			}
			image = c.After(n, round, device.LostSectors)
			open = checkCrashed(t, image, g, open, synced)
		}
	})
}

// checkCrashed checks that the log has a run of the checkpoints in all, with the first synced of
// them, or those after a later tail. It returns the run.
func checkCrashed(t *testing.T, d device.Device, g *format.Geometry, all []checkpoint, synced int) []checkpoint {
	t.Helper()
	got := committed(t, d, g)
	if len(got) == 0 {
		if synced > 0 && mustOpen(t, d, g).Tail <= all[synced-1].lsn {
			t.Fatalf("nothing is left of %d checkpoints that were synced", synced)
		}
		return nil
	}
	first := 0
	for first < len(all) && all[first].lsn != got[0].LSN {
		first++
	}
	if first+len(got) > len(all) {
		t.Fatalf("%d checkpoints from %s on; there are %d", len(got), Place(got[0].LSN), len(all))
	}
	if first+len(got) < synced {
		t.Fatalf("of %d synced checkpoints the last is number %d", synced, first+len(got))
	}
	for i, tr := range got {
		if tr.LSN != all[first+i].lsn {
			t.Fatalf("checkpoint at %s, want %s", Place(tr.LSN), Place(all[first+i].lsn))
		}
		sameItems(t, all[first+i].items, itemsOf(t, tr))
	}
	return all[first : first+len(got)]
}

// The last write, torn at each sector of it: before the last sector it never happened.
func TestWriterTornEverywhere(t *testing.T) {
	eachShape(t, func(t *testing.T, g *format.Geometry, o WriterOptions) {
		rng := rand.New(rand.NewPCG(11, 12))
		d := testDevice(t, g)
		var lsns []format.LSN
		for round := range 4 {
			w := mustWriter(t, d, g, o)
			// In one round the torn write goes over the log's end.
			nearEnd := func() bool { return blockOf(w.Head()) > w.area.blocks-2*w.shape.blocks(w.shape.room) }
			for w.Tail() == w.Head() || rng.IntN(3) != 0 || round == 2 && !nearEnd() {
				items := randomItems(rng, 10)
				if w.Blocks(items) > w.Free()/2 {
					check(t, w.SetTail(w.Head()))
					lsns = nil
				}
				lsn, err := w.Append(items)
				check(t, err)
				lsns = append(lsns, lsn)
			}
			check(t, w.Sync())
			head, items := w.Head(), randomItems(rng, 2)
			if w.Blocks(items) > w.Free() {
				check(t, w.SetTail(head))
				lsns = nil
			}
			before := d.Clone()
			_, err := w.Append(items)
			check(t, err)
			n := w.area.distance(head, w.Head())
			for cut := 0; cut <= n; cut++ {
				if n > 200 && cut%37 != 0 && cut < n-1 {
					continue // the padding of a large stripe unit
				}
				torn := before.Clone()
				copyBlocks(t, torn, d, &w.area, head, cut)
				l := mustOpen(t, torn, g)
				want, end := len(lsns), w.area.add(head, cut)
				if cut == n {
					want++
				}
				got := len(committed(t, torn, g))
				if lsns == nil && cut < n {
					want = got // of what lies before the new tail, anything may be left
				}
				if got != want || l.Head > end || l.Head < head {
					t.Fatalf("cut after %d of %d blocks from %s: %d checkpoints, head %s; want %d", cut, n, Place(head), got, Place(l.Head), want)
				}
			}
			check(t, w.Sync())
			lsns = append(lsns, head)
		}
	})
}

// copyBlocks copies n blocks of the log from a place on.
func copyBlocks(t *testing.T, to, from device.Device, a *area, at format.LSN, n int) {
	t.Helper()
	b := make([]byte, format.BasicBlock)
	for i := range n {
		off := a.base + int64(blockOf(a.add(at, i)))*format.BasicBlock
		if _, err := from.ReadAt(b, off); err != nil {
			t.Fatal(err)
		}
		if _, err := to.WriteAt(b, off); err != nil {
			t.Fatal(err)
		}
	}
}

// A checkpoint larger than the log, and writes that fail.
func TestWriterErrors(t *testing.T) {
	g := testGeometry(512, 0)
	d := testDevice(t, g)
	w := mustWriter(t, d, g, WriterOptions{})
	rng := rand.New(rand.NewPCG(1, 1))
	var big []Item
	for w.Blocks(big) <= w.Capacity() {
		big = append(big, randomItems(rng, 10)...)
	}
	if _, err := w.Append(big); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got error %v, want ErrTooLarge", err)
	}
	if l := mustOpen(t, d, g); l.State != Clean {
		t.Errorf("the log is %v after an append that was refused", l.State)
	}
	for _, tail := range []format.LSN{w.Head() + 1, w.Tail() - 1, 0, 5 << 32} {
		if err := w.SetTail(tail); err == nil {
			t.Errorf("tail set to %s", Place(tail))
		}
	}
	f := device.MustFault(d, "(Err (And Write (From 0)))")
	w = mustWriter(t, f, g, WriterOptions{})
	for range 2 {
		if _, err := w.Append(big[:1]); !errors.Is(err, device.ErrInjected) {
			t.Errorf("got error %v, want the injected one", err)
		}
	}
	if err := w.Sync(); !errors.Is(err, device.ErrInjected) {
		t.Errorf("sync: got error %v, want the injected one", err)
	}
}

// No more may be unsynced than recovery allows for.
func TestWriterSyncsInTime(t *testing.T) {
	eachShape(t, func(t *testing.T, g *format.Geometry, o WriterOptions) {
		d := &countingDevice{Device: testDevice(t, g)}
		w := mustWriter(t, d, g, o)
		rng := rand.New(rand.NewPCG(5, 5))
		d.writes, d.bytes = 0, 0
		for range 60 {
			items := randomItems(rng, 30)
			if w.Blocks(items) > w.Free() {
				check(t, w.Sync())
				check(t, w.SetTail(w.Head()))
			}
			if _, err := w.Append(items); err != nil && !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
		}
		if d.most > inFlightBlocks*format.BasicBlock || d.mostRecords > inFlight {
			t.Errorf("%d records, %d bytes were unsynced at once", d.mostRecords, d.most)
		}
	})
}

// countingDevice counts what was written since the last sync.
type countingDevice struct {
	device.Device
	writes, bytes, records int
	most, mostRecords      int
}

func (c *countingDevice) WriteAt(p []byte, off int64) (int, error) {
	c.writes++
	c.bytes += len(p)
	for at := 0; at < len(p); at += format.BasicBlock {
		if format.LogMagicNo.Get(p[at:]) == format.LogMagic {
			c.records++
		}
	}
	c.most, c.mostRecords = max(c.most, c.bytes), max(c.mostRecords, c.records)
	return c.Device.WriteAt(p, off)
}

func (c *countingDevice) Sync() error {
	c.bytes, c.records = 0, 0
	return c.Device.Sync()
}

// A log made anew in a later cycle reads as clean, and is written on from there.
func TestReset(t *testing.T) {
	eachShape(t, func(t *testing.T, g *format.Geometry, o WriterOptions) {
		d := testDevice(t, g)
		for _, cycle := range []uint32{1, 2, 77, format.LogMagic - 2, format.LogMagic - 1, format.LogMagic + 1} {
			check(t, Reset(d, g, cycle))
			l := mustOpen(t, d, g)
			if l.State != Clean || cycleOf(l.Head) != cycle {
				t.Fatalf("cycle %d: %v, head %s", cycle, l.State, Place(l.Head))
			}
			w := mustWriter(t, d, g, o)
			rng := rand.New(rand.NewPCG(uint64(cycle), 0))
			var open []checkpoint
			for w.Free() > w.Capacity()/3 || cycleOf(w.Head()) < cycle+1 {
				items := randomItems(rng, 20)
				if w.Blocks(items) > w.Free() {
					check(t, w.SetTail(w.Head()))
					open = nil
				}
				lsn, err := w.Append(items)
				check(t, err)
				open = append(open, checkpoint{lsn, items})
			}
			check(t, w.Sync())
			checkLog(t, d, g, open)
		}
	})
}
