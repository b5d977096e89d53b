package inode_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/forktest"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadErrors(t *testing.T) {
	m := forktest.New(12, 12)
	src := inode.Source{Geo: m.Geo, Dev: m.Dev}
	free := make([]byte, m.Geo.InodeSize)
	inode.PutFree(m.Geo, free, forktest.Ino)
	m.Inode(t, format.ModeReg|0o644, 5, m.Alloc(forktest.Range{Count: 1}), nil)
	good := make([]byte, m.Geo.InodeSize)
	_, err := m.Dev.ReadAt(good, m.Geo.InoOffset(forktest.Ino))
	check(t, err)
	for name, c := range map[string]struct {
		raw    []byte
		change func(b []byte)
		want   error
	}{
		"free":       {free, func([]byte) {}, inode.ErrFree},
		"empty":      {make([]byte, 512), func([]byte) {}, format.ErrCorrupt},
		"other type": {good, func(b []byte) { format.DiMode.Put(b, 0o150000) }, format.ErrCorrupt},
		"directory":  {good, func(b []byte) { format.DiFormat.Put(b, format.FmtLocal); format.DiMode.Put(b, format.ModeDir) }, format.ErrCorrupt},
		"extents":    {good, func(b []byte) { format.PutNExtents(b, 22, 0) }, format.ErrCorrupt},
		"forkoff":    {good, func(b []byte) { format.DiForkOff.Put(b, 42) }, format.ErrCorrupt},
		"number":     {good, func(b []byte) { format.DiIno.Put(b, 129) }, format.ErrCorrupt},
		"size":       {good, func(b []byte) { format.DiSize.Put(b, 1<<63) }, format.ErrCorrupt},
	} {
		raw := slices.Clone(c.raw)
		c.change(raw)
		inode.Seal(raw)
		if _, err := src.Decode(forktest.Ino, raw); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	broken := slices.Clone(good)
	broken[50]++
	if _, err := src.Decode(forktest.Ino, broken); !errors.Is(err, format.ErrCorrupt) {
		t.Errorf("a wrong checksum: %v", err)
	}
	for _, ino := range []format.Ino{0, 1, 1 << 40, format.NullIno} {
		if _, err := src.Read(ino); !errors.Is(err, format.ErrCorrupt) {
			t.Errorf("inode %d: %v", ino, err)
		}
	}
	src.Dev = bytes.NewReader(make([]byte, 1000))
	if _, err := src.Read(forktest.Ino); !errors.Is(err, io.EOF) {
		t.Errorf("an image that is cut short: %v", err)
	}
}

func TestFields(t *testing.T) {
	m := forktest.New(12, 12)
	raw := make([]byte, m.Geo.InodeSize)
	c := inode.Core{
		Ino: forktest.Ino, Mode: format.ModeBlk | 0o4750, UID: 1, GID: 1 << 31, NLink: 3, Sec: -5, Nsec: 123,
		Gen: 77, Format: format.FmtDev, Room: m.Geo.LiteralSize(),
	}
	inode.Put(m.Geo, raw, &c)
	format.DiProjLo.Put(raw, 2)
	format.DiProjHi.Put(raw, 1)
	format.DevNumber.Put(raw[format.Dinode.Size:], format.EncodeDev(259, 70_000))
	inode.Seal(raw)
	i, err := inode.Source{Geo: m.Geo, Dev: m.Dev}.Decode(forktest.Ino, raw)
	check(t, err)
	major, minor := i.Device()
	for what, ok := range map[string]bool{
		"mode":    i.Mode() == format.ModeBlk|0o4750 && i.Type() == format.ModeBlk && !i.IsDir() && !i.IsLink() && !i.IsRegular(),
		"owner":   i.UID() == 1 && i.GID() == 1<<31 && i.ProjID() == 1<<16+2,
		"links":   i.NLink() == 3 && i.Gen() == 77,
		"device":  major == 259 && minor == 70_000,
		"time":    i.MTime().Equal(time.Unix(-5, 123)) && i.CRTime().Equal(i.ATime()) && i.CTime().Equal(i.ATime()),
		"no fork": i.CowRoot() == 0,
	} {
		if !ok {
			t.Errorf("%s is wrong", what)
		}
	}
	if _, err := i.Target(); err == nil {
		t.Error("a device has a target")
	}
}

