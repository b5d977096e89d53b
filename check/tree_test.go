package check_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
)

// groupKinds are the kinds of trees that each group has.
var groupKinds = []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Rmapbt, btree.Refcountbt, btree.Inobt, btree.Finobt}

// treeFaults are faults of single blocks. They are made in the root, if it is a node, or in the
// second leaf.
var treeFaults = []struct {
	code string
	node bool // in a root
	make func(n btree.Node, p []byte)
}{
	{"btree.uuid", false, func(_ btree.Node, p []byte) { format.ShortUUID.Put(p, format.UUID{1}) }},
	{"btree.address", false, func(_ btree.Node, p []byte) { format.ShortBno.Put(p, 1) }},
	{"btree.owner", false, func(_ btree.Node, p []byte) { format.ShortOwner.Put(p, 1) }},
	{"btree.level", false, func(_ btree.Node, p []byte) { format.ShortLevel.Put(p, 1) }},
	{"btree.level", true, func(_ btree.Node, p []byte) { format.ShortLevel.Put(p, 5) }},
	{"btree.numrecs", false, func(_ btree.Node, p []byte) { format.ShortNumRecs.Put(p, 0) }},
	{"btree.numrecs", true, func(_ btree.Node, p []byte) { format.ShortNumRecs.Put(p, 0xffff) }},
	{"btree.sibling", false, func(_ btree.Node, p []byte) { format.ShortLeftSib.Put(p, format.NullAGBlock) }},
	{"btree.sibling", false, func(_ btree.Node, p []byte) { format.ShortRightSib.Put(p, 77) }},
	{"btree.sibling", true, func(_ btree.Node, p []byte) { format.ShortRightSib.Put(p, 77) }},
	{"btree.order", false, func(n btree.Node, _ []byte) {
		first := bytes.Clone(n.Rec(0))
		copy(n.Rec(0), n.Rec(1))
		copy(n.Rec(1), first)
	}},
	{"btree.key", true, func(n btree.Node, _ []byte) { n.Key(1)[3]++ }},
	{"btree.pointer", true, func(n btree.Node, p []byte) { setPtr(n, p, 1, 0) }},
	{"btree.pointer", true, func(n btree.Node, p []byte) { setPtr(n, p, 1, 1<<31) }},
	{"btree.twice", true, func(n btree.Node, p []byte) { setPtr(n, p, 1, uint32(n.Ptr(0))) }},
	{"btree.magic", false, func(_ btree.Node, p []byte) { format.ShortMagic.Put(p, 0x12345678) }},
}

// setPtr changes pointer i of a node of a group's tree.
func setPtr(n btree.Node, p []byte, i int, to uint32) {
	at := n.Kind.HeaderSize() + n.Kind.MaxRecs(len(p), n.Level)*n.Kind.KeySize + i*n.Kind.PtrSize()
	format.ShortPtrTo.Put(p[at:], format.AGBlock(to))
}

// TestTreeFaults makes each fault in each kind of tree.
func TestTreeFaults(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	b.sound(map[*btree.Kind]int{btree.Bnobt: 2, btree.Cntbt: 2, btree.Rmapbt: 2, btree.Refcountbt: 2})
	for _, k := range groupKinds {
		for i, f := range treeFaults {
			leaves := b.leaves(b.dev, k)
			if len(leaves) < 2 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d %s", k.Name, i, f.code), func(t *testing.T) {
				b, dev := *b, b.dev.Clone()
				b.TB = t
				off := leaves[1].off
				if f.node {
					off = b.blocks(dev, k)[0].off
				}
				b.block(dev, k.Type(), off, func(p []byte) { f.make(k.NodeOf(p), p) })
				r := b.check(dev, check.Options{})
				b.only(r, f.code, k)
			})
		}
	}
}

// only makes sure that a report has a code and, beside it, nothing but what the same damage of a
// tree means.
func (b *bed) only(r *check.Report, want string, k *btree.Kind) {
	b.Helper()
	found := false
	for _, f := range r.Findings {
		if f.Code.Name == want {
			found = true
			if !strings.HasPrefix(f.Structure, k.Name) || f.Place.AG != 0 {
				b.Errorf("finding about something else: %s", show(f))
			}
			continue
		}
		if !slices.Contains(allowed[want], f.Code.Name) {
			b.Errorf("false alarm: %s", show(f))
		}
	}
	if !found {
		b.Errorf("not found: %s, only %q", want, codes(r))
	}
}

// allowed are codes that a fault may give besides its own.
var allowed = map[string][]string{
	"btree.order": {"btree.key", "space.overlap", "refcount.overlap"},
	"btree.twice": {"btree.key", "btree.high-key"},
}

