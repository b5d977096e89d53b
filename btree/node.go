package btree

import "github.com/cowfs/cowfs/format"

// Node is a view of one block of a tree, leaf or not, or of a root in an inode's fork. It
// copies nothing: the bytes under it must stay as they are while it is used. Indices run from 0
// to Len()-1.
type Node struct {
	Kind  *Kind
	Level int // 0 is a leaf
	n     int
	recs  []byte // records of a leaf, keys of a node
	ptrs  []byte // pointers of a node
}

// NodeOf returns a view of block b. It trusts nothing in the block but limits what can be
// reached to b: Len is cut to what fits.
func (k *Kind) NodeOf(b []byte) Node {
	n := Node{Kind: k, Level: int(format.ShortLevel.Get(b)), recs: b[k.HeaderSize():]}
	most := k.MaxRecs(len(b), n.Level)
	n.n = min(int(format.ShortNumRecs.Get(b)), most)
	if n.Level > 0 {
		n.ptrs = n.recs[most*k.KeySize:]
	}
	return n
}

// RootOf returns a view of the root of a tree in a fork of an inode. Len is cut to what fits.
func (k *Kind) RootOf(fork []byte) Node {
	n := Node{Kind: k, Level: int(format.RootLevel.Get(fork)), recs: fork[format.RootBlock.Size:]}
	most := format.RootMaxRecs(len(fork))
	n.n = min(int(format.RootNumRecs.Get(fork)), most)
	n.ptrs = n.recs[most*k.KeySize:]
	return n
}

// Len is the number of records of a leaf, or of children of a node.
func (n Node) Len() int { return n.n }

// Rec is record i of a leaf.
func (n Node) Rec(i int) []byte { return n.recs[i*n.Kind.RecSize:][:n.Kind.RecSize] }

// Key is key i of a node; in an overlapping kind, both halves.
func (n Node) Key(i int) []byte { return n.recs[i*n.Kind.KeySize:][:n.Kind.KeySize] }

// Ptr is the block of child i of a node: an FSBlock in a long kind, else an AGBlock.
func (n Node) Ptr(i int) uint64 {
	if n.Kind.Long {
		return uint64(format.LongPtrTo.Get(n.ptrs[i*format.LongPtr.Size:]))
	}
	return uint64(format.ShortPtrTo.Get(n.ptrs[i*format.ShortPtr.Size:]))
}

func (n Node) setPtr(i int, block uint64) {
	if n.Kind.Long {
		format.LongPtrTo.Put(n.ptrs[i*format.LongPtr.Size:], format.FSBlock(block))
	} else {
		format.ShortPtrTo.Put(n.ptrs[i*format.ShortPtr.Size:], format.AGBlock(block))
	}
}

// low is the low key of entry i, on any level.
func (n Node) low(i int) order {
	if n.Level == 0 {
		return n.Kind.low(n.Rec(i))
	}
	return n.Kind.key(n.Key(i))
}

// high is the high key of entry i. In a node of a kind that does not overlap it is not known
// from the node alone; high must not be called there.
func (n Node) high(i int) order {
	if n.Level == 0 {
		return n.Kind.high(n.Rec(i))
	}
	return n.Kind.key(n.Key(i)[n.Kind.LowSize():])
}

// maxHigh is the greatest high key of all entries. The node must not be empty.
func (n Node) maxHigh() order {
	most := n.high(0)
	for i := 1; i < n.n; i++ {
		if h := n.high(i); most.less(h) {
			most = h
		}
	}
	return most
}

// search returns the first entry whose low key is above o; with orEqual, the first that is not
// below o.
func (n Node) search(o order, orEqual bool) int {
	entry, size := n.Kind.low, n.Kind.RecSize
	if n.Level > 0 {
		entry, size = n.Kind.key, n.Kind.KeySize
	}
	lo, hi := 0, n.n
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if c := entry(n.recs[mid*size:][:size]).compare(o); c > 0 || c == 0 && orEqual {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Null is the block number that means no block.
func (k *Kind) Null() uint64 {
	if k.Long {
		return uint64(format.NullFSBlock)
	}
	return uint64(format.NullAGBlock)
}

// siblings are the neighbours that a block names, Null where there is none.
func (k *Kind) siblings(b []byte) (left, right uint64) {
	if k.Long {
		return uint64(format.LongLeftSib.Get(b)), uint64(format.LongRightSib.Get(b))
	}
	return uint64(format.ShortLeftSib.Get(b)), uint64(format.ShortRightSib.Get(b))
}

// address is where a block lies and to whom it belongs, as its header has it.
type address struct {
	daddr format.Daddr
	owner uint64
	uuid  format.UUID
}

func (k *Kind) address(b []byte) address {
	if k.Long {
		return address{format.LongBno.Get(b), uint64(format.LongOwner.Get(b)), format.LongUUID.Get(b)}
	}
	return address{format.ShortBno.Get(b), uint64(format.ShortOwner.Get(b)), format.ShortUUID.Get(b)}
}

// crcField is where a block's checksum lies.
func (k *Kind) crcField() format.L32 {
	if k.Long {
		return format.LongCRC
	}
	return format.ShortCRC
}

// header writes a block's header, with no LSN and without the checksum.
func (k *Kind) header(b []byte, level, n int, left, right uint64, a address) {
	format.ShortMagic.Put(b, k.Magic)
	format.ShortLevel.Put(b, uint16(level))
	format.ShortNumRecs.Put(b, uint16(n))
	if k.Long {
		format.LongLeftSib.Put(b, format.FSBlock(left))
		format.LongRightSib.Put(b, format.FSBlock(right))
		format.LongBno.Put(b, a.daddr)
		format.LongOwner.Put(b, format.Ino(a.owner))
		format.LongUUID.Put(b, a.uuid)
		return
	}
	format.ShortLeftSib.Put(b, format.AGBlock(left))
	format.ShortRightSib.Put(b, format.AGBlock(right))
	format.ShortBno.Put(b, a.daddr)
	format.ShortOwner.Put(b, format.AGNumber(a.owner))
	format.ShortUUID.Put(b, a.uuid)
}
