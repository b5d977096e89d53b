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
// true when the run ends with that hash or a smaller one, so that the next leaf can have more.
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
	_, err = x.find(format.DirHash(d.geo, m.name), func(address uint32) (bool, error) {
		return m.try(p.entry(int(address) * format.DirAlign)), nil
	})
	return err
}

// findIndex looks a name up in a directory in leaf or node form.
func (d *Dir) findIndex(m *matcher) error {
	h := format.DirHash(d.geo, m.name)
	f := finder{d: d, m: m}
	for leaf, err := range d.tree().Leaves(h) {
		if err != nil {
			return err
		}
		n := int(format.DirLeafCount.Get(leaf)) * format.DirLeafEntry.Size
		x := index(leaf[format.DirLeaf.Size : format.DirLeaf.Size+n])
		if more, err := x.find(h, f.visit); err != nil || !more {
			return err
		}
	}
	return nil
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
			return false, err
		}
	}
	at := int(off % size)
	if !f.last.starts(at) {
		return false, f.d.corrupt("directory index", "address", fmt.Sprintf("%#x", address), "that of an entry")
	}
	return f.m.try(f.last.entry(at)), nil
}
