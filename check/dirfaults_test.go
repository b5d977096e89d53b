package check_test

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// partOf changes block i of a type that belongs to an inode.
func partOf(path string, typ *format.BlockType, i int, change func(p []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) { b.part(d, path, typ, i, change) }
}

// firstSub is the name of an entry that all directories have.
const firstSub = "sub"

// leafEnt is entry i of the index in a leaf.
func leafEnt(p []byte, i int) []byte { return p[format.DirLeaf.Size+i*format.DirLeafEntry.Size:] }

// swapHashes exchanges the hashes of two entries of an index, which lie one behind the other.
func swapHashes(e []byte) {
	next := e[format.DirLeafEntry.Size:]
	a, b := format.DirLeafHash.Get(e), format.DirLeafHash.Get(next)
	format.DirLeafHash.Put(e, b)
	format.DirLeafHash.Put(next, a)
}

var dirFaults = []fault{
	{"a directory's inode", func(b *bed, d *device.Memory) {
		b.bytes(d, b.geo.InoOffset(b.ino(d, "/node")), 2, func(p []byte) { p[0] = 'X' })
	}, "inode.magic"},
	{"a mapping that leads all over the image", inodeOf("/node", func(raw []byte) {
		m := format.UnpackMapping(fork(raw))
		m.Start, m.Count = 3000, 20000
		m.Pack(fork(raw))
	}), "dir.magic inode.blocks rmap.missing rmap.stray space.free-used space.lost"},
	{"short: length", inodeOf("/short", func(raw []byte) { raw[shortAt(raw, firstSub)] = 200 }), "dir.short"},
	{"short: name", inodeOf("/short", func(raw []byte) { raw[shortAt(raw, firstSub)+3] = '/' }), "dir.short parent.missing parent.stray"},
	{"short: count", inodeOf("/short", func(raw []byte) { fork(raw)[0]-- }), "dir.disconnected inode.size link.count parent.stray"},
	{"short: two of a name", inodeOf("/short", func(raw []byte) { copy(raw[shortAt(raw, "mesa")+3:], "same") }), "dir.name-twice parent.missing parent.stray"},
	{"short: a dot", inodeOf("/short", func(raw []byte) {
		// In place of a name of three bytes, two and one byte less.
		copy(raw[shortAt(raw, "000"):], "\x02\x00\x60..\x01")
	}), "dir.dots dir.short"},
	{"magic", partOf("/node", format.TypeDirData, 1, func(p []byte) { p[0] = 'Y' }), "dir.magic"},
	{"magic of an only block", partOf("/block", format.TypeDirBlock, 0, func(p []byte) { p[0] = 'Y' }), "dir.magic"},
	{"checksum", func(b *bed, d *device.Memory) {
		s := b.owned(d, "/node", format.TypeDirData)[1]
		b.bytes(d, s.Off, s.Len, func(p []byte) { p[4]++ })
	}, "dir.crc"},
	{"owner", partOf("/node", format.TypeDirData, 1, func(p []byte) { format.DirOwner.Put(p, 128) }), "dir.identity"},
	{"place", partOf("/leaf", format.TypeDirLeaf1, 0, func(p []byte) { format.DaBno.Put(p, 1) }), "dir.identity"},
	{"layout", partOf("/node", format.TypeDirData, 1, func(p []byte) { p[format.DirData.Size+8] = 255 }), "dir.entry dir.index-entry dir.index-hash dir.layout entry.type link.none parent.missing parent.stray"},
	{"tag", partOf("/block", format.TypeDirBlock, 0, func(p []byte) { p[format.DirData.Size+15]++ }), "dir.layout"},
	{"name", partOf("/block", format.TypeDirBlock, 0, func(p []byte) { p[entryAt(p, firstSub)+9] = 0 }), "dir.entry dir.index-hash parent.missing parent.stray"},
	{"file type", partOf("/block", format.TypeDirBlock, 0, func(p []byte) { p[entryAt(p, firstSub)+12] = 77 }), "dir.entry entry.type link.count"},
	{"inode", partOf("/block", format.TypeDirBlock, 0, func(p []byte) { format.DirEntryIno.Put(p[entryAt(p, firstSub):], 1<<50) }), "dir.disconnected dir.entry parent.stray"},
	{"best free", partOf("/node", format.TypeDirData, 1, func(p []byte) { format.DirBestLen0.Put(p, 16) }), "dir.best-free dir.free-index"},
	{"free index of a leaf", partOf("/leaf", format.TypeDirLeaf1, 0, func(p []byte) { p[len(p)-5] += 8 }), "dir.free-index"},
	{"free index", partOf("/node", format.TypeDirFree, 0, func(p []byte) { p[format.DirFree.Size+3] += 8 }), "dir.free-index"},
	{"free index: place", partOf("/node", format.TypeDirFree, 0, func(p []byte) { format.DirFreeFirstDB.Put(p, 1) }), "dir.free-index"},
	{"free index too short", partOf("/node", format.TypeDirFree, 0, func(p []byte) {
		format.DirFreeNValid.Put(p, format.DirFreeNValid.Get(p)-1)
		format.DirFreeNUsed.Put(p, format.DirFreeNUsed.Get(p)-1)
	}), "dir.free-index"},
	{"index: address", partOf("/leaf", format.TypeDirLeaf1, 0, func(p []byte) { format.DirLeafAddr.Put(leafEnt(p, 5), 9) }), "dir.index-entry"},
	{"index: twice", partOf("/node", format.TypeDirLeafN, 1, func(p []byte) {
		format.DirLeafAddr.Put(leafEnt(p, 5), format.DirLeafAddr.Get(leafEnt(p, 6)))
	}), "dir.index-entry dir.index-hash"},
	{"index: hash", partOf("/node", format.TypeDirLeafN, 1, func(p []byte) {
		format.DirLeafHash.Put(leafEnt(p, 5), format.DirLeafHash.Get(leafEnt(p, 6)))
	}), "dir.index-hash"},
	{"index: hash in one block", partOf("/block", format.TypeDirBlock, 0, func(p []byte) {
		n := int(format.DirTailCount.Get(p[len(p)-8:]))
		e := p[len(p)-8-n*8:]
		format.DirLeafHash.Put(e, format.DirLeafHash.Get(e)-1)
	}), "dir.index-hash"},
	{"index: order", partOf("/node", format.TypeDirLeafN, 1, func(p []byte) { swapHashes(leafEnt(p, 5)) }), "dir.hash-order dir.index-hash"},
	{"index: count", partOf("/node", format.TypeDirLeafN, 1, func(p []byte) { format.DirLeafStale.Put(p, 3) }), "dir.index-count"},
	{"index: stale", partOf("/node", format.TypeDirLeafN, 1, func(p []byte) {
		format.DirLeafStale.Put(p, 1)
		format.DirLeafAddr.Put(leafEnt(p, 4), 0)
	}), "dir.index-entry"},
	{"tree: child", partOf("/node", format.TypeDirNode, 0, func(p []byte) {
		e := p[format.DaNode.Size:]
		format.DaEntryBefore.Put(e[8:], format.DaEntryBefore.Get(e))
	}), "dir.tree"},
	{"tree: level", partOf("/node", format.TypeDirNode, 0, func(p []byte) { format.DaNodeLevel.Put(p, 2) }), "dir.magic"},
	{"tree: key", partOf("/node", format.TypeDirNode, 0, func(p []byte) {
		e := p[format.DaNode.Size:]
		format.DaEntryHash.Put(e, format.DaEntryHash.Get(e)+1)
	}), "dir.tree-key"},
	{"tree: neighbour", partOf("/node", format.TypeDirLeafN, 1, func(p []byte) { format.DaBack.Put(p, 1) }), "dir.tree-sibling"},
	{"tree: lost block", partOf("/node", format.TypeDirNode, 0, func(p []byte) {
		format.DaNodeCount.Put(p, format.DaNodeCount.Get(p)-1)
	}), "dir.index-entry dir.index-lost dir.tree-sibling"},
	{"two of a name", func(b *bed, d *device.Memory) {
		var from, to int
		b.part(d, "/leaf", format.TypeDirData, 0, func(p []byte) { from, to = twins(p) })
		b.part(d, "/leaf", format.TypeDirLeaf1, 0, func(p []byte) { rehash(p, from, to) })
	}, "dir.name-twice parent.missing parent.stray"},
	{"dots", partOf("/block", format.TypeDirBlock, 0, func(p []byte) { format.DirEntryIno.Put(p[format.DirData.Size:], 128) }), "dir.dots"},
	{"another dot", partOf("/block", format.TypeDirBlock, 0, func(p []byte) { p[format.DirData.Size+9] = 'x' }), "dir.dots dir.index-hash dir.two-names link.count parent.missing"},
	{"size", inodeOf("/block", func(raw []byte) { format.DiSize.Put(raw, 8192) }), "dir.size"},
	{"hole", inodeOf("/leaf", func(raw []byte) {
		format.PutNExtents(raw, 1, 0)
		format.DiNBlocks.Put(raw, uint64(format.UnpackMapping(fork(raw)).Count))
	}), "dir.hole rmap.stray space.lost"},
	{"padding", partOf("/node", format.TypeDirFree, 0, func(p []byte) { p[61] = 1 }), "dir.padding"},
}

