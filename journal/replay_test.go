package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// bench is a small volume with a log to replay.
type bench struct {
	t *testing.T
	d *device.Memory
	g *format.Geometry
	w *Writer
}

func newBench(t *testing.T) *bench {
	g := testGeometry(512, 0)
	d := testDevice(t, g)
	return &bench{t: t, d: d, g: g, w: mustWriter(t, d, g, WriterOptions{})}
}

func (b *bench) log(items ...Item) format.LSN {
	b.t.Helper()
	lsn, err := b.w.Append(items)
	check(b.t, err)
	return lsn
}

// replay replays the log and returns the image.
func (b *bench) replay() (*device.Overlay, *Result) {
	b.t.Helper()
	check(b.t, b.w.Sync())
	o := device.NewOverlay(b.d)
	r, err := Replay(mustOpen(b.t, b.d, b.g), o)
	check(b.t, err)
	return o, r
}

// fails replays a log that must be refused.
func (b *bench) fails(class error) {
	b.t.Helper()
	check(b.t, b.w.Sync())
	o := device.NewOverlay(b.d)
	if _, err := Replay(mustOpen(b.t, b.d, b.g), o); !errors.Is(err, class) {
		b.t.Errorf("got error %v, want %v", err, class)
	}
	if o.Allocated() != 0 {
		b.t.Error("something was written")
	}
}

func read(t *testing.T, d device.Device, off int64, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, err := d.ReadAt(b, off)
	check(t, err)
	return b
}

// leaf makes an empty leaf of refcountbt at a block of group 0.
func (b *bench) leaf(at format.AGBlock) []byte {
	p := make([]byte, b.g.BlockSize)
	format.ShortMagic.Put(p, format.RefcbtMagic)
	format.ShortLeftSib.Put(p, format.NullAGBlock)
	format.ShortRightSib.Put(p, format.NullAGBlock)
	format.ShortBno.Put(p, b.g.AGToDaddr(0, at))
	format.ShortUUID.Put(p, b.g.MetaUUID)
	format.SetChecksum(p, format.ShortCRC)
	return p
}

// bytesItem makes the item for all of a buffer in group 0.
func (b *bench) bytesItem(at format.AGBlock, p []byte, typ format.LogBufType) Item {
	var dirty DirtyMap
	dirty.Mark(0, len(p))
	return BufferItem(b.g.AGToDaddr(0, at), p, &dirty, format.LogBufFlag(0).WithType(typ))
}

func TestReplayBuffer(t *testing.T) {
	b := newBench(t)
	want := b.leaf(20)
	lsn := b.log(b.bytesItem(20, want, format.LogBufTypeBtree), b.bytesItem(21, bytes.Repeat([]byte{7}, 512), format.LogBufTypeUnknown))
	o, r := b.replay()
	format.ShortLSN.Put(want, lsn)
	format.SetChecksum(want, format.ShortCRC)
	if got := read(t, o, 20<<12, 4096); !bytes.Equal(got, want) {
		t.Errorf("got %x", got[:64])
	}
	if got := read(t, o, 21<<12, 513); !bytes.Equal(got, append(bytes.Repeat([]byte{7}, 512), 0)) {
		t.Error("a buffer of no type is not what was logged")
	}
	if r.Replayed != 2 || r.Items != 2 || r.Transactions != 1 {
		t.Errorf("got %+v", r)
	}
}

// What is on the disk in a newer state stays; unless its checksum is wrong.
func TestReplayNewer(t *testing.T) {
	for _, c := range []struct {
		name  string
		lsn   func(first, second format.LSN) format.LSN // on the disk
		torn  bool
		other bool // another volume's block
		want  int
	}{
		{"old", func(a, _ format.LSN) format.LSN { return a - 1 }, false, false, 2},
		{"zero", func(_, _ format.LSN) format.LSN { return 0 }, false, false, 2},
		{"first", func(a, _ format.LSN) format.LSN { return a }, false, false, 1},
		{"second", func(_, b format.LSN) format.LSN { return b }, false, false, 0},
		{"torn", func(_, b format.LSN) format.LSN { return b }, true, false, 2},
		{"other", func(_, b format.LSN) format.LSN { return b }, false, true, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			p := b.leaf(20)
			first := b.log(b.bytesItem(20, p, format.LogBufTypeBtree))
			second := b.log(b.bytesItem(20, p, format.LogBufTypeBtree))
			disk := b.leaf(20)
			format.ShortLSN.Put(disk, c.lsn(first, second))
			if c.other {
				format.ShortUUID.Put(disk, format.UUID{9})
			}
			format.SetChecksum(disk, format.ShortCRC)
			if c.torn {
				disk[4000] = 1
			}
			_, err := b.d.WriteAt(disk, 20<<12)
			check(t, err)
			if _, r := b.replay(); r.Replayed != c.want || r.Newer != 2-c.want {
				t.Errorf("%d replayed, %d newer; want %d replayed", r.Replayed, r.Newer, c.want)
			}
		})
	}
}

