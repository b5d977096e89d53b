package dir

import (
	"iter"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// region is a free range of a data block.
type region struct{ at, n int }

// dataEnd is where the entries of a data block end: at its end, or at the index of block form.
func dataEnd(b *txn.Buf) int {
	if b.Type != format.TypeDirBlock {
		return len(b.Data)
	}
	tail := len(b.Data) - format.DirBlockTail.Size
	return tail - int(format.DirTailCount.Get(b.Data[tail:]))*format.DirLeafEntry.Size
}

// regions gives the free ranges of a data block in order.
func regions(b *txn.Buf) iter.Seq[region] {
	return func(yield func(region) bool) {
		end := dataEnd(b)
		for at := format.DirData.Size; at < end; {
			if format.DirUnusedTag.Get(b.Data[at:]) != format.DirFreeTag {
				at += format.DirEntrySize(int(format.DirEntryNameLen.Get(b.Data[at:])))
				continue
			}
			r := region{at, int(format.DirUnusedLen.Get(b.Data[at:]))}
			if !yield(r) {
				return
			}
			at += r.n
		}
	}
}

// best is the length of the longest free range of a data block.
func best(b *txn.Buf) uint16 {
	_, n := format.DirBest(0)
	return n.Get(b.Data)
}

// setBest writes the best free ranges down anew, the longest first.
func (e *Editor) setBest(b *txn.Buf) {
	var top [format.DirBestFree]region
	for r := range regions(b) {
		for i := range top {
			if r.n > top[i].n {
				copy(top[i+1:], top[i:])
				top[i] = r
				break
			}
		}
	}
	d := e.Fork.Change(b, int(format.DirBestOff0), 4*format.DirBestFree)
	for i, r := range top {
		off, n := format.DirBest(i)
		off.Put(d, uint16(r.at))
		n.Put(d, uint16(r.n))
	}
}

// setUnused makes n bytes from at a free range.
func (e *Editor) setUnused(b *txn.Buf, at, n int) {
	if n == 0 {
		return
	}
	d := e.Fork.Change(b, at, format.DirUnused.Size)
	format.DirUnusedTag.Put(d[at:], format.DirFreeTag)
	format.DirUnusedLen.Put(d[at:], uint16(n))
	e.Fork.Change(b, at+n-tagSize, tagSize)
	format.DirTag.Put(d[at+n-tagSize:], uint16(at))
}

// putEntry writes an entry into the first free range of a data block that has room for it, and
// returns its place.
func (e *Editor) putEntry(b *txn.Buf, n Entry) (at int, ok bool) {
	size := format.DirEntrySize(len(n.Name))
	for r := range regions(b) {
		if r.n < size {
			continue
		}
		d := e.Fork.Change(b, r.at, size)[r.at:]
		clear(d[:size])
		format.DirEntryIno.Put(d, n.Ino)
		format.DirEntryNameLen.Put(d, uint8(len(n.Name)))
		copy(d[format.DirEntry.Size:], n.Name)
		d[format.DirEntry.Size+len(n.Name)] = byte(n.Type)
		format.DirTag.Put(d[size-tagSize:], uint16(r.at))
		e.setUnused(b, r.at+size, r.n-size)
		e.setBest(b)
		return r.at, true
	}
	return 0, false
}

// freeEntry makes the entry at byte at free space, joined with free neighbours.
func (e *Editor) freeEntry(b *txn.Buf, at int) {
	n := format.DirEntrySize(int(format.DirEntryNameLen.Get(b.Data[at:])))
	for r := range regions(b) {
		switch {
		case r.at+r.n == at:
			at, n = r.at, n+r.n
		case r.at == at+n:
			n += r.n
		}
	}
	e.setUnused(b, at, n)
	e.setBest(b)
}

// newData makes data block db, free but for what the header takes.
func (e *Editor) newData(db int) (*txn.Buf, error) {
	b, err := e.Fork.New(format.FileOff(db)<<e.Geo.DirBlkLog, format.TypeDirData)
	if err != nil {
		return nil, err
	}
	b.Type.Stamp(e.Geo, b.Data, b.Place(e.Ino))
	e.setUnused(b, format.DirData.Size, len(b.Data)-format.DirData.Size)
	e.setBest(b)
	if end := uint64(db+1) * uint64(e.Geo.DirBlockSize); end > e.Fork.Size() {
		e.Fork.SetSize(end)
	}
	return b, nil
}

// readData returns data block db.
func (e *Editor) readData(db int) (*txn.Buf, error) {
	return e.Fork.Read(format.FileOff(db)<<e.Geo.DirBlkLog, format.TypeDirData)
}

// address is what the index calls the entry at a byte of a data block.
func (e *Editor) address(db, at int) uint32 {
	return uint32((uint64(db)*uint64(e.Geo.DirBlockSize) + uint64(at)) / format.DirAlign)
}

func (e *Editor) split(address uint32) (db, at int) {
	off := uint64(address) * format.DirAlign
	return int(off / uint64(e.Geo.DirBlockSize)), int(off % uint64(e.Geo.DirBlockSize))
}

// match reports whether the entry that an index entry leads to has a name, and where it lies.
// A block that was read before is passed in, to be used again.
func (e *Editor) match(address uint32, name string, b *txn.Buf, db int) (*txn.Buf, int, bool, error) {
	want, at := e.split(address)
	if b == nil || want != db {
		var err error
		if b, err = e.readData(want); err != nil {
			return nil, 0, false, err
		}
	}
	p := &dataBlock{b: b.Data, end: dataEnd(b)}
	if !p.starts(at) {
		return nil, 0, false, e.corrupt(b, "address", address, "that of an entry")
	}
	return b, want, e.same(p.entry(at).name, name), nil
}

// clean reports whether a data block has no entry.
func isEmpty(b *txn.Buf) bool { return int(best(b)) == len(b.Data)-format.DirData.Size }
