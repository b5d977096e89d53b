package check_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
	"github.com/cowfs/cowfs/volume"
)

// bed is a sound image in memory, for tests to make copies of it wrong. Its blocks are of 1 KiB,
// and the trees of group 0 have two levels or more.
type bed struct {
	testing.TB
	dev *device.Memory
	geo *format.Geometry
}

// stayOpen is a device that others may close without effect.
type stayOpen struct{ device.Device }

func (stayOpen) Close() error { return nil }

// newBed makes an image.
func newBed(t testing.TB, c mkfs.Config) *bed {
	t.Helper()
	b := makeBed(t, mkfs.Job{Config: c})
	b.write(b.dev, b.fill)
	return b
}

// makeBed makes an image with the content of a job.
func makeBed(t testing.TB, j mkfs.Job) *bed {
	t.Helper()
	j.Config.Size, j.Config.BlockSize, j.Config.AGCount = 96<<20, 1024, 3
	path := filepath.Join(t.TempDir(), "image")
	j.Path, j.Time = path, time.Unix(1e9, 0)
	_, err := mkfs.Make(t.Context(), j)
	b := &bed{TB: t}
	b.must(err)
	f, err := device.Open(path, device.ReadOnly)
	b.must(err)
	defer f.Close()
	b.dev = device.NewMemory(f.Size())
	piece := make([]byte, 1<<20)
	for off := int64(0); off < f.Size(); off += int64(len(piece)) {
		_, err := f.ReadAt(piece, off)
		b.must(err)
		if slices.ContainsFunc(piece, func(c byte) bool { return c != 0 }) {
			_, err = b.dev.WriteAt(piece, off)
			b.must(err)
		}
	}
	return b
}