// Items for a buffer count only behind the last one that cancels it.
func TestReplayCancel(t *testing.T) {
	b := newBench(t)
	p, at := b.leaf(20), b.g.AGToDaddr(0, 20)
	cancel := CancelItem(at, 4096, 0)
	b.log(b.bytesItem(20, p, format.LogBufTypeBtree))
	b.log(cancel)
	b.log(b.bytesItem(20, p, format.LogBufTypeBtree))
	b.log(cancel)
	if o, r := b.replay(); r.Cancelled != 2 || r.Replayed != 0 || !bytes.Equal(read(t, o, 20<<12, 4096), make([]byte, 4096)) {
		t.Errorf("freed: %+v", r)
	}
	last := b.log(b.bytesItem(20, p, format.LogBufTypeBtree))
	o, r := b.replay()
	if got := format.ShortLSN.Get(read(t, o, 20<<12, 4096)); r.Cancelled != 2 || r.Replayed != 1 || got != last {
		t.Errorf("used again: %+v, LSN %s", r, Place(got))
	}
}

// Logs that must not be replayed.
func TestReplayRefuses(t *testing.T) {
	raw := func(t format.LogItemType, n int) Item { return newItem(t, n) }
	bad := func(change func(p []byte)) func(b *bench) []Item {
		return func(b *bench) []Item {
			p := b.leaf(20)
			change(p)
			return []Item{b.bytesItem(20, p, format.LogBufTypeBtree)}
		}
	}
	for name, c := range map[string]struct {
		class error
		items func(b *bench) []Item
	}{
		"unknown item":     {format.ErrUnsupported, func(*bench) []Item { return []Item{raw(0x12ff, 64)} }},
		"realtime":         {format.ErrUnsupported, func(*bench) []Item { return []Item{raw(format.LogItemEFIRT, 64)} }},
		"short buffer":     {format.ErrCorrupt, func(*bench) []Item { return []Item{raw(format.LogItemBuf, 16)} }},
		"short inode":      {format.ErrCorrupt, func(*bench) []Item { return []Item{raw(format.LogItemInode, 40)} }},
		"short chunk":      {format.ErrCorrupt, func(*bench) []Item { return []Item{raw(format.LogItemICreate, 20)} }},
		"short dquot":      {format.ErrCorrupt, func(*bench) []Item { return []Item{raw(format.LogItemDquot, 20)} }},
		"short intent":     {format.ErrCorrupt, func(*bench) []Item { return []Item{raw(format.LogItemEFI, 8)} }},
		"wrong magic":      {format.ErrCorrupt, bad(func(p []byte) { p[0]++ })},
		"wrong address":    {format.ErrCorrupt, bad(func(p []byte) { format.ShortBno.Put(p, 1) })},
		"too many records": {format.ErrCorrupt, bad(func(p []byte) { format.ShortNumRecs.Put(p, 60000) })},
		"outside": {format.ErrCorrupt, func(b *bench) []Item {
			i := b.bytesItem(20, b.leaf(20), format.LogBufTypeBtree)
			format.LogBufBlkno.Put(i.Regions[0], format.Daddr(b.g.DBlocks*8))
			return []Item{i}
		}},
		"far outside": {format.ErrCorrupt, func(b *bench) []Item {
			i := b.bytesItem(20, b.leaf(20), format.LogBufTypeBtree)
			format.LogBufBlkno.Put(i.Regions[0], 1<<63)
			return []Item{i}
		}},
		"in the log": {format.ErrCorrupt, func(b *bench) []Item {
			i := b.bytesItem(20, b.leaf(20), format.LogBufTypeUnknown)
			format.LogBufBlkno.Put(i.Regions[0], b.g.ToDaddr(b.g.LogStart)+8)
			return []Item{i}
		}},
		"map beyond the buffer": {format.ErrCorrupt, func(b *bench) []Item {
			i := b.bytesItem(20, b.leaf(20), format.LogBufTypeBtree)
			format.LogBufLen.Put(i.Regions[0], 4)
			return []Item{i}
		}},
		"chunk elsewhere": {format.ErrCorrupt, func(b *bench) []Item {
			return []Item{ChunkItem(b.g, 7, 100, 8, 1)}
		}},
		"chunk of odd length": {format.ErrCorrupt, func(b *bench) []Item {
			return []Item{ChunkItem(b.g, 0, 96, 5, 1)}
		}},
		"inode without a chunk": {format.ErrCorrupt, func(b *bench) []Item {
			return []Item{InodeItem(b.g, testInode(b.g, 96<<3, rand.New(rand.NewPCG(1, 1))), CoreOnly)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.log(b.bytesItem(30, b.leaf(30), format.LogBufTypeBtree))
			b.log(c.items(b)...)
			b.fails(c.class)
		})
	}
}

// testInode makes a regular file with extents and attributes.
func testInode(g *format.Geometry, ino format.Ino, rng *rand.Rand) []byte {
	b := make([]byte, g.InodeSize)
	format.DiMagic.Put(b, format.DinodeMagic)
	format.DiVersion.Put(b, format.DinodeVersion)
	format.DiMode.Put(b, format.ModeReg|0o644)
	format.DiFormat.Put(b, format.FmtExtents)
	format.DiAFormat.Put(b, format.FmtExtents)
	format.DiFlags2.Put(b, format.DiFlag2(rng.IntN(4))<<3&(format.Flag2Bigtime|format.Flag2Nrext64))
	for _, f := range []format.U64[uint64]{format.DiATime, format.DiMTime, format.DiCTime, format.DiCRTime, format.DiChangeCount} {
		f.Put(b, rng.Uint64N(1<<62))
	}
	format.DiUID.Put(b, rng.Uint32())
	format.DiGID.Put(b, rng.Uint32())
	format.DiNLink.Put(b, 1)
	format.DiSize.Put(b, rng.Uint64N(1<<40))
	format.DiForkOff.Put(b, 24)
	n := 1 + rng.IntN(12)
	data, attr := format.Forks(b)
	for i := range n {
		format.Mapping{Off: format.FileOff(i * 10), Start: format.FSBlock(200 + i*4), Count: uint32(1 + rng.IntN(4))}.Pack(data[i*format.BmbtRec.Size:])
	}
	format.Mapping{Start: 199, Count: 1}.Pack(attr)
	format.PutNExtents(b, uint64(n), 1)
	format.DiNBlocks.Put(b, 100)
	format.DiGen.Put(b, rng.Uint32())
	format.DiIno.Put(b, ino)
	format.DiUUID.Put(b, g.MetaUUID)
	format.DiNextUnlinked.Put(b, format.NullAGIno)
	format.SetChecksum(b, format.DiCRC)
	return b
}

// A chunk is made, and inodes in it get what their items say; unlinked pointers come last.
func TestReplayInodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		b := newBench(t)
		ino := format.Ino(96<<3 + rng.IntN(64))
		want := testInode(b.g, ino, rng)
		at, n := Cluster(b.g, ino)
		cluster := make([]byte, n)
		off := int(b.g.InoOffset(ino) - offset(at))
		format.DiNextUnlinked.Put(cluster[off:], 77)
		var dirty DirtyMap
		dirty.Mark(off+int(format.DiNextUnlinked), 4)
		unlinked := BufferItem(at, cluster, &dirty, format.LogBufInode|format.LogBufFlag(0).WithType(format.LogBufTypeDinode))
		lsn := b.log(unlinked, InodeItem(b.g, want, CoreAndForks), ChunkItem(b.g, 0, 96, 8, 5))
		o, r := b.replay()
		if r.Replayed != 3 {
			t.Fatalf("got %+v", r)
		}
		format.DiLSN.Put(want, lsn)
		format.DiNextUnlinked.Put(want, 77)
		format.SetChecksum(want, format.DiCRC)
		if got := read(t, o, b.g.InoOffset(ino), b.g.InodeSize); !bytes.Equal(got, want) {
			t.Fatalf("inode is\n%x, want\n%x", got, want)
		}
		for i := format.Ino(96 << 3); i < 96<<3+64; i++ {
			got := read(t, o, b.g.InoOffset(i), b.g.InodeSize)
			if err := format.Verify(b.g, format.TypeInode, got, format.Place{AG: 0, Daddr: format.NullPlace.Daddr, Ino: i}); err != nil {
				t.Fatal(err)
			}
			if i != ino && (format.DiGen.Get(got) != 5 || format.DiMode.Get(got) != 0) {
				t.Fatalf("inode %d is not a free one of the chunk", i)
			}
		}
		// The cluster is freed again.
		first, _ := Cluster(b.g, 96<<3)
		b.log(CancelItem(first, n, format.LogBufInode))
		if at == first {
			if _, r := b.replay(); r.Cancelled != 3 {
				t.Fatalf("freed: %+v", r)
			}
		}
	}
}