// twins gives an entry of a block the name of another one, and returns where the two start.
func twins(p []byte) (from, to int) {
	length := map[int]int{}
	for off := format.DirData.Size; off < len(p); {
		it, _ := format.NextDirItem(p, off, len(p))
		if n := len(it.Name(p)); !it.Free && n > 2 {
			if length[n] != 0 {
				copy(it.Name(p), format.DirItem{Off: length[n]}.Name(p))
				return length[n], off
			}
			length[n] = off
		}
		off += it.Size
	}
	panic("no two names of the same length")
}

// rehash gives an entry of the index the hash of another one, both by where they start in the
// first data block, and puts the index in order.
func rehash(p []byte, from, to int) {
	type ent struct{ hash, addr uint32 }
	list := make([]ent, format.DirLeafCount.Get(p))
	var hash uint32
	for i := range list {
		e := leafEnt(p, i)
		list[i] = ent{uint32(format.DirLeafHash.Get(e)), format.DirLeafAddr.Get(e)}
		if int(list[i].addr) == from/format.DirAlign {
			hash = list[i].hash
		}
	}
	for i := range list {
		if int(list[i].addr) == to/format.DirAlign {
			list[i].hash = hash
		}
	}
	slices.SortFunc(list, func(a, b ent) int { return cmp.Compare(a.hash, b.hash) })
	for i, e := range list {
		format.DirLeafHash.Put(leafEnt(p, i), format.Hash(e.hash))
		format.DirLeafAddr.Put(leafEnt(p, i), e.addr)
	}
}
