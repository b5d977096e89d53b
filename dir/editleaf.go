package dir

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// leafIndex is the entries of a leaf.
func leafIndex(b *txn.Buf) index {
	n := int(format.DirLeafCount.Get(b.Data)) * format.DirLeafEntry.Size
	return index(b.Data[format.DirLeaf.Size:][:n])
}

// insertIndex adds an entry to a leaf that has room for it, dropping stale ones if need be;
// room is the number of entries that fit. ok is false when there is none.
func (e *Editor) insertIndex(b *txn.Buf, room int, h format.Hash, address uint32) (ok bool) {
	if leafIndex(b).len() >= room {
		if format.DirLeafStale.Get(b.Data) == 0 {
			return false
		}
		e.compact(b)
	}
	x := leafIndex(b)
	n := x.len()
	i := sort.Search(n, func(i int) bool {
		return x.hash(i) > h || x.hash(i) == h && x.address(i) > address
	})
	at := format.DirLeaf.Size + i*format.DirLeafEntry.Size
	d := e.Fork.Change(b, at, (n-i+1)*format.DirLeafEntry.Size)
	copy(d[at+format.DirLeafEntry.Size:], d[at:at+(n-i)*format.DirLeafEntry.Size])
	binary.BigEndian.PutUint64(d[at:], uint64(h)<<32|uint64(address))
	format.DirLeafCount.Put(e.Fork.Change(b, int(format.DirLeafCount), 2), uint16(n+1))
	return true
}

// compact drops the stale entries of a leaf.
func (e *Editor) compact(b *txn.Buf) {
	x := leafIndex(b)
	d := e.Fork.Change(b, format.DirLeaf.Size, len(x))
	k := 0
	for i := range x.len() {
		if x.address(i) != 0 {
			copy(d[format.DirLeaf.Size+k*format.DirLeafEntry.Size:], x.entry(i)[:format.DirLeafEntry.Size])
			k++
		}
	}
	clear(d[format.DirLeaf.Size+k*format.DirLeafEntry.Size:][:(x.len()-k)*format.DirLeafEntry.Size])
	d = e.Fork.Change(b, int(format.DirLeafCount), 4)
	format.DirLeafCount.Put(d, uint16(k))
	format.DirLeafStale.Put(d, 0)
}

// setStale makes entry i of a leaf one that leads nowhere.
func (e *Editor) setStale(b *txn.Buf, i int) {
	at := format.DirLeaf.Size + i*format.DirLeafEntry.Size
	format.DirLeafAddr.Put(e.Fork.Change(b, at, format.DirLeafEntry.Size)[at:], 0)
	d := e.Fork.Change(b, int(format.DirLeafStale), 2)
	format.DirLeafStale.Put(d, format.DirLeafStale.Get(d)+1)
}

// search looks for a name in a leaf; more is true when the next leaf may have it too.
func (e *Editor) search(leaf *txn.Buf, h format.Hash, name string) (p *place, more bool, err error) {
	x := leafIndex(leaf)
	var data *txn.Buf
	db := -1
	i := sort.Search(x.len(), func(i int) bool { return x.hash(i) >= h })
	for ; i < x.len() && x.hash(i) == h; i++ {
		if x.address(i) == 0 {
			continue
		}
		var found bool
		if data, db, found, err = e.match(x.address(i), name, data, db); err != nil {
			return nil, false, err
		}
		if found {
			_, at := e.split(x.address(i))
			return &place{at: at, data: data, db: db, ent: i}, false, nil
		}
	}
	return nil, i == x.len(), nil
}

func (e *Editor) readLeaf() (*txn.Buf, error) {
	return e.Fork.Read(leafOff(e.Geo), format.TypeDirLeaf1)
}

func (e *Editor) findLeaf(name string) (*place, error) {
	b, err := e.readLeaf()
	if err != nil {
		return nil, err
	}
	p, _, err := e.search(b, format.DirHash(e.Geo, name), name)
	if err == nil && p == nil {
		err = fmt.Errorf("%q: %w", name, ErrNotExist)
	}
	return p, err
}

// bests is the table at the end of the leaf of leaf form: a number for each data block.
type bests struct {
	e *Editor
	b *txn.Buf
}

func (t bests) len() int {
	return int(format.U32[uint32](len(t.b.Data) - format.DirLeafTailSize).Get(t.b.Data))
}

func (t bests) at(i int) int { return len(t.b.Data) - format.DirLeafTailSize - 2*(t.len()-i) }

func (t bests) get(i int) uint16 { return format.U16[uint16](t.at(i)).Get(t.b.Data) }