// The root of a tree survives the way into the log and back.
func TestInodeItemTree(t *testing.T) {
	g := testGeometry(512, 0)
	rng := rand.New(rand.NewPCG(8, 9))
	want := testInode(g, 800, rng)
	format.DiFormat.Put(want, format.FmtBtree)
	data, _ := format.Forks(want)
	clear(data)
	format.RootLevel.Put(data, 1)
	room := format.RootMaxRecs(len(data))
	for n := 1; n <= room; n++ {
		format.RootNumRecs.Put(data, uint16(n))
		for i := range n {
			format.BmbtKeyStart.Put(data[format.RootBlock.Size+8*i:], format.FileOff(i*100))
			format.LongPtrTo.Put(data[format.RootBlock.Size+8*(room+i):], format.FSBlock(300+i))
		}
		i, err := (&replayer{stage: newStage(g, &area{}, device.NewMemory(1<<20))}).parseInode(InodeItem(g, want, CoreAndForks))
		check(t, err)
		got := make([]byte, g.InodeSize)
		format.DiNextUnlinked.Put(got, format.NullAGIno)
		check(t, i.apply(got, 0))
		format.SetChecksum(got, format.DiCRC)
		format.SetChecksum(want, format.DiCRC)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d records: inode is\n%x, want\n%x", n, got, want)
		}
	}
}

