package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// judgeIndex goes over the index of a directory in leaf or node form: it has to have all entries,
// and nothing else.
func (d *dirScan) judgeIndex(base format.FileOff) {
	f, g := d.f, d.f.w.geo
	level := d.tree.level
	blocks := d.tree.blocks
	d.tree = hashTree{
		fork: &f.data, base: base, unit: g.DirBlocks(), level: level, blocks: blocks,
		node: format.TypeDirNode, leaf: format.TypeDirLeafN, lone: format.TypeDirLeaf1, codes: &dirTreeCodes,
		judge: d.verify, visit: d.leaf,
	}
	complete := d.tree.run()
	if !complete {
		f.w.incomplete()
	}
	d.judgeUnreached(base)
	if complete && !d.partial && d.index != 0 {
		d.compareIndex()
	}
	d.judgeTwins()
}

// dirTreeCodes are those of a directory's hash tree.
var dirTreeCodes = treeCodes{pointer: DirTree, level: DirTree, key: DirTreeKey, sibling: DirTreeSibling, order: DirHashOrder}

// leaf takes the entries of a leaf.
func (d *dirScan) leaf(typ *format.BlockType, b []byte, at Place) (first, last format.Hash, ok bool) {
	l, damage := format.LayoutDirLeaf(b)
	if damage != nil {
		d.tree.partial = true
		return 0, 0, false
	}
	entries := b[format.DirLeaf.Size:]
	for i := range l.Count {
		e := entries[i*format.DirLeafEntry.Size:]
		if addr := format.DirLeafAddr.Get(e); addr != 0 {
			d.index -= d.f.w.keys.index(format.DirLeafHash.Get(e), addr)
		}
	}
	d.collectTwins(entries, l.Count)
	if typ == format.TypeDirLeaf1 {
		d.judgeBests(b[l.Best:], l.Bests, 0, at, "lbests")
		if n := len(d.bests); l.Bests != n {
			d.say(DirFreeIndex, at, "ltail.bestcount", l.Bests, n)
		}
	}
	if l.Count == 0 {
		d.say(DirIndexCount, at, "lhdr.count", 0, "entries in each leaf")
		return 0, 0, false
	}
	return format.DirLeafHash.Get(entries), format.DirLeafHash.Get(entries[(l.Count-1)*format.DirLeafEntry.Size:]), true
}

// collectTwins takes note of entries with equal hashes, among n entries of the index; those of one
// leaf may go on in the next one.
func (d *dirScan) collectTwins(b []byte, n int) {
	for i := range n {
		b := b[i*format.DirLeafEntry.Size:]
		e := dirTwin{format.DirLeafHash.Get(b), format.DirLeafAddr.Get(b)}
		if e.addr == 0 {
			continue
		}
		// The last one stands for itself until another of its hash comes.
		if k := len(d.twins); k > 0 && d.twins[k-1].hash != e.hash && (k == 1 || d.twins[k-2].hash != d.twins[k-1].hash) {
			d.twins = d.twins[:k-1]
		}
		d.twins = append(d.twins, e)
	}
}

// judgeTwins compares the names of entries that have the same hash.
func (d *dirScan) judgeTwins() {
	f, g := d.f, d.f.w.geo
	for from := 0; from < len(d.twins); {
		to := from + 1
		for to < len(d.twins) && d.twins[to].hash == d.twins[from].hash {
			to++
		}
		if to-from > 1 {
			type named struct {
				name string
				addr uint32
			}
			var names []named
			for _, t := range d.twins[from:to] {
				if name, ok := d.nameAt(t.addr); ok {
					if g.HasASCIICI() {
						name = []byte(foldName(name))
					}
					names = append(names, named{string(name), t.addr})
				}
			}
			slices.SortFunc(names, func(a, b named) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.addr, b.addr)) })
			for i := 1; i < len(names); i++ {
				if names[i].name == names[i-1].name && names[i].addr != names[i-1].addr {
					at := InInode(f.ino)
					at.Offset = int64(names[i].addr) * format.DirAlign
					d.say(DirNameTwice, at, "", showName([]byte(names[i].name)), "each name once")
				}
			}
		}
		from = to
	}
	d.twins = d.twins[:0]
}

// nameAt is the name of the entry at an address of the data space, if there is one.
func (d *dirScan) nameAt(addr uint32) (name []byte, ok bool) {
	g := d.f.w.geo
	unit := g.DirBlocks()
	byteOff := uint64(addr) * format.DirAlign
	db := format.FileOff(byteOff / uint64(g.DirBlockSize))
	if addr == 0 || d.f.data.mapped(db<<g.DirBlkLog, unit) < unit {
		return nil, false
	}
	b, _, ok := d.f.data.block(db<<g.DirBlkLog, unit, false)
	if !ok {
		return nil, false
	}
	it, damage := format.NextDirItem(b, int(byteOff%uint64(g.DirBlockSize)), len(b))
	if damage != nil || it.Free {
		return nil, false
	}
	return it.Name(b), true
}

