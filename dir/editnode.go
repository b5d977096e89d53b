package dir

import (
	"fmt"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// tree is the index of node form.
func (e *Editor) tree() *dabtree.Editor {
	return &dabtree.Editor{
		Geo: e.Geo, Owner: e.Ino, Base: leafOff(e.Geo), Blocks: e.Fork,
		Node: format.TypeDirNode, Leaf: format.TypeDirLeafN,
	}
}

func (e *Editor) findNode(name string) (*place, error) {
	h := format.DirHash(e.Geo, name)
	t := e.tree()
	path, err := t.Find(h)
	for err == nil {
		var p *place
		var more bool
		if p, more, err = e.search(path.Leaf, h, name); err != nil {
			return nil, err
		}
		if p != nil {
			p.path = path
			return p, nil
		}
		if more {
			more, err = t.Next(path)
		}
		if !more && err == nil {
			err = fmt.Errorf("%q: %w", name, ErrNotExist)
		}
	}
	return nil, err
}

func (e *Editor) addNode(n Entry) error {
	data, db, err := e.roomFor(format.DirEntrySize(len(n.Name)))
	if err != nil {
		return err
	}
	at, ok := e.putEntry(data, n)
	if !ok {
		return e.corrupt(data, "bestfree", best(data), format.DirEntrySize(len(n.Name)))
	}
	if err := e.setFree(db, best(data)); err != nil {
		return err
	}
	return e.addIndex(format.DirHash(e.Geo, n.Name), e.address(db, at))
}

// addIndex adds an entry to the index; a full leaf is split.
func (e *Editor) addIndex(h format.Hash, address uint32) error {
	t := e.tree()
	path, err := t.Find(h)
	if err != nil {
		return err
	}
	room := leafCap(e.Geo)
	if !e.insertIndex(path.Leaf, room, h, address) {
		right, err := e.splitLeaf(t, path)
		if err != nil {
			return err
		}
		if x := leafIndex(path.Leaf); h > x.hash(x.len()-1) {
			path = right
		}
		if !e.insertIndex(path.Leaf, room, h, address) {
			return e.corrupt(path.Leaf, "lhdr.count", leafIndex(path.Leaf).len(), "room for one more")
		}
	}
	x := leafIndex(path.Leaf)
	t.SetHigh(path, x.hash(x.len()-1))
	return nil
}

// splitLeaf moves the upper half of a leaf to a new one. Names that come in the order of their
// hashes don't exist, so that halves are best.
func (e *Editor) splitLeaf(t *dabtree.Editor, path *dabtree.Path) (*dabtree.Path, error) {
	x := leafIndex(path.Leaf)
	n := x.len()
	keep := n / 2
	right, err := t.Split(path, x.hash(keep-1), x.hash(n-1))
	if err != nil {
		return nil, err
	}
	x = leafIndex(path.Leaf) // a root was moved
	copy(right.Leaf.Data[format.DirLeaf.Size:], x[keep*format.DirLeafEntry.Size:])
	format.DirLeafCount.Put(right.Leaf.Data, uint16(n-keep))
	d := e.Fork.Change(path.Leaf, int(format.DirLeafCount), 2)
	format.DirLeafCount.Put(d, uint16(keep))
	return right, nil
}

// The free space index: block i has the longest free ranges of data blocks i*bestsPerBlock and on.

// dataBlocks is the number of data blocks, holes included.
func (e *Editor) dataBlocks() int { return int(e.Fork.Size() / uint64(e.Geo.DirBlockSize)) }

// freeBlock returns block i of the free space index, nil if there is none.
func (e *Editor) freeBlock(i int) (*txn.Buf, error) {
	off := freeOff(e.Geo) + format.FileOff(i)<<e.Geo.DirBlkLog
	at, ok, err := e.Fork.Mapped(off)
	if err != nil || !ok || at != off {
		return nil, err
	}
	return e.Fork.Read(off, format.TypeDirFree)
}

func freeBest(k int) format.U16[uint16] {
	return format.U16[uint16](format.DirFree.Size + 2*k)
}

// roomFor returns a data block with a free range of size bytes: one that the free space index
// knows, else a new one.
func (e *Editor) roomFor(size int) (*txn.Buf, int, error) {
	per := bestsPerBlock(e.Geo)
	n := e.dataBlocks()
	first := 0
	if size >= e.hintSize {
		first = e.hint
	}
	hole := n
	for i := first / per; i*per < n; i++ {
		b, err := e.freeBlock(i)
		if err != nil {
			return nil, 0, err
		}
		if b == nil {
			hole = min(hole, i*per)
			continue
		}
		valid := int(format.DirFreeNValid.Get(b.Data))
		for k := max(0, first-i*per); k < valid; k++ {
			switch free := freeBest(k).Get(b.Data); {
			case free == format.DirNullDataOff:
				hole = min(hole, i*per+k)
			case int(free) >= size:
				e.hint, e.hintSize = i*per+k, size
				data, err := e.readData(i*per + k)
				return data, i*per + k, err
			}
		}
	}
	e.hint, e.hintSize = hole, size
	data, err := e.newData(hole)
	return data, hole, err
}

// setFree stores the longest free range of a data block in the free space index, making a block
// of it if need be.
func (e *Editor) setFree(db int, free uint16) error {
	per := bestsPerBlock(e.Geo)
	i, k := db/per, db%per
	b, err := e.freeBlock(i)
	if err != nil {
		return err
	}
	if b == nil {
		if b, err = e.newFree(i); err != nil {
			return err
		}
	}
	valid := int(format.DirFreeNValid.Get(b.Data))
	was := uint16(format.DirNullDataOff)
	if k < valid {
		was = freeBest(k).Get(b.Data)
	}
	d := e.Fork.Change(b, int(freeBest(min(k, valid))), 2*(max(k-valid, 0)+1))
	for j := valid; j < k; j++ {
		freeBest(j).Put(d, format.DirNullDataOff)
	}
	freeBest(k).Put(d, free)
	d = e.Fork.Change(b, int(format.DirFreeFirstDB), 12)
	format.DirFreeNValid.Put(d, uint32(max(valid, k+1)))
	used := format.DirFreeNUsed.Get(d)
	if was == format.DirNullDataOff {
		used++
	}
	if free == format.DirNullDataOff {
		used--
		e.trimFree(b)
	}
	format.DirFreeNUsed.Put(d, used)
	if used == 0 {
		return e.Fork.Free(freeOff(e.Geo) + format.FileOff(i)<<e.Geo.DirBlkLog)
	}
	return nil
}

// trimFree shortens a free space block to its last data block.
func (e *Editor) trimFree(b *txn.Buf) {
	n := int(format.DirFreeNValid.Get(b.Data))
	for n > 0 && freeBest(n-1).Get(b.Data) == format.DirNullDataOff {
		n--
	}
	format.DirFreeNValid.Put(e.Fork.Change(b, int(format.DirFreeNValid), 4), uint32(n))
}

func (e *Editor) newFree(i int) (*txn.Buf, error) {
	b, err := e.Fork.New(freeOff(e.Geo)+format.FileOff(i)<<e.Geo.DirBlkLog, format.TypeDirFree)
	if err != nil {
		return nil, err
	}
	b.Type.Stamp(e.Geo, b.Data, b.Place(e.Ino))
	format.DirFreeFirstDB.Put(b.Data, uint32(i*bestsPerBlock(e.Geo)))
	return b, nil
}

func (e *Editor) removeNode(p *place) error {
	e.setStale(p.path.Leaf, p.ent)
	live := leafIndex(p.path.Leaf).len() - int(format.DirLeafStale.Get(p.path.Leaf.Data))
	if live == 0 {
		if err := e.tree().Remove(p.path); err != nil {
			return err
		}
	}
	e.freeEntry(p.data, p.at)
	e.hint, e.hintSize = min(e.hint, p.db), min(e.hintSize, 0)
	if !isEmpty(p.data) || p.db == 0 {
		if err := e.setFree(p.db, best(p.data)); err != nil {
			return err
		}
		return e.shrinkNode()
	}
	if err := e.freeData(p.db); err != nil {
		return err
	}
	if err := e.setFree(p.db, format.DirNullDataOff); err != nil {
		return err
	}
	if p.db == e.dataBlocks()-1 {
		if err := e.cutSize(p.db); err != nil {
			return err
		}
	}
	return e.shrinkNode()
}

// cutSize makes the data space end at its last block below db.
func (e *Editor) cutSize(db int) error {
	per := bestsPerBlock(e.Geo)
	for i := (db - 1) / per; i >= 0; i-- {
		b, err := e.freeBlock(i)
		if err != nil {
			return err
		}
		if b != nil {
			n := i*per + int(format.DirFreeNValid.Get(b.Data))
			e.Fork.SetSize(uint64(n) * uint64(e.Geo.DirBlockSize))
			return nil
		}
	}
	return fmt.Errorf("inode %d: %w", e.Ino, errForm)
}

// shrinkNode makes a directory whose index has become one leaf one of leaf or block form.
func (e *Editor) shrinkNode() error {
	root, err := e.Fork.Read(leafOff(e.Geo), format.TypeDirLeafN, format.TypeDirNode)
	if err != nil || root.Type == format.TypeDirNode {
		return err
	}
	n := e.dataBlocks()
	live := leafIndex(root).len() - int(format.DirLeafStale.Get(root.Data))
	if live > leafRoom(e.Geo, n)*3/4 {
		return nil
	}
	list, parent, err := e.list()
	if err != nil {
		return err
	}
	return e.rebuild(list, parent)
}