// Quota records are replayed by their own LSN, and not at all once quotas were switched off.
func TestReplayDquot(t *testing.T) {
	b := newBench(t)
	block := make([]byte, b.g.BlockSize)
	per := b.g.BlockSize / format.Dquot.Size
	for i := range per {
		d := block[i*format.Dquot.Size:][:format.Dquot.Size]
		format.DquotMagicNum.Put(d, format.DquotMagic)
		format.DquotVersionN.Put(d, format.DquotVersion)
		format.DquotTypeMask.Put(d, format.DquotUser)
		format.DquotID.Put(d, uint32(i))
		format.DquotUUID.Put(d, b.g.MetaUUID)
		format.SetChecksum(d, format.DquotCRC)
	}
	var dirty DirtyMap
	dirty.Mark(0, len(block))
	b.log(BufferItem(b.g.AGToDaddr(0, 50), block, &dirty, format.LogBufUDquot|format.LogBufFlag(0).WithType(format.LogBufTypeUDquot)))
	rec := bytes.Clone(block[3*format.Dquot.Size:][:format.DquotLogSize])
	format.DquotBCount.Put(rec, 4711)
	item := newItem(format.LogItemDquot, format.LogDquot.Size, rec)
	format.LogDquotBlkno.Put(item.Regions[0], b.g.AGToDaddr(0, 50))
	format.LogDquotLen.Put(item.Regions[0], 8)
	format.LogDquotBOffset.Put(item.Regions[0], uint32(3*format.Dquot.Size))
	lsn := b.log(item)
	o, r := b.replay()
	got := read(t, o, 50<<12+int64(3*format.Dquot.Size), format.Dquot.Size)
	if r.Replayed != 2 || format.DquotBCount.Get(got) != 4711 || format.DquotLSN.Get(got) != lsn || !format.ChecksumOK(got, format.DquotCRC) {
		t.Errorf("%+v; record %x", r, got)
	}
	off := newItem(format.LogItemQuotaOff, format.LogQuotaOff.Size)
	format.LogQuotaOffFlags.Put(off.Regions[0], uint32(format.DquotUser))
	b.log(off)
	if _, r := b.replay(); r.Cancelled != 2 || r.Replayed != 0 {
		t.Errorf("switched off: %+v", r)
	}
}

