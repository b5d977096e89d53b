package btree

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// home is the address that a tree's block carries at place block.
func (k *Kind) home(g *format.Geometry, ag format.AGNumber, owner format.Ino, block uint64) address {
	if k.Long {
		return address{g.ToDaddr(format.FSBlock(block)), uint64(owner), g.MetaUUID}
	}
	return address{g.AGToDaddr(ag, format.AGBlock(block)), uint64(ag), g.MetaUUID}
}

// verify judges a block by itself: that it is one of this tree's, of the expected level, and
// sound inside. Links and keys are judged where the neighbours are known.
func (t *Tree) verify(block uint64, level int, root bool, b []byte) error {
	k := t.Kind
	if got := format.ShortMagic.Get(b); got != k.Magic {
		return t.corruptBlock(block, "magic", hex32(uint32(got)), hex32(uint32(k.Magic)))
	}
	if !format.ChecksumOK(b, k.crcField()) {
		return t.corruptBlock(block, "crc", hex32(k.crcField().Get(b)), hex32(format.Checksum(b, k.crcField())))
	}
	got, want := k.address(b), k.home(t.Geo, t.AG, t.Owner, block)
	switch {
	case got.uuid != want.uuid:
		return t.corruptBlock(block, "uuid", fmt.Sprintf("%x", got.uuid), fmt.Sprintf("%x", want.uuid))
	case got.daddr != want.daddr:
		return t.corruptBlock(block, "bno", got.daddr, want.daddr)
	case got.owner != want.owner:
		return t.corruptBlock(block, "owner", got.owner, want.owner)
	}
	if got := int(format.ShortLevel.Get(b)); got != level {
		return t.corruptBlock(block, "level", got, level)
	}
	least := 1
	if root && level == 0 {
		least = 0
	}
	if got, most := int(format.ShortNumRecs.Get(b)), k.MaxRecs(len(b), level); got < least || got > most {
		return t.corruptBlock(block, "numrecs", got, fmt.Sprintf("%d to %d", least, most))
	}
	if i := k.NodeOf(b).unsorted(); i >= 0 {
		return t.corruptBlock(block, "key order", fmt.Sprintf("entry %d not above the one before", i), nil)
	}
	return nil
}

// unsorted is the first entry that does not come strictly after the one before it, -1 if there
// is none.
func (n Node) unsorted() int { return n.Unsorted(1) }

// corrupt is an error about the tree's root, where no block is to blame.
func (t *Tree) corrupt(field string, got, want any) error {
	return format.Corrupt(t.Kind.Name, field, got, want).At(t.place())
}

// corruptBlock is an error about one block.
func (t *Tree) corruptBlock(block uint64, field string, got, want any) error {
	p := t.place()
	if t.valid(block) {
		p.Daddr = format.Daddr(t.offset(block) >> format.BasicBlockLog)
	}
	return format.Corrupt(t.name(block), field, got, want).At(p)
}

// place is what is known of where the whole tree lies.
func (t *Tree) place() format.Place {
	p := format.NullPlace
	if t.Kind.Long {
		p.Ino = t.Owner
	} else {
		p.AG = t.AG
	}
	return p
}

// name is how errors call a block.
func (t *Tree) name(block uint64) string {
	if block == t.Kind.Null() {
		return t.Kind.Name + " root"
	}
	return t.Kind.Name + " block " + t.number(block)
}

func (t *Tree) number(block uint64) string {
	if block == t.Kind.Null() {
		return "null"
	}
	return fmt.Sprint(block)
}

func hex32(v uint32) string { return fmt.Sprintf("%#x", v) }
