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
)

// groupKinds are the kinds of trees that each group has.
var groupKinds = []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Rmapbt, btree.Refcountbt, btree.Inobt, btree.Finobt}

// treeFaults are faults of single blocks. They are made in the root, if it is a node, or in the
// second leaf.
var treeFaults = []struct {
	code *check.Code
	node bool // in a root
	make func(n btree.Node, p []byte)
}{
	{check.BtreeUUID, false, func(_ btree.Node, p []byte) { format.ShortUUID.Put(p, format.UUID{1}) }},
	{check.BtreeAddress, false, func(_ btree.Node, p []byte) { format.ShortBno.Put(p, 1) }},
	{check.BtreeOwner, false, func(_ btree.Node, p []byte) { format.ShortOwner.Put(p, 1) }},
	{check.BtreeLevel, false, func(_ btree.Node, p []byte) { format.ShortLevel.Put(p, 1) }},
	{check.BtreeLevel, true, func(_ btree.Node, p []byte) { format.ShortLevel.Put(p, 5) }},
	{check.BtreeNumRecs, false, func(_ btree.Node, p []byte) { format.ShortNumRecs.Put(p, 0) }},
	{check.BtreeNumRecs, true, func(_ btree.Node, p []byte) { format.ShortNumRecs.Put(p, 0xffff) }},
	{check.BtreeSibling, false, func(_ btree.Node, p []byte) { format.ShortLeftSib.Put(p, format.NullAGBlock) }},
	{check.BtreeSibling, false, func(_ btree.Node, p []byte) { format.ShortRightSib.Put(p, 77) }},
	{check.BtreeSibling, true, func(_ btree.Node, p []byte) { format.ShortRightSib.Put(p, 77) }},
	{check.BtreeOrder, false, func(n btree.Node, _ []byte) {
		first := bytes.Clone(n.Rec(0))
		copy(n.Rec(0), n.Rec(1))
		copy(n.Rec(1), first)
	}},
	{check.BtreeKey, true, func(n btree.Node, _ []byte) { n.Key(1)[3]++ }},
	{check.BtreePointer, true, func(n btree.Node, p []byte) { setPtr(n, p, 1, 0) }},
	{check.BtreePointer, true, func(n btree.Node, p []byte) { setPtr(n, p, 1, 1<<31) }},
	{check.BtreeTwice, true, func(n btree.Node, p []byte) { setPtr(n, p, 1, uint32(n.Ptr(0))) }},
	{check.BtreeMagic, false, func(_ btree.Node, p []byte) { format.ShortMagic.Put(p, 0x12345678) }},
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
			t.Run(fmt.Sprintf("%s/%d %v", k.Name, i, f.code), func(t *testing.T) {
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
func (b *bed) only(r *check.Report, want *check.Code, k *btree.Kind) {
	b.Helper()
	found := false
	for _, f := range r.Findings {
		if f.Code == want {
			found = true
			if !strings.HasPrefix(f.Structure, k.Name) || f.Place.AG != 0 {
				b.Errorf("finding about something else: %s", show(f))
			}
			continue
		}
		if !slices.Contains(allowed[want], f.Code) {
			b.Errorf("false alarm: %s", show(f))
		}
	}
	if !found {
		b.Errorf("not found: %v, only %q", want, codes(r))
	}
}

// allowed are codes that a fault may give besides its own.
var allowed = map[*check.Code][]*check.Code{
	check.BtreeOrder: {check.BtreeKey, check.SpaceOverlap, check.RefcountOverlap},
	check.BtreeTwice: {check.BtreeKey, check.BtreeHighKey},
}