// A long target has a header in each mapping, however many blocks that has.
func TestLongTarget(t *testing.T) {
	want := strings.Repeat("target/", 150)[:1023]
	for name, ranges := range map[string][]forktest.Range{
		"one run":  {{Off: 0, Count: 2}},
		"two runs": {{Off: 0, Count: 1}, {Off: 1, Count: 1}},
	} {
		m := forktest.New(10, 12)
		fork := m.Alloc(ranges...)
		done := 0
		for _, r := range ranges {
			b := make([]byte, r.Count<<10)
			rest := want[done:]
			n := min(len(rest), format.RemotePayload(len(b)))
			format.PutRemote(b, format.SymlinkMagic, m.Geo.MetaUUID, forktest.Ino, fork.Daddr(r.Off), 0, []byte(rest[:n]))
			format.RemoteOffset.Put(b, uint32(done))
			format.SetChecksum(b, format.RemoteCRC)
			check(t, fork.Write(r.Off, b))
			done += n
		}
		i := m.Inode(t, format.ModeLink|0o777, uint64(len(want)), fork, nil)
		if got, err := i.Target(); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// treeInode makes an inode whose data fork is a tree of the mappings, and whose count of them is
// as given.
func treeInode(t testing.TB, m *forktest.Image, maps []format.Mapping, count uint64) *inode.Inode {
	t.Helper()
	g := m.Geo
	raw := make([]byte, g.InodeSize)
	fork := raw[format.Dinode.Size:]
	tree := m.Alloc(forktest.Range{Count: btree.Blocks(btree.Shape(btree.Bmbt, g.BlockSize, len(maps), format.RootMaxRecs(len(fork))))})
	l := btree.Load{
		Kind: btree.Bmbt, Geo: g, Owner: forktest.Ino,
		Block: func(i int) uint64 {
			return uint64(tree.Daddr(format.FileOff(i))) << format.BasicBlockLog >> g.BlockLog
		},
		Write: func(i int, b []byte) error { return tree.Write(format.FileOff(i), b) },
	}
	_, err := l.RunInode(len(maps), func(i int, b []byte) { maps[i].Pack(b) }, fork)
	check(t, err)
	c := inode.Core{Ino: forktest.Ino, Mode: format.ModeReg, NLink: 1, Size: 1 << 40, Blocks: 1 << 20, Format: format.FmtBtree, Extents: count, Room: len(fork)}
	inode.Put(g, raw, &c)
	inode.Seal(raw)
	i, err := inode.Source{Geo: g, Dev: m.Dev}.Decode(forktest.Ino, raw)
	check(t, err)
	return i
}

// mappings are n mappings of 1 to 3 blocks, with holes between some.
func mappings(n int) []format.Mapping {
	out := make([]format.Mapping, n)
	off := format.FileOff(5)
	for i := range out {
		out[i] = format.Mapping{Off: off, Start: format.FSBlock(5000 + 4*i), Count: uint32(1 + i%3), Unwritten: i%7 == 3}
		off = out[i].End() + format.FileOff(i%5)
	}
	return out
}

func TestForkInTree(t *testing.T) {
	for _, n := range []int{30, 100, 5000} {
		maps := mappings(n)
		m := forktest.New(10, 10)
		fork, err := treeInode(t, m, maps, uint64(n)).Fork(inode.Data)
		check(t, err)
		collect := func(from format.FileOff) (out []format.Mapping) {
			for m, err := range fork.From(from) {
				check(t, err)
				out = append(out, m)
			}
			return out
		}
		if got := collect(0); !slices.Equal(got, maps) {
			t.Fatalf("%d mappings, want %d", len(got), n)
		}
		// In order, as a file is read, and in the opposite order.
		for _, step := range []int{1, -1} {
			for k := range n {
				if step < 0 {
					k = n - 1 - k
				}
				want := maps[k]
				for off := want.Off; off < want.End(); off++ {
					if got, ok, err := fork.Find(off); got != want || !ok || err != nil {
						t.Fatalf("offset %d: %v, %v, %v, want %v", off, got, ok, err, want)
					}
				}
				if hole := want.End(); k+1 < n && maps[k+1].Off > hole {
					if got, ok, err := fork.Find(hole); ok || err != nil {
						t.Fatalf("hole at %d: %v, %v", hole, got, err)
					}
				}
				if k%97 == 0 && !slices.Equal(collect(want.Off), maps[k:]) {
					t.Fatalf("not all mappings from %d on", want.Off)
				}
			}
		}
	}
}

func TestDamagedForkInTree(t *testing.T) {
	overlap := mappings(200)
	overlap[100].Count += 50
	outside := mappings(200)
	outside[150].Start = 1 << 40
	empty := mappings(200)
	empty[77].Count = 0
	for name, c := range map[string]struct {
		maps  []format.Mapping
		count uint64
	}{
		"overlap": {overlap, 200}, "outside": {outside, 200}, "empty": {empty, 200}, "too few": {mappings(200), 201}, "too many": {mappings(200), 199},
	} {
		fork, err := treeInode(t, forktest.New(10, 10), c.maps, c.count).Fork(inode.Data)
		check(t, err)
		var last error
		for _, last = range fork.All() {
		}
		if !errors.Is(last, format.ErrCorrupt) || !strings.Contains(last.Error(), "inode 128") {
			t.Errorf("%s: %v", name, last)
		}
	}
}

// The CoW fork is a tree with its root in a block of its own.
func TestCowFork(t *testing.T) {
	m := forktest.New(10, 10)
	m.Geo.ROCompat |= format.ROPendingCow | format.ROReflink
	maps := mappings(700)
	tree := m.Alloc(forktest.Range{Count: 100})
	l := btree.Load{
		Kind: btree.Bmbt, Geo: m.Geo, Owner: forktest.Ino,
		Block: func(i int) uint64 {
			return uint64(tree.Daddr(format.FileOff(i))) << format.BasicBlockLog >> m.Geo.BlockLog
		},
		Write: func(i int, b []byte) error { return tree.Write(format.FileOff(i), b) },
	}
	root, _, err := l.Run(len(maps), func(i int, b []byte) { maps[i].Pack(b) })
	check(t, err)
	raw := slices.Clone(m.Inode(t, format.ModeReg|0o644, 0, nil, nil).Raw)
	format.DiCowRoot.Put(raw, format.FSBlock(root))
	inode.Seal(raw)
	src := inode.Source{Geo: m.Geo, Dev: m.Dev}
	i, err := src.Decode(forktest.Ino, raw)
	check(t, err)
	fork, err := i.Fork(inode.Cow)
	check(t, err)
	var got []format.Mapping
	for m, err := range fork.All() {
		check(t, err)
		got = append(got, m)
	}
	if !slices.Equal(got, maps) {
		t.Errorf("%d mappings, want %d", len(got), len(maps))
	}
	// Without the feature bit the bytes mean nothing.
	m.Geo.ROCompat &^= format.ROPendingCow
	if i.CowRoot() != 0 {
		t.Error("a CoW fork on a volume that has none")
	}
}

// FuzzInode reads inodes that a fuzzer has made up, with their number and checksum made right.
func FuzzInode(f *testing.F) {
	m := forktest.New(10, 10)
	data, attr := m.Alloc(forktest.Range{Count: 3}, forktest.Range{Off: 9, Count: 1}), m.Alloc(forktest.Range{Count: 2})
	f.Add(m.Inode(f, format.ModeReg|0o644, 4000, data, attr).Raw)
	f.Add(m.Inode(f, format.ModeLink|0o777, 900, data, nil).Raw)
	f.Add(m.Inode(f, format.ModeDir|0o755, 1024, data, nil).Raw)
	f.Add(treeInode(f, m, mappings(300), 300).Raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := make([]byte, m.Geo.InodeSize)
		copy(b, raw)
		format.DiIno.Put(b, forktest.Ino)
		format.DiUUID.Put(b, m.Geo.MetaUUID)
		inode.Seal(b)
		i, err := inode.Source{Geo: m.Geo, Dev: m.Dev}.Decode(forktest.Ino, b)
		if err != nil {
			if !errors.Is(err, format.ErrCorrupt) && !errors.Is(err, inode.ErrFree) {
				t.Error(err)
			}
			return
		}
		i.ATime()
		i.Device()
		if _, err := i.Target(); i.IsLink() && err != nil && !errors.Is(err, format.ErrCorrupt) {
			t.Error(err)
		}
		for _, which := range []inode.Which{inode.Data, inode.Attr, inode.Cow} {
			fork, err := i.Fork(which)
			if err != nil {
				continue
			}
			end := format.FileOff(0)
			for m, err := range fork.All() {
				if err != nil {
					if !errors.Is(err, format.ErrCorrupt) {
						t.Error(err)
					}
					break
				}
				if m.Off < end {
					t.Errorf("mapping at %d before %d", m.Off, end)
				}
				end = m.End()
			}
		}
	})
}
