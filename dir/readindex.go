package dir

import (
	"fmt"
	"sort"

	"github.com/cowfs/cowfs/format"
)

// index is a run of entries of the hash index: of a leaf, or behind the data of a block.
type index []byte

func (x index) len() int               { return len(x) / format.DirLeafEntry.Size }
func (x index) entry(i int) []byte     { return x[i*format.DirLeafEntry.Size:] }
func (x index) hash(i int) format.Hash { return format.DirLeafHash.Get(x.entry(i)) }
func (x index) address(i int) uint32   { return format.DirLeafAddr.Get(x.entry(i)) }

// find gives the addresses of entries of hash h to visit, which returns false to stop. more is
// true when the run ends with that hash, so that the next leaf can have more.
func (x index) find(h format.Hash, visit func(address uint32) (bool, error)) (more bool, err error) {
	i := sort.Search(x.len(), func(i int) bool { return x.hash(i) >= h })
	for ; i < x.len() && x.hash(i) == h; i++ {
		if x.address(i) == 0 {
			continue // stale
		}
		if more, err = visit(x.address(i)); err != nil || !more {
			return false, err
		}
	}
	return i == x.len(), nil
}

// findBlock looks a name up in a directory in block form.
func (d *Dir) findBlock(m *matcher) error {
	p, err := d.readData(0, make([]byte, d.geo.DirBlockSize))
	if err != nil {
		return err
	}
	x := index(p.b[p.end : len(p.b)-format.DirBlockTail.Size])
	_, err = x.find(m.hash(), func(address uint32) (bool, error) {
		if uint64(address)*format.DirAlign >= uint64(p.end) {
			return false, p.corrupt("address", address, "one below the index")
		}
		e, _, err := p.entry(int(address) * format.DirAlign)
		return err == nil && m.try(e), err
	})
	return err
}

// findIndex looks a name up in a directory in leaf or node form.
func (d *Dir) findIndex(m *matcher) error {
	h := m.hash()
	f := finder{d: d, m: m}
	for leaf, err := range d.tree().Leaves(h) {
		if err != nil {
			return err
		}
		x, err := d.leafIndex(leaf)
		if err != nil {
			return err
		}
		if more, err := x.find(h, f.visit); err != nil || !more {
			return err
		}
	}
	return nil
}

// leafIndex returns the entries of a leaf whose header is checked but for their number.
func (d *Dir) leafIndex(b []byte) (index, error) {
	daddr := format.DaBno.Get(b)
	n, most := int(format.DirLeafCount.Get(b)), leafCap(d.geo)
	if format.DaMagic.Get(b) == format.DirLeaf1Magic {
		tail := len(b) - format.DirLeafTailSize
		bests := format.U32[uint32](tail).Get(b)
		if uint64(bests)*2 > uint64(tail-format.DirLeaf.Size) {
			return nil, d.corruptAt(daddr, "directory leaf", "bestcount", bests, "what fits the block")
		}
		most = (tail - int(bests)*2 - format.DirLeaf.Size) / format.DirLeafEntry.Size
	}
	if n > most {
		return nil, d.corruptAt(daddr, "directory leaf", "count", n, fmt.Sprintf("at most %d", most))
	}
	return index(b[format.DirLeaf.Size : format.DirLeaf.Size+n*format.DirLeafEntry.Size]), nil
}

// finder looks at the entries that an index names, keeping the last data block it read.
type finder struct {
	d    *Dir
	m    *matcher
	buf  []byte
	last *dataBlock
}

func (f *finder) visit(address uint32) (more bool, err error) {
	off := uint64(address) * format.DirAlign
	size := uint64(f.d.geo.DirBlockSize)
	db := format.FileOff(off / size)
	if f.last == nil || f.last.db != db {
		if f.buf == nil {
			f.buf = make([]byte, size)
		}
		if f.last, err = f.d.readData(db, f.buf); err != nil {
			f.last = nil
			return false, err
		}
	}
	e, _, err := f.last.entry(int(off % size))
	return err == nil && f.m.try(e), err
}