func (b *bed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// write changes an image as a user would.
func (b *bed) write(dev *device.Memory, change func(w *volume.Writer)) {
	b.Helper()
	w, err := volume.OpenWriter(stayOpen{dev}, volume.Options{})
	b.must(err)
	b.geo = w.Geo
	change(w)
	b.must(w.Close())
}

// fill makes free space in many pieces, a file of many extents, and files that share some of
// theirs.
func (b *bed) fill(w *volume.Writer) {
	block := make([]byte, 1024)
	for i := range block {
		block[i] = byte(i)
	}
	for i := range 600 {
		b.must(w.Create(fmt.Sprintf("/small%d", i), volume.Attr{Mode: 0o644}))
		b.must(w.WriteAt(fmt.Sprintf("/small%d", i), block, 0))
	}
	b.must(w.Sync())
	b.must(w.Create("/base", volume.Attr{Mode: 0o644}))
	for i := range 400 {
		b.must(w.WriteAt("/base", block, int64(i)<<10))
	}
	b.must(w.Sync())
	for i := range 600 {
		if i%2 == 0 || i%7 == 6 { // free extents of one block and of three
			b.must(w.Remove(fmt.Sprintf("/small%d", i)))
		}
	}
	if !w.Geo.HasReflink() {
		return
	}
	for _, name := range []string{"/copy", "/third"} {
		b.must(w.Clone("/base", name))
	}
	b.must(w.Sync())
	for i := int64(0); i < 400; i += 4 {
		b.must(w.Punch("/copy", i<<10, 1<<10))
	}
}

// space changes an image through the layers below volume, which do as they are told.
func (b *bed) space(dev *device.Memory, change func(tx *txn.Tx, groups *space.Groups, counts *refcount.Counts) error) {
	b.Helper()
	l, err := journal.Open(dev, b.geo)
	b.must(err)
	j, err := journal.NewWriter(l, journal.WriterOptions{})
	b.must(err)
	store := txn.NewStore(stayOpen{dev}, b.geo, txn.NewLog(j))
	tx, err := store.Begin()
	b.must(err)
	groups := space.New(b.geo)
	b.must(change(tx, groups, refcount.New(b.geo, groups)))
	b.must(tx.Commit())
	b.must(store.Close())
	b.write(dev, func(w *volume.Writer) { b.must(w.Chmod("/", 0o755)) }) // which counts up
}

// tree opens a tree of a group.
func (b *bed) tree(dev *device.Memory, k *btree.Kind, ag format.AGNumber) *btree.Tree {
	b.Helper()
	v, err := volume.Open(stayOpen{dev}, volume.Options{})
	b.must(err)
	t, err := v.Tree(k, ag)
	b.must(err)
	return t
}

// block changes one structure of an image and gives it a right checksum.
func (b *bed) block(dev *device.Memory, typ *format.BlockType, off int64, change func(p []byte)) {
	b.Helper()
	n := b.geo.BlockSize
	if typ.Table == format.Superblock || typ.Table == format.AGF || typ.Table == format.AGI || typ.Table == format.AGFL {
		n = b.geo.SectSize
	}
	p := make([]byte, n)
	_, err := dev.ReadAt(p, off)
	b.must(err)
	if !typ.Is(p) {
		b.Fatalf("no %v at byte %d", typ, off)
	}
	change(p)
	typ.SetChecksum(p)
	_, err = dev.WriteAt(p, off)
	b.must(err)
}

// header changes a sector at the head of a group.
func (b *bed) header(dev *device.Memory, typ *format.BlockType, ag format.AGNumber, change func(p []byte)) {
	b.Helper()
	sector := map[*format.BlockType]int{format.TypeSuperblock: 0, format.TypeAGF: 1, format.TypeAGI: 2, format.TypeAGFL: 3}[typ]
	b.block(dev, typ, b.geo.SectorOffset(ag, sector), change)
}

// place is a block of a tree.
type place struct {
	level int
	block format.AGBlock
	off   int64
}

// blocks are the blocks of a tree of group 0, the root first.
func (b *bed) blocks(dev *device.Memory, k *btree.Kind) (list []place) {
	b.Helper()
	b.must(b.tree(dev, k, 0).Walk(func(level int, block uint64, _ []byte) error {
		list = append(list, place{level, format.AGBlock(block), b.geo.AGOffset(0, format.AGBlock(block))})
		return nil
	}))
	return list
}

// leaves are the leaves of a tree.
func (b *bed) leaves(dev *device.Memory, k *btree.Kind) (list []place) {
	for _, p := range b.blocks(dev, k) {
		if p.level == 0 {
			list = append(list, p)
		}
	}
	return list
}

// leaf changes a leaf of a tree of group 0.
func (b *bed) leaf(dev *device.Memory, k *btree.Kind, i int, change func(n btree.Node, p []byte)) {
	b.Helper()
	b.block(dev, k.Type(), b.leaves(dev, k)[i].off, func(p []byte) { change(k.NodeOf(p), p) })
}

// root changes the root of a tree of group 0, which has children.
func (b *bed) root(dev *device.Memory, k *btree.Kind, change func(n btree.Node, p []byte)) {
	b.Helper()
	b.block(dev, k.Type(), b.blocks(dev, k)[0].off, func(p []byte) {
		if k.NodeOf(p).Level == 0 {
			b.Fatalf("%s has one level", k.Name)
		}
		change(k.NodeOf(p), p)
	})
}

// check checks an image.
func (b *bed) check(dev device.Device, o check.Options) *check.Report {
	b.Helper()
	r, err := check.Run(b.Context(), dev, o)
	b.must(err)
	return r
}

// show is a finding as a line.
func show(f check.Finding) string {
	return fmt.Sprintf("%v %s.%s at %+v: got %q, want %q %s", f.Code, f.Structure, f.Field, f.Place, f.Got, f.Want, f.Note)
}

// codes are the different codes of a report, in order.
func codes(r *check.Report) string {
	var l []string
	for _, f := range r.Findings {
		l = append(l, f.Code.Name)
	}
	slices.Sort(l)
	return strings.Join(slices.Compact(l), " ")
}

// Short names for tables of faults.
type (
	kind   = btree.Kind
	node   = btree.Node
	tx     = txn.Tx
	groups = space.Groups
	counts = refcount.Counts
)

var bno, rmap, refc, ino = btree.Bnobt, btree.Rmapbt, btree.Refcountbt, btree.Inobt
