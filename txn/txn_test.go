package txn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/txn"
)

// memoryLog counts what is given to it.
type memoryLog struct {
	items     []txn.Item
	lsn       format.LSN
	released  int
	unmounted bool
	err       error
}

func (l *memoryLog) Size() int { return 64 << 20 }
func (l *memoryLog) Room() int { return 64 << 20 }
func (l *memoryLog) Append(items []txn.Item) (format.LSN, error) {
	l.items = append(l.items, items...)
	l.lsn++
	return 1<<32 + l.lsn, l.err
}
func (l *memoryLog) Sync() error    { return nil }
func (l *memoryLog) Release() error { l.released++; return nil }
func (l *memoryLog) Unmount() error { l.unmounted = true; return nil }

func newStore(t *testing.T) (*txn.Store, *memoryLog, *device.Memory) {
	t.Helper()
	c := mkfs.Config{Size: 512 << 20}
	g, err := c.Geometry()
	if err != nil {
		t.Fatal(err)
	}
	dev := device.NewMemory(512 << 20)
	plan, err := populate.NewPlan(context.Background(), populate.Options{Geo: g})
	if err == nil {
		err = plan.Write(context.Background(), dev)
	}
	if err != nil {
		t.Fatal(err)
	}
	log := &memoryLog{}
	return txn.NewStore(dev, g, log), log, dev
}

