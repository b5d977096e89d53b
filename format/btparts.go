package format

import "fmt"

// btShape is what the blocks of one kind of B+tree are made of.
type btShape struct {
	header, rec, key, ptr *Struct
}

// shapeOf returns the shape that goes with a magic number.
func shapeOf(g *Geometry, m BtreeMagic) (btShape, bool) {
	s := btShape{header: ShortBlock, ptr: ShortPtr}
	switch m {
	case BnobtMagic, CntbtMagic:
		s.rec, s.key = FreeRec, FreeRec
	case InobtMagic, FinobtMagic:
		s.rec, s.key = InobtRec, InobtKey
		if !g.HasSparse() {
			s.rec = InobtRecFull
		}
	case RmapbtMagic:
		s.rec, s.key = RmapRec, RmapKey
	case RefcbtMagic:
		s.rec, s.key = RefcountRec, RefcountKey
	case BmbtMagic:
		s = btShape{header: LongBlock, rec: BmbtRec, key: BmbtKey, ptr: LongPtr}
	default:
		return btShape{}, false
	}
	return s, true
}

// maxRecs is the number of records that fit in a leaf of size bytes, or of keys with their
// pointers in a node.
func (s btShape) maxRecs(size int, leaf bool) int {
	if leaf {
		return (size - s.header.Size) / s.rec.Size
	}
	return (size - s.header.Size) / (s.key.Size + s.ptr.Size)
}

// btreeParts lists the records of a leaf, or the keys and the pointers of a node. A node's
// pointers start behind the room for all the keys that it could have.
func btreeParts(g *Geometry, b []byte) ([]Part, error) {
	magic := ShortMagic.Get(b)
	shape, ok := shapeOf(g, magic)
	if !ok {
		return nil, Corrupt("btree block", "magic", fmt.Sprintf("%#x", uint32(magic)), "that of a B+tree block")
	}
	if len(b) < shape.header.Size {
		return nil, Corrupt("btree block", "magic", fmt.Sprintf("%#x", uint32(magic)), "that of a tree within a group")
	}
	level, n := ShortLevel.Get(b), int(ShortNumRecs.Get(b))
	room := shape.maxRecs(len(b), level == 0)
	var damage error
	if n > room {
		damage = Corrupt("btree block", "numrecs", n, upTo(uint32(room)))
		n = room
	}
	if level == 0 {
		return repeat("recs", shape.header.Size, n, shape.rec), damage
	}
	keys := repeat("keys", shape.header.Size, n, shape.key)
	return append(keys, repeat("ptrs", shape.header.Size+room*shape.key.Size, n, shape.ptr)...), damage
}

// rootParts lists the keys and pointers of a tree's root in its inode; b is the whole fork.
func rootParts(_ *Geometry, b []byte) ([]Part, error) {
	n, room := int(RootNumRecs.Get(b)), RootMaxRecs(len(b))
	var damage error
	if n > room {
		damage = Corrupt("bmbt root", "numrecs", n, upTo(uint32(room)))
		n = room
	}
	keys := repeat("keys", RootBlock.Size, n, BmbtKey)
	return append(keys, repeat("ptrs", RootBlock.Size+room*BmbtKey.Size, n, LongPtr)...), damage
}
