package journal

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// testGeometry is a small volume: two groups, the log of logBlocks blocks in the second one.
func testGeometry(logBlocks, stripe uint32) *format.Geometry {
	g := &format.Geometry{
		BlockSize: 4096, SectSize: 512, InodeSize: 512, DirBlockSize: 4096,
		BlockLog: 12, SectLog: 9, InodeLog: 9, InoPBLog: 3, AGBlkLog: 13,
		AGBlocks: 8192, AGCount: 2, DBlocks: 16384,
		LogBlocks: logBlocks, LogSUnit: stripe, InoAlign: 8, SpInoAlign: 4,
		ROCompat: format.ROFinobt | format.RORmapbt | format.ROReflink,
		Incompat: format.InSparse | format.InBigtime | format.InNrext64,
		UUID:     format.UUID{1, 2, 3}, MetaUUID: format.UUID{1, 2, 3},
	}
	g.LogStart = g.FSB(1, 16)
	return g
}

// testDevice is an empty image of the volume with a fresh log.
func testDevice(t testing.TB, g *format.Geometry) *device.Memory {
	t.Helper()
	d := device.NewMemory(int64(g.DBlocks) << g.BlockLog)
	if err := Reset(d, g, 1); err != nil {
		t.Fatal(err)
	}
	return d
}

func mustOpen(t testing.TB, d device.Device, g *format.Geometry) *Log {
	t.Helper()
	l, err := Open(d, g)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustWriter(t testing.TB, d device.Device, g *format.Geometry, o WriterOptions) *Writer {
	t.Helper()
	w, err := NewWriter(mustOpen(t, d, g), o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// committed reads the transactions of a log.
func committed(t testing.TB, d device.Device, g *format.Geometry) []*Transaction {
	t.Helper()
	var list []*Transaction
	for tr, err := range mustOpen(t, d, g).Transactions() {
		check(t, err)
		list = append(list, tr)
	}
	return list
}

// itemsOf reads the items of a transaction.
func itemsOf(t testing.TB, tr *Transaction) []Item {
	t.Helper()
	var list []Item
	for item, err := range tr.Items() {
		check(t, err)
		clone := Item{}
		for _, r := range item.Regions {
			clone.Regions = append(clone.Regions, bytes.Clone(r))
		}
		list = append(list, clone)
	}
	if len(list) != tr.NumItems {
		t.Fatalf("the transaction at %s has %d items, and says %d", Place(tr.LSN), len(list), tr.NumItems)
	}
	return list
}

// randomItems makes up to n items of regions that look like anything, headers and cycle numbers
// included.
func randomItems(rng *rand.Rand, n int) []Item {
	items := make([]Item, 1+rng.IntN(n))
	for i := range items {
		regions := make([][]byte, 1+rng.IntN(5))
		for k := range regions {
			size := 8 + rng.IntN(300)
			switch rng.IntN(12) {
			case 0:
				size += rng.IntN(60_000)
			case 1:
				size = 4 * (2 + rng.IntN(500))
			}
			regions[k] = randomBytes(rng, size)
		}
		format.LogItemKind.Put(regions[0], format.LogItemBuf)
		format.LogItemRegions.Put(regions[0], uint16(len(regions)))
		items[i] = Item{Regions: regions}
	}
	return items
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	switch rng.IntN(3) {
	case 0: // zeroes
	case 1:
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	case 2:
		copy(b, bytes.Repeat([]byte{0xfe, 0xed, 0xba, 0xbe, 0, 0, 0, 2}, n/8+1))
	}
	return b
}

// sameItems compares items with what was read of them: that is filled up to multiples of 4 bytes.
func sameItems(t testing.TB, want, got []Item) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d items, want %d", len(got), len(want))
	}
	for i := range want {
		for k, r := range want[i].Regions {
			padded := append(bytes.Clone(r), make([]byte, -len(r)&3)...)
			if k >= len(got[i].Regions) || !bytes.Equal(padded, got[i].Regions[k]) {
				t.Fatalf("item %d: region %d differs", i, k)
			}
		}
		if len(want[i].Regions) != len(got[i].Regions) {
			t.Fatalf("item %d has %d regions, want %d", i, len(got[i].Regions), len(want[i].Regions))
		}
	}
}