// TestHighKeys makes the high keys of rmapbt wrong.
func TestHighKeys(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	for i, change := range []func(key []byte){
		func(key []byte) { format.RmapHighKeyStart.Put(key, format.RmapHighKeyStart.Get(key)+1) },
		func(key []byte) { format.RmapHighKeyOwner.Put(key, 5) },
		func(key []byte) { format.RmapHighKeyOffset.Put(key, format.RmapHighKeyOffset.Get(key)^1) },
	} {
		dev := b.dev.Clone()
		b.root(dev, rmap, func(n node, _ []byte) { change(n.Key(0)) })
		if got := codes(b.check(dev, check.Options{})); got != "btree.high-key" {
			t.Errorf("change %d: %q", i, got)
		}
	}
}

// TestTreeCRC changes blocks without giving them a right checksum.
func TestTreeCRC(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	for _, k := range groupKinds {
		dev := b.dev.Clone()
		b.bytes(dev, b.blocks(dev, k)[0].off+int64(b.geo.BlockSize)-1, 1, func(p []byte) { p[0]++ })
		b.only(b.check(dev, check.Options{}), "btree.crc", k)
	}
}

// TestUnderfull moves records from one leaf to the one before.
func TestUnderfull(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	dev := b.dev.Clone()
	leaves := b.leaves(dev, bno)
	i := len(leaves) - 1
	var moved [][]byte
	keep := bno.MinRecs(b.geo.BlockSize, 0) - 1
	b.block(dev, bno.Type(), leaves[i].off, func(p []byte) {
		n := bno.NodeOf(p)
		for j := range n.Len() - keep {
			moved = append(moved, bytes.Clone(n.Rec(j)))
		}
		for j := range keep {
			copy(n.Rec(j), n.Rec(j+len(moved)))
		}
		format.ShortNumRecs.Put(p, uint16(keep))
		b.root(dev, bno, func(r node, _ []byte) { copy(r.Key(i), n.Rec(0)) })
	})
	b.block(dev, bno.Type(), leaves[i-1].off, func(p []byte) {
		was := bno.NodeOf(p).Len()
		format.ShortNumRecs.Put(p, uint16(was+len(moved)))
		n := bno.NodeOf(p)
		if n.Len() != was+len(moved) {
			t.Fatal("no room in the leaf before")
		}
		for j, rec := range moved {
			copy(n.Rec(was+j), rec)
		}
	})
	r := b.check(dev, check.Options{})
	if got := codes(r); got != "btree.underfull" || r.Findings[0].Code.Severity != check.Oddity {
		t.Errorf("codes %q", got)
	}
}

// TestTall puts a root above the only block of a tree.
func TestTall(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	dev := b.dev.Clone()
	var block format.AGBlock
	b.space(dev, func(tx *tx, g *groups, _ *counts) error {
		e, err := g.Alloc(tx, space.Request{Min: 1, Near: b.geo.FSB(2, 0), Only: true, Owner: space.Owner{ID: format.OwnAG}})
		block = b.geo.AGB(e.Start)
		return err
	})
	was := b.tree(dev, bno, 2)
	if was.Levels != 1 {
		t.Fatal("bnobt of group 2 has several levels")
	}
	p := make([]byte, b.geo.BlockSize)
	_, err := dev.ReadAt(p, b.geo.AGOffset(2, format.AGBlock(was.Root)))
	b.must(err)
	first := bytes.Clone(bno.NodeOf(p).Rec(0))
	format.ShortLevel.Put(p, 1)
	format.ShortNumRecs.Put(p, 1)
	format.ShortBno.Put(p, b.geo.AGToDaddr(2, block))
	n := bno.NodeOf(p)
	copy(n.Key(0), first)
	setPtr(n, p, 0, uint32(was.Root))
	bno.Type().SetChecksum(p)
	_, err = dev.WriteAt(p, b.geo.AGOffset(2, block))
	b.must(err)
	b.header(dev, format.TypeAGF, 2, func(p []byte) {
		format.AGFBnoRoot.Put(p, block)
		format.AGFBnoLevel.Put(p, 2)
		format.AGFBtreeBlks.Put(p, format.AGFBtreeBlks.Get(p)+1)
	})
	b.header(dev, format.TypeSuperblock, 0, func(p []byte) { format.SBFDBlocks.Put(p, format.SBFDBlocks.Get(p)+1) })
	if got := codes(b.check(dev, check.Options{})); got != "btree.tall btree.underfull" {
		t.Errorf("codes %q", got)
	}
}

// TestTreePadding sets the padding that blocks of a file's tree have.
func TestTreePadding(t *testing.T) {
	b := newFileBed(t, mkfs.Config{})
	dev := b.dev.Clone()
	blocks := b.owned(dev, "/tree", format.TypeBmbt)
	if len(blocks) == 0 {
		t.Fatal("the file has no tree")
	}
	b.block(dev, format.TypeBmbt, blocks[0].Off, func(p []byte) { p[format.LongBlock.Size-1] = 1 })
	if got := codes(b.check(dev, check.Options{})); got != "btree.padding" {
		t.Errorf("codes %q", got)
	}
}
