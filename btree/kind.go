package btree

import (
	"cmp"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Kind is one sort of B+tree: the form of its blocks, records and keys, and their order. Kinds
// are constant values.
type Kind struct {
	Name  string
	Magic format.BtreeMagic
	// Long tells a tree of a fork, owned by an inode and pointing with FSBlocks, from a tree of
	// a group, owned by its group and pointing with AGBlocks.
	Long bool
	// Rec and Key are the field tables of a record and of a key in a node.
	Rec, Key *format.Struct
	// RecSize and KeySize are the sizes of Rec and Key in bytes. The key of an overlapping kind
	// is a low and a high key of half that size each.
	RecSize, KeySize int
	// Overlapping says that records may overlap each other, and that keys in nodes therefore
	// have a high half.
	Overlapping bool

	low  func(rec []byte) order    // what records are sorted by
	high func(rec []byte) order    // the last point in that order which a record covers
	key  func(key []byte) order    // of a low or a high key
	node func(rec, key []byte)     // writes the node's key of a single record
	put  func(key []byte, o order) // writes a low or a high key; overlapping kinds only
}

// The seven kinds.
var (
	// Bnobt holds the free extents of a group by place.
	Bnobt = freeKind("bnobt", format.BnobtMagic, byStart, byEnd)
	// Cntbt holds the same extents by length, then place.
	Cntbt = freeKind("cntbt", format.CntbtMagic, byCount, byCount)
	// Inobt holds the chunks of inodes of a group.
	Inobt = inodeKind("inobt", format.InobtMagic)
	// Finobt holds those of the chunks that have free inodes.
	Finobt = inodeKind("finobt", format.FinobtMagic)
	// Rmapbt holds the owners of all used extents of a group.
	Rmapbt = &Kind{
		Name: "rmapbt", Magic: format.RmapbtMagic, Overlapping: true,
		Rec: format.RmapRec, RecSize: format.RmapRec.Size, Key: format.RmapKey, KeySize: format.RmapKey.Size,
		low: rmapLow, high: rmapHigh, key: rmapKey, node: rmapNode, put: putRmapKey,
	}
	// Refcountbt holds the shared extents of a group, and behind them those staged for CoW.
	Refcountbt = &Kind{
		Name: "refcountbt", Magic: format.RefcbtMagic,
		Rec: format.RefcountRec, RecSize: format.RefcountRec.Size, Key: format.RefcountKey, KeySize: format.RefcountKey.Size,
		low:  func(rec []byte) order { return order{a: uint64(format.RefcStart.Get(rec))} },
		high: func(rec []byte) order { return last(uint64(format.RefcStart.Get(rec)), format.RefcCount.Get(rec)) },
		key:  func(key []byte) order { return order{a: uint64(format.RefcStart.Get(key))} },
		node: copyKey,
	}
	// Bmbt holds the mappings of a fork.
	Bmbt = &Kind{
		Name: "bmbt", Magic: format.BmbtMagic, Long: true,
		Rec: format.BmbtRec, RecSize: format.BmbtRec.Size, Key: format.BmbtKey, KeySize: format.BmbtKey.Size,
		low: func(rec []byte) order { return order{a: uint64(format.UnpackMapping(rec).Off)} },
		high: func(rec []byte) order {
			m := format.UnpackMapping(rec)
			return last(uint64(m.Off), m.Count)
		},
		key:  func(key []byte) order { return order{a: uint64(format.BmbtKeyStart.Get(key))} },
		node: func(rec, key []byte) { format.BmbtKeyStart.Put(key, format.UnpackMapping(rec).Off) },
	}
)

// KeyOf writes to key the KeySize bytes that a node holds for a child with the single record
// rec. In an overlapping kind that is the low key, then the high key.
func (k *Kind) KeyOf(rec, key []byte) { k.node(rec, key) }

// Compare orders two records by their low keys: negative when a comes first, 0 when a tree can
// hold only one of the two.
func (k *Kind) Compare(a, b []byte) int { return k.low(a).compare(k.low(b)) }

// CompareKeys orders two keys by their low halves.
func (k *Kind) CompareKeys(a, b []byte) int { return k.key(a).compare(k.key(b)) }

// LowSize is the size in bytes of a key without its high half.
func (k *Kind) LowSize() int {
	if k.Overlapping {
		return k.KeySize / 2
	}
	return k.KeySize
}

// PtrSize is the size in bytes of a pointer to a child.
func (k *Kind) PtrSize() int {
	if k.Long {
		return format.LongPtr.Size
	}
	return format.ShortPtr.Size
}

// HeaderSize is the size in bytes of a block's header.
func (k *Kind) HeaderSize() int {
	if k.Long {
		return format.LongBlock.Size
	}
	return format.ShortBlock.Size
}

// MaxRecs is how many records a leaf of blockSize bytes holds (level 0), or how many children a
// node (any other level).
func (k *Kind) MaxRecs(blockSize, level int) int {
	room := blockSize - k.HeaderSize()
	if level == 0 {
		return room / k.RecSize
	}
	return room / (k.KeySize + k.PtrSize())
}

// MinRecs is how full a block must be that is not the root.
func (k *Kind) MinRecs(blockSize, level int) int { return k.MaxRecs(blockSize, level) / 2 }

// order is a point in a kind's order of records, compared field by field.
type order struct{ a, b, c uint64 }

func (o order) compare(p order) int {
	switch {
	case o.a != p.a:
		return cmp.Compare(o.a, p.a)
	case o.b != p.b:
		return cmp.Compare(o.b, p.b)
	}
	return cmp.Compare(o.c, p.c)
}

func (o order) less(p order) bool { return o.compare(p) < 0 }

// String shows the fields that matter.
func (o order) String() string {
	switch {
	case o.c != 0:
		return fmt.Sprintf("(%d, %d, %#x)", o.a, o.b, o.c)
	case o.b != 0:
		return fmt.Sprintf("(%d, %d)", o.a, o.b)
	}
	return fmt.Sprint(o.a)
}

// last is the last point of n from start. A record of no length, which is corrupt, covers the
// point it starts at.
func last(start uint64, n uint32) order { return order{a: start + uint64(max(n, 1)) - 1} }

// copyKey serves the kinds whose key is the beginning of a record.
func copyKey(rec, key []byte) { copy(key, rec[:len(key)]) }

func freeKind(name string, magic format.BtreeMagic, low, high func([]byte) order) *Kind {
	return &Kind{
		Name: name, Magic: magic,
		Rec: format.FreeRec, RecSize: format.FreeRec.Size, Key: format.FreeRec, KeySize: format.FreeRec.Size,
		low: low, high: high, key: low, node: copyKey,
	}
}

func byStart(rec []byte) order { return order{a: uint64(format.FreeStart.Get(rec))} }

func byEnd(rec []byte) order {
	return last(uint64(format.FreeStart.Get(rec)), format.FreeCount.Get(rec))
}

func byCount(rec []byte) order {
	return order{a: uint64(format.FreeCount.Get(rec)), b: uint64(format.FreeStart.Get(rec))}
}

func inodeKind(name string, magic format.BtreeMagic) *Kind {
	start := func(b []byte) order { return order{a: uint64(format.InoRecStart.Get(b))} }
	return &Kind{
		Name: name, Magic: magic,
		Rec: format.InobtRec, RecSize: format.InobtRec.Size, Key: format.InobtKey, KeySize: format.InobtKey.Size,
		low: start, key: start, node: copyKey,
		high: func(rec []byte) order { return last(uint64(format.InoRecStart.Get(rec)), format.InodesPerChunk) },
	}
}

// rmapOffset is the part of a record's offset word that takes part in the order. Whether the
// extent is written does not: it changes without the record moving.
func rmapOffset(word uint64) uint64 { return word &^ format.RmapUnwritten }

func rmapLow(rec []byte) order {
	return order{uint64(format.RmapStart.Get(rec)), format.RmapOwner.Get(rec), rmapOffset(format.RmapOffset.Get(rec))}
}

// rmapHigh is the order of a record's last block. Only blocks of a fork have offsets that count
// along with them.
func rmapHigh(rec []byte) order {
	o := rmapLow(rec)
	more := uint64(max(format.RmapCount.Get(rec), 1)) - 1
	o.a += more
	if format.OwnerIsInode(o.b) && o.c&format.RmapBmbtBlock == 0 {
		o.c += more
	}
	return o
}

func rmapKey(key []byte) order {
	return order{uint64(format.RmapKeyStart.Get(key)), format.RmapKeyOwner.Get(key), rmapOffset(format.RmapKeyOffset.Get(key))}
}

func rmapNode(rec, key []byte) {
	putRmapKey(key, rmapLow(rec))
	putRmapKey(key[format.RmapKey.Size/2:], rmapHigh(rec))
}

func putRmapKey(key []byte, o order) {
	format.RmapKeyStart.Put(key, format.AGBlock(o.a))
	format.RmapKeyOwner.Put(key, o.b)
	format.RmapKeyOffset.Put(key, o.c)
}
