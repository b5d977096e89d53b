package volume

import (
	"bytes"
	"iter"
	"sort"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Change is something on the disk that a Unit changes: a structure, or else a block of file data.
type Change struct {
	Off      int64 // bytes from the start of the volume
	Old, New []byte
	// Type is what New is a sound structure of, nil for file data and for what was damaged on
	// purpose. Was is the same for Old.
	Type, Was *format.BlockType
	At        format.Place
	// Pieces is where a directory block lies that is not in one run; nil for all else.
	Pieces []txn.Piece

	wasSplit bool // a piece of a directory block before, and no longer
}

// differ compares two versions of a volume.
type differ struct {
	g        *format.Geometry
	old, new device.Device
	out      []Change
	done     int64 // what lies before this byte has been compared
}

// changes lists what is different on two devices, in order of place, the log's blocks left out.
// Only the blocks that have bytes in one of the ranges, offset and length in bytes, are looked at.
func changes(g *format.Geometry, old, new device.Device, written iter.Seq2[int64, int]) ([]Change, error) {
	d := &differ{g: g, old: old, new: new}
	size := int64(g.DBlocks) << g.BlockLog
	for off, n := range written {
		end := min(off+int64(n), size)
		for at := max(off>>g.BlockLog<<g.BlockLog, d.done); at < end; at = max(at+int64(g.BlockSize), d.done) {
			if err := d.block(at); err != nil {
				return nil, err
			}
		}
	}
	return d.out, nil
}

// block compares the block at byte off.
func (d *differ) block(off int64) error {
	d.done = off + int64(d.g.BlockSize)
	fsb := d.fsb(off)
	if log := d.g.LogStart; log != 0 && fsb >= log && fsb < log+format.FSBlock(d.g.LogBlocks) {
		return nil
	}
	old, new, err := d.read(off, d.g.BlockSize)
	if err != nil || bytes.Equal(old, new) {
		return err
	}
	if d.g.AGB(fsb) < d.g.HeaderBlocks() {
		return d.headers(off, old, new)
	}
	if t := d.typeOf(off, new); t == format.TypeInode || t == nil && d.typeOf(off, old) == format.TypeInode {
		d.pieces(off, old, new, d.g.InodeSize)
		return nil
	}
	return d.whole(off, old, new)
}

// fsb is the number of the block at byte off.
func (d *differ) fsb(off int64) format.FSBlock {
	n := uint64(off) >> d.g.BlockLog
	return d.g.FSB(format.AGNumber(n/uint64(d.g.AGBlocks)), format.AGBlock(n%uint64(d.g.AGBlocks)))
}

func (d *differ) read(off int64, n int) (old, new []byte, err error) {
	old, new = make([]byte, n), make([]byte, n)
	if _, err = d.old.ReadAt(old, off); err == nil {
		_, err = d.new.ReadAt(new, off)
	}
	return old, new, err
}

// headers compares a block with sectors of headers.
func (d *differ) headers(off int64, old, new []byte) error {
	d.pieces(off, old, new, d.g.SectSize)
	return nil
}

// pieces compares equal parts of a block, each a structure. What the old block was as a whole, its
// parts were.
func (d *differ) pieces(off int64, old, new []byte, size int) {
	was := d.typeOf(off, old)
	for i := 0; i < len(old); i += size {
		if o, n := old[i:i+size], new[i:i+size]; !bytes.Equal(o, n) {
			d.add(off+int64(i), o, n)
			if c := &d.out[len(d.out)-1]; c.Was == nil && was != nil && was.Len(d.g, old) > size {
				c.Was = was
			}
		}
	}
}

// whole adds a changed block: a directory block as a whole, of which it may be a part.
func (d *differ) whole(off int64, old, new []byte) error {
	bs, n := int64(d.g.BlockSize), int64(d.g.DirBlockSize)
	for start := off; n > bs && start > off-n && start >= 0; start -= bs {
		o, b, err := d.read(start, int(min(n, d.new.Size()-start)))
		if err != nil {
			return err
		}
		if t := d.typeOf(start, b); t != nil && int64(t.Len(d.g, b)) == n {
			d.add(start, o, b)
			d.done = start + n
			return nil
		}
	}
	d.add(off, old, new)
	return nil
}

func (d *differ) add(off int64, old, new []byte) {
	d.out = append(d.out, Change{Off: off, Old: old, New: new, Type: d.typeOf(off, new), Was: d.typeOf(off, old), At: d.place(off)})
}

// typeOf is the type of the sound structure that b, which lies at byte off, is; nil if it is none.
func (d *differ) typeOf(off int64, b []byte) *format.BlockType {
	t := format.Detect(d.g, b)
	if t == nil || t.Len(d.g, b) > len(b) || format.Verify(d.g, t, b, d.place(off)) != nil {
		return nil
	}
	return t
}

func (d *differ) place(off int64) format.Place {
	p := format.NullPlace
	p.Daddr = format.Daddr(off >> format.BasicBlockLog)
	if n := uint64(off) >> d.g.BlockLog / uint64(d.g.AGBlocks); n < uint64(d.g.AGCount) {
		p.AG = format.AGNumber(n)
	}
	return p
}

// freeMap is the free space of a volume.
type freeMap map[format.AGNumber][]freeRun

type freeRun struct{ start, end format.AGBlock }

// freeMap reads the free space of all groups.
func (v *Volume) freeMap() (freeMap, error) {
	m := freeMap{}
	for ag := range format.AGNumber(v.Geo.AGCount) {
		err := v.eachFree(ag, func(start format.AGBlock, count uint32) bool {
			m[ag] = append(m[ag], freeRun{start, start + format.AGBlock(count)})
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// has reports whether a block is free.
func (m freeMap) has(ag format.AGNumber, b format.AGBlock) bool {
	list := m[ag]
	i := sort.Search(len(list), func(i int) bool { return list[i].end > b })
	return i < len(list) && list[i].start <= b
}