// judgeUnreached reports blocks between the data and the free space index that no pointer of the
// tree leads to.
func (d *dirScan) judgeUnreached(base format.FileOff) {
	if d.tree.partial {
		return
	}
	f, g := d.f, d.f.w.geo
	reached := slices.Clone(d.tree.blocks)
	slices.Sort(reached)
	unit := format.FileOff(g.DirBlocks())
	end := format.FileOff(format.DirFreeSpace >> g.BlockLog)
	next := 0
	for _, m := range f.data.maps {
		for off := max(m.Off, base); off < min(m.End(), end); off += unit {
			if rest := (off - base) % unit; rest != 0 {
				off += unit - rest // the rest of a block in several pieces
				if off >= m.End() {
					break
				}
			}
			for next < len(reached) && reached[next] < off {
				next++
			}
			if next < len(reached) && reached[next] == off {
				continue
			}
			stop := min(m.End(), end)
			if next < len(reached) {
				stop = min(stop, reached[next])
			}
			at := InInode(f.ino)
			at.Offset = int64(off << g.BlockLog)
			d.say(DirIndexLost, at, "", fmt.Sprintf("%d blocks that nothing leads to", stop-off), "blocks of the index only")
			off = stop - unit
		}
	}
}

// compareIndex finds out in which entries the index differs from the directory's blocks, by
// collecting both.
func (d *dirScan) compareIndex() {
	g := d.f.w.geo
	have := d.collectEntries()
	var index []dirTwin
	for _, off := range d.tree.blocks {
		b, _, ok := d.f.data.block(off, g.DirBlocks(), false)
		if !ok || format.DaMagic.Get(b) == format.DaNodeMagic {
			continue
		}
		l, damage := format.LayoutDirLeaf(b)
		if damage != nil {
			return
		}
		for i := range l.Count {
			e := b[format.DirLeaf.Size+i*format.DirLeafEntry.Size:]
			if addr := format.DirLeafAddr.Get(e); addr != 0 {
				index = append(index, dirTwin{format.DirLeafHash.Get(e), addr})
			}
		}
	}
	byAddr := func(a, b dirTwin) int {
		return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(a.hash, b.hash))
	}
	slices.SortFunc(have, byAddr)
	slices.SortFunc(index, byAddr)
	at := InInode(d.f.ino)
	i := 0
	for _, e := range have {
		at.Offset = int64(e.addr) * format.DirAlign
		for ; i < len(index) && index[i].addr < e.addr; i++ {
			d.sayStray(index[i])
		}
		if i == len(index) || index[i].addr != e.addr {
			d.say(DirIndexEntry, at, "", "no entry in the index", fmt.Sprintf("one of hash %s", hex(uint32(e.hash))))
			continue
		}
		if index[i].hash != e.hash {
			d.say(DirIndexHash, at, "lents.hashval", hex(uint32(index[i].hash)), hex(uint32(e.hash)))
		}
		for i++; i < len(index) && index[i].addr == e.addr; i++ {
			d.say(DirIndexEntry, at, "lents.address", "another entry in the index", "one")
		}
	}
	for ; i < len(index); i++ {
		d.sayStray(index[i])
	}
}

func (d *dirScan) sayStray(e dirTwin) {
	at := InInode(d.f.ino)
	at.Offset = int64(e.addr) * format.DirAlign
	d.say(DirIndexEntry, at, "lents.address", hex(e.addr), "the address of an entry")
}

// collectEntries lists the entries of all blocks with their hashes.
func (d *dirScan) collectEntries() (list []dirTwin) {
	g := d.f.w.geo
	unit := g.DirBlocks()
	for db, best := range d.bests {
		if best == bestNone || best == bestUnknown {
			continue
		}
		b, _, ok := d.f.data.block(format.FileOff(db)<<g.DirBlkLog, unit, true)
		if !ok {
			return list
		}
		for off := format.DirData.Size; off < len(b); {
			it, damage := format.NextDirItem(b, off, len(b))
			if damage != nil && it.Size == 0 {
				break
			}
			if !it.Free {
				addr := (uint64(db)*uint64(len(b)) + uint64(off)) / format.DirAlign
				list = append(list, dirTwin{format.DirHash(g, it.Name(b)), uint32(addr)})
			}
			off += it.Size
		}
	}
	return list
}