func begin(t *testing.T, s *txn.Store) *txn.Tx {
	t.Helper()
	tx, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func readAGF(t *testing.T, tx *txn.Tx, ag format.AGNumber) *txn.Buf {
	t.Helper()
	b, err := tx.Read(tx.Geo.SectorOffset(ag, 1), format.TypeAGF, format.Place{AG: ag, Daddr: format.NullPlace.Daddr, Ino: format.NullIno})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func freeBlocks(t *testing.T, r interface {
	ReadAt([]byte, int64) (int, error)
}, g *format.Geometry) uint32 {
	t.Helper()
	b := make([]byte, g.SectSize)
	if _, err := r.ReadAt(b, g.SectorOffset(0, 1)); err != nil {
		t.Fatal(err)
	}
	return format.AGFFreeBlks.Get(b)
}

func setFree(t *testing.T, tx *txn.Tx, n uint32) {
	b := readAGF(t, tx, 0)
	format.AGFFreeBlks.Put(tx.Change(b, int(format.AGFFreeBlks), 4), n)
}

func TestStates(t *testing.T) {
	s, log, dev := newStore(t)
	was := freeBlocks(t, dev, s.Geo)

	tx := begin(t, s)
	setFree(t, tx, 7)
	if n := freeBlocks(t, tx.View(), s.Geo); n != 7 {
		t.Errorf("the transaction sees %d of its own change", n)
	}
	tx.Cancel()
	if n := freeBlocks(t, s.View(), s.Geo); n != was {
		t.Errorf("after cancelling: %d, want %d", n, was)
	}

	tx = begin(t, s)
	setFree(t, tx, 8)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := freeBlocks(t, s.View(), s.Geo); n != 8 {
		t.Errorf("after committing the view shows %d", n)
	}
	if len(log.items) != 0 || freeBlocks(t, dev, s.Geo) != was {
		t.Error("a commit alone wrote something")
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if len(log.items) != 1 || freeBlocks(t, dev, s.Geo) != was {
		t.Errorf("sync: %d items in the log, %d on the device", len(log.items), freeBlocks(t, dev, s.Geo))
	}
	head := log.items[0].Regions[0]
	if format.LogItemKind.Get(head) != format.LogItemBuf || format.LogBufFlags.Get(head).Type() != format.LogBufTypeAGF ||
		len(log.items[0].Regions) != 2 || len(log.items[0].Regions[1]) != s.Geo.SectSize {
		t.Errorf("item is %x with %d regions, want the whole block", head, len(log.items[0].Regions))
	}
	tx = begin(t, s)
	setFree(t, tx, 9)
	check(t, tx.Commit())
	check(t, s.Sync())
	if len(log.items) != 2 || len(log.items[1].Regions[1]) != format.LogBufChunk {
		t.Error("a block that is in the log already goes there as a whole again")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, s.Geo.SectSize)
	dev.ReadAt(b, s.Geo.SectorOffset(0, 1))
	if freeBlocks(t, dev, s.Geo) != 9 || format.AGFLSN.Get(b) >= log.lsn+1<<32 || !format.ChecksumOK(b, format.AGFCRC) {
		t.Errorf("in place: %d blocks, lsn %x", freeBlocks(t, dev, s.Geo), format.AGFLSN.Get(b))
	}
	if !log.unmounted || log.released == 0 {
		t.Error("the log was not closed")
	}
}

// Random changes of random blocks, cancelled or committed, against a copy.
func TestRandomChanges(t *testing.T) {
	s, _, dev := newStore(t)
	g := s.Geo
	model := map[int64][]byte{}
	rng := rand.New(rand.NewPCG(1, 2))
	block := func() int64 { return g.AGOffset(1, format.AGBlock(1000+rng.IntN(30))) }
	for range 2000 {
		tx := begin(t, s)
		next := map[int64][]byte{}
		for k, v := range model {
			next[k] = v
		}
		for range 1 + rng.IntN(6) {
			off := block()
			switch old := next[off]; {
			case old == nil:
				b := tx.New(off, g.BlockSize, format.TypeBnobt)
				rng2 := byte(rng.Uint32())
				for i := range b.Data {
					b.Data[i] = rng2
				}
				next[off] = bytes.Clone(b.Data)
			case rng.IntN(4) == 0:
				tx.Free(off, int64(g.BlockSize), false)
				delete(next, off)
			default:
				b, err := tx.Read(off, format.TypeBnobt, format.NullPlace)
				if err != nil {
					t.Fatal(err)
				}
				at, n := 64+rng.IntN(2000), 1+rng.IntN(500)
				p := tx.Change(b, at, n)
				c := bytes.Clone(old)
				for i := at; i < at+n; i++ {
					p[i]++
					c[i]++
				}
				next[off] = c
			}
		}
		if rng.IntN(3) == 0 {
			tx.Cancel()
		} else {
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			model = next
		}
		if rng.IntN(10) == 0 {
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		compareBlocks(t, s.View(), g, model)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	compareBlocks(t, dev, g, model)
}

// compareBlocks ignores what the store stamps: address, LSN, checksum.
func compareBlocks(t *testing.T, dev device.Device, g *format.Geometry, model map[int64][]byte) {
	t.Helper()
	for off, want := range model {
		got := make([]byte, len(want))
		if _, err := dev.ReadAt(got, off); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got[56:], want[56:]) {
			t.Fatalf("block at %d differs", off)
		}
	}
}

func TestFailedLog(t *testing.T) {
	s, log, _ := newStore(t)
	tx := begin(t, s)
	setFree(t, tx, 9)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	log.err = errors.New("broken")
	if err := s.Sync(); !errors.Is(err, txn.ErrFailed) || !errors.Is(err, log.err) {
		t.Errorf("sync: %v", err)
	}
	if _, err := s.Begin(); !errors.Is(err, txn.ErrFailed) {
		t.Errorf("begin: %v", err)
	}
}

// When a block that the log has items for was given up, the log says so, even if in between the
// block was metadata again that never got there.
func TestCancelsStay(t *testing.T) {
	for name, reuse := range map[string]func(tx *txn.Tx, off int64, n int){
		"freed":         func(tx *txn.Tx, off int64, n int) { tx.Free(off, int64(n), false) },
		"made-and-free": func(tx *txn.Tx, off int64, n int) { tx.New(off, n, format.TypeCntbt); tx.Free(off, int64(n), false) },
		"free-made-and-free": func(tx *txn.Tx, off int64, n int) {
			tx.Free(off, int64(n), false)
			tx.New(off, n, format.TypeCntbt)
			tx.Free(off, int64(n), false)
		},
	} {
		for _, apart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s-%v", name, apart), func(t *testing.T) {
				s, log, _ := newStore(t)
				off, n := s.Geo.AGOffset(1, 1000), s.Geo.BlockSize
				tx := begin(t, s)
				tx.New(off, n, format.TypeBnobt)
				check(t, tx.Commit())
				check(t, s.Sync())
				log.items = nil
				tx = begin(t, s)
				if apart {
					tx.New(off, n, format.TypeInobt)
					check(t, tx.Commit())
					tx = begin(t, s)
				}
				reuse(tx, off, n)
				check(t, tx.Commit())
				check(t, s.Sync())
				if len(log.items) != 1 {
					t.Fatalf("%d items in the log, want one that cancels", len(log.items))
				}
				head := log.items[0].Regions[0]
				if at := int64(format.LogBufBlkno.Get(head)) << format.BasicBlockLog; at != off || format.LogBufFlags.Get(head)&format.LogBufCancel == 0 {
					t.Errorf("flags %v at byte %d, want a cancelled buffer at %d", format.LogBufFlags.Get(head), at, off)
				}
			})
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