// Intents are left unless something says that they are done.
func TestReplayIntents(t *testing.T) {
	list := []*Intent{
		{Type: format.LogItemEFI, ID: 1, Free: []FreeExtent{{100, 5}, {300, 1}}},
		{Type: format.LogItemRUI, ID: 1, Maps: []MapExtent{{Owner: 99, Start: 7, Off: 3, Len: 2, Flags: format.LogRmapMap}}},
		{Type: format.LogItemCUI, ID: 2, Refs: []RefcountExtent{{50, 3, format.LogRefcountIncrease}}},
		{Type: format.LogItemBUI, ID: 3, Maps: []MapExtent{{Owner: 131, Start: 70, Off: 30, Len: 20, Flags: format.LogBmapMap}}},
		{Type: format.LogItemAttrI, ID: 4, Attr: &AttrChange{Ino: 131, Gen: 7, Op: format.LogAttrParentReplace, Filter: format.AttrParent,
			Name: []byte("old name"), NewName: []byte("new"), Value: bytes.Repeat([]byte{1}, 12), NewValue: bytes.Repeat([]byte{2}, 12)}},
		{Type: format.LogItemXMI, ID: 5, Exchange: &Exchange{Ino1: 131, Ino2: 132, Count: 8, Size1: 5}},
	}
	b := newBench(t)
	for _, i := range list {
		i.LSN = b.log(i.Item())
	}
	_, r := b.replay()
	if d := cmp.Diff(list, r.Intents); d != "" {
		t.Errorf("intents (-want +got):\n%s", d)
	}
	if err := MakeClean(b.d, b.g); !errors.Is(err, ErrUnfinished) {
		t.Errorf("got error %v, want ErrUnfinished", err)
	}
	for k, i := range list {
		b.log(i.Done())
		_, r := b.replay()
		if len(r.Intents) != len(list)-k-1 {
			t.Errorf("%d intents are left after %d are done", len(r.Intents), k+1)
		}
	}
}

// A log that is nothing of the kind gives an error, whatever it is.
func TestOpenGarbage(t *testing.T) {
	g := testGeometry(512, 0)
	rng := rand.New(rand.NewPCG(4, 4))
	for name, fill := range map[string]func(b []byte){
		"random": func(b []byte) {
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
		},
		"ones":      func(b []byte) { copy(b, bytes.Repeat([]byte{0xff}, len(b))) },
		"one cycle": func(b []byte) { copy(b, bytes.Repeat([]byte{0, 0, 0, 1}, len(b)/4)) },
		"headers": func(b []byte) {
			for i := 0; i < len(b); i += 512 {
				format.LogMagicNo.Put(b[i:], format.LogMagic)
				format.LogCycle.Put(b[i:], 3)
				format.LogSize.Put(b[i:], rng.Uint32())
				format.LogLen.Put(b[i:], rng.Uint32())
			}
		},
		"no start": func(b []byte) { clear(b[:512]); b[len(b)-509] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			d := testDevice(t, g)
			b := make([]byte, int(g.LogBlocks)*g.BlockSize)
			fill(b)
			_, err := d.WriteAt(b, g.Offset(g.LogStart))
			check(t, err)
			if l, err := Open(d, g); !errors.Is(err, format.ErrCorrupt) {
				t.Errorf("%+v, error %v", l, err)
			}
		})
	}
	d := testDevice(t, g)
	check(t, device.Punch(d, g.Offset(g.LogStart), int64(g.LogBlocks)*4096))
	if l, err := Open(d, g); err != nil || l.State != Zeroed {
		t.Errorf("zeroes: %+v, error %v", l, err)
	}
	g.LogStart = 0
	if _, err := Open(d, g); !errors.Is(err, format.ErrUnsupported) {
		t.Errorf("external: error %v", err)
	}
}
