package journal

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// FuzzLog changes bytes of a log with items of all kinds. Whatever comes of it, opening, reading
// and replaying it gives a result or an error of a known class, and takes bounded memory. With
// mend, checksums are made right again, so that the change gets past them.
func FuzzLog(f *testing.F) {
	g := testGeometry(512, 0)
	image, start := fuzzLog(f, g)
	f.Add([]byte{0}, uint32(0), false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, uint32(12), true)
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, uint32(530), true)
	f.Add([]byte{0xfe, 0xed, 0xba, 0xbe, 0, 0, 0, 9}, uint32(1024), false)
	for off := uint32(512); off < 24_000; off += 331 {
		f.Add([]byte{byte(off), 0xff}, off, true)
	}
	f.Fuzz(func(t *testing.T, change []byte, at uint32, mend bool) {
		d := image.Clone()
		size := int64(g.LogBlocks) << g.BlockLog
		off := start + int64(at)%(size-start)
		change = change[:min(len(change), int(size-off), 4096)]
		if _, err := d.WriteAt(change, g.Offset(g.LogStart)+off); err != nil {
			t.Fatal(err)
		}
		if mend {
			mendLog(t, d, g)
		}
		known := func(err error) {
			if err != nil && !errors.Is(err, format.ErrCorrupt) && !errors.Is(err, format.ErrUnsupported) && !errors.Is(err, ErrUnfinished) {
				t.Fatal(err)
			}
		}
		l, err := Open(d, g)
		known(err)
		if err != nil {
			return
		}
		for tr, err := range l.Transactions() {
			known(err)
			if err != nil {
				break
			}
			itemsOf(t, tr) // what was found to be a transaction can be read as one
		}
		o := device.NewOverlay(d)
		r, err := Replay(l, o)
		known(err)
		if o.Allocated() > 64<<20 {
			t.Fatalf("%d bytes of changes", o.Allocated())
		}
		if err == nil {
			known(MakeClean(o, r.Geometry))
		}
	})
}

// fuzzLog is an image with a log of many items, which begins at a byte of the log.
func fuzzLog(tb testing.TB, g *format.Geometry) (*device.Memory, int64) {
	d := testDevice(tb, g)
	w := mustWriter(tb, d, g, WriterOptions{})
	b := &bench{d: d, g: g, w: w}
	rng := rand.New(rand.NewPCG(2, 3))
	start := int64(blockOf(w.Head())) << format.BasicBlockLog
	leaf := b.leaf(20)
	for i := range 6 {
		inode := testInode(g, format.Ino(96<<3+i), rng)
		items := []Item{
			ChunkItem(g, 0, 96, 8, uint32(i)), InodeItem(g, inode, CoreAndForks), InodeItem(g, inode, CoreOnly),
			b.bytesItem(20, leaf, format.LogBufTypeBtree), CancelItem(g.AGToDaddr(0, 40), 4096, 0),
			(&Intent{Type: format.LogItemEFI, ID: uint64(i), Free: []FreeExtent{{100, 2}}}).Item(),
			(&Intent{Type: format.LogItemEFI, ID: uint64(i), Free: []FreeExtent{{100, 2}}}).Done(),
			(&Intent{Type: format.LogItemAttrI, ID: 7, Attr: &AttrChange{Ino: 131, Op: format.LogAttrSet, Name: []byte("name"), Value: []byte("value")}}).Item(),
		}
		if _, err := w.Append(items); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Sync(); err != nil {
		tb.Fatal(err)
	}
	return d, start
}

// mendLog makes the checksums of what looks like records right.
func mendLog(t *testing.T, d device.Device, g *format.Geometry) {
	t.Helper()
	b := make([]byte, int64(g.LogBlocks)<<g.BlockLog)
	if _, err := d.ReadAt(b, g.Offset(g.LogStart)); err != nil {
		t.Fatal(err)
	}
	for off := 0; off < len(b); off += format.BasicBlock {
		if format.LogMagicNo.Get(b[off:]) == format.LogMagic && format.LogLen.Get(b[off:]) != 0 {
			_ = format.SetLogChecksum(b[off:])
		}
	}
	if _, err := d.WriteAt(b, g.Offset(g.LogStart)); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkReplay replays a log of 64 MiB that is full of small items.
func BenchmarkReplay(b *testing.B) {
	g := testGeometry(16384, 0)
	g.AGBlocks, g.AGBlkLog, g.DBlocks = 32768, 15, 65536
	g.LogStart = g.FSB(1, 16)
	d := testDevice(b, g)
	w := mustWriter(b, d, g, WriterOptions{RecordSize: 256 << 10})
	t := &bench{d: d, g: g, w: w}
	rng := rand.New(rand.NewPCG(1, 1))
	items := 0
	for {
		list := []Item{}
		chunk := format.AGBlock(96 + rng.IntN(2000)*8)
		list = append(list, ChunkItem(g, 0, chunk, 8, 1))
		for i := range format.Ino(64) {
			inode := testInode(g, format.Ino(chunk)<<3+i, rng)
			leaf := t.leaf(20000 + format.AGBlock(rng.IntN(3000)))
			var dirty DirtyMap
			dirty.Mark(0, 100)
			list = append(list, InodeItem(g, inode, CoreAndForks),
				BufferItem(format.ShortBno.Get(leaf), leaf, &dirty, format.LogBufFlag(0).WithType(format.LogBufTypeBtree)))
		}
		if w.Blocks(list) > w.Free() {
			break
		}
		if _, err := w.Append(list); err != nil {
			b.Fatal(err)
		}
		items += len(list)
	}
	if err := w.Sync(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l := mustOpen(b, d, g)
		r, err := Replay(l, device.NewOverlay(d))
		if err != nil || r.Items != items {
			b.Fatalf("%d of %d items, %v", r.Items, items, err)
		}
		b.ReportMetric(float64(items), "items")
	}
}