func (t bests) set(i int, n uint16) {
	if t.get(i) != n {
		at := format.U16[uint16](t.at(i))
		at.Put(t.e.Fork.Change(t.b, int(at), 2), n)
	}
}

// resize makes the table one of n blocks; new ones have none so far.
func (t bests) resize(n int) {
	was := t.len()
	old := make([]uint16, was)
	for i := range old {
		old[i] = t.get(i)
	}
	size := format.DirLeafTailSize + 2*max(n, was)
	d := t.e.Fork.Change(t.b, len(t.b.Data)-size, size)
	clear(d[len(d)-size:])
	format.U32[uint32](len(d)-format.DirLeafTailSize).Put(d, uint32(n))
	for i := range n {
		v := uint16(format.DirNullDataOff)
		if i < was {
			v = old[i]
		}
		format.U16[uint16](t.at(i)).Put(d, v)
	}
}

// leafRoom is the number of index entries that fit beside n bests.
func leafRoom(g *format.Geometry, n int) int {
	return (g.DirBlockSize - format.DirLeaf.Size - format.DirLeafTailSize - 2*n) / format.DirLeafEntry.Size
}

// addLeaf adds a name in leaf form, which becomes node form when the leaf is full.
func (e *Editor) addLeaf(n Entry) error {
	leaf, err := e.readLeaf()
	if err != nil {
		return err
	}
	t := bests{e, leaf}
	size := uint16(format.DirEntrySize(len(n.Name)))
	db, fresh := -1, t.len()
	for i := range t.len() {
		switch free := t.get(i); {
		case free == format.DirNullDataOff:
			fresh = min(fresh, i)
		case free >= size && db < 0:
			db = i
		}
	}
	blocks := t.len()
	if db < 0 {
		blocks = max(blocks, fresh+1)
	}
	live := leafIndex(leaf).len() - int(format.DirLeafStale.Get(leaf.Data))
	if live+1 > leafRoom(e.Geo, blocks) {
		list, parent, err := e.list()
		if err != nil {
			return err
		}
		return e.rebuild(append(list, n), parent)
	}
	if leafIndex(leaf).len() > leafRoom(e.Geo, blocks) {
		e.compact(leaf)
	}
	var data *txn.Buf
	if db < 0 {
		db = fresh
		data, err = e.newData(db)
		if blocks > t.len() {
			t.resize(blocks)
		}
	} else {
		data, err = e.readData(db)
	}
	if err != nil {
		return err
	}
	at, ok := e.putEntry(data, n)
	if !ok {
		return e.corrupt(data, "bestfree", best(data), size)
	}
	t.set(db, best(data))
	if !e.insertIndex(leaf, leafRoom(e.Geo, t.len()), format.DirHash(e.Geo, n.Name), e.address(db, at)) {
		return e.corrupt(leaf, "lhdr.count", leafIndex(leaf).len(), "room for one more")
	}
	return nil
}

func (e *Editor) removeLeaf(p *place) error {
	leaf, err := e.readLeaf()
	if err != nil {
		return err
	}
	t := bests{e, leaf}
	if p.db >= t.len() {
		return e.corrupt(leaf, "bestcount", t.len(), p.db+1)
	}
	e.setStale(leaf, p.ent)
	e.freeEntry(p.data, p.at)
	t.set(p.db, best(p.data))
	if isEmpty(p.data) && p.db > 0 {
		if err := e.freeData(p.db); err != nil {
			return err
		}
		t.set(p.db, format.DirNullDataOff)
		n := t.len()
		for n > 1 && t.get(n-1) == format.DirNullDataOff {
			n--
		}
		if n < t.len() {
			t.resize(n)
			e.Fork.SetSize(uint64(n) * uint64(e.Geo.DirBlockSize))
		}
	}
	return e.shrink(leafIndex(leaf).len()-int(format.DirLeafStale.Get(leaf.Data)), t.len())
}

// freeData gives data block db back.
func (e *Editor) freeData(db int) error { return e.Fork.Free(format.FileOff(db) << e.Geo.DirBlkLog) }

// shrink makes a directory one of a smaller form when its entries, "." and ".." included, have
// become so few that they will fit for a while.
func (e *Editor) shrink(entries, blocks int) error {
	const entry = 16 + 8 // about what one takes in a block and in its index, at least
	if blocks > 2 || entries*entry > e.Geo.DirBlockSize/2 {
		return nil
	}
	list, parent, err := e.list()
	if err != nil {
		return err
	}
	z := NewSizer(e.Geo)
	for i := range list {
		z.Add(len(list[i].Name))
	}
	if z.Shape(0, 8).Form != Block || z.fill+8*(entries+1) > e.Geo.DirBlockSize*3/4 {
		return nil
	}
	return e.rebuild(list, parent)
}
