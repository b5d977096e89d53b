package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// judgeBests holds n lengths of longest unused ranges, the first of them of data block first,
// against the blocks themselves.
func (d *dirScan) judgeBests(b []byte, n, first int, at Place, name string) {
	for i := range n {
		got := format.DirBestLen.Get(b[2*i:])
		want := uint16(bestNone)
		if first+i < len(d.bests) {
			want = d.bests[first+i]
		}
		if got != want && want != bestUnknown {
			d.say(DirFreeIndex, at, fmt.Sprintf("%s[%d]", name, i), showBest(got), showBest(want))
		}
	}
}

func showBest(n uint16) string {
	if n == bestNone {
		return "no block"
	}
	return fmt.Sprintf("%d bytes", n)
}

// judgeFree goes over the free space index of a directory in node form, whose mappings begin with
// number from. Each data block, of which the last is below end, has to be in it.
func (d *dirScan) judgeFree(from int, base, end format.FileOff) {
	f, g := d.f, d.f.w.geo
	unit := g.DirBlocks()
	room := format.FileOff(format.DirFreeRoom(g.DirBlockSize))
	next := format.FileOff(0) // the data block that should be in the index next
	block := format.FileOff(0)
	for _, m := range f.data.maps[from:] {
		for fb := max(block, (m.Off-base)>>g.DirBlkLog); base+fb<<g.DirBlkLog < m.End() && !f.w.stopped(); fb++ {
			block = fb + 1
			off := base + fb<<g.DirBlkLog
			if f.data.mapped(off, unit) < unit {
				continue
			}
			b, start, ok := f.data.block(off, unit, true)
			if !ok {
				return
			}
			at := f.data.placeOf(off, start, unit)
			d.judgeMissing(next, fb*room)
			next = (fb + 1) * room
			if !d.verify(format.TypeDirFree, b, at, start) {
				continue
			}
			d.judgeFreeBlock(b, fb, room, at)
		}
	}
	d.judgeMissing(next, end)
}

// judgeFreeBlock judges block fb of the free space index, which has room for so many lengths.
func (d *dirScan) judgeFreeBlock(b []byte, fb, room format.FileOff, at Place) {
	first, n := format.DirFreeFirstDB.Get(b), format.DirFreeNValid.Get(b)
	if want := uint32(fb * room); first != want {
		d.say(DirFreeIndex, at, "fhdr.firstdb", first, want)
	}
	if n > uint32(room) {
		return // was reported
	}
	d.judgeBests(b[format.DirFree.Size:], int(n), int(fb*room), at, "fbests")
	d.judgeMissing(fb*room+format.FileOff(n), (fb+1)*room)
}

// judgeMissing reports data blocks from one up to another that are not in the index.
func (d *dirScan) judgeMissing(from, to format.FileOff) {
	for db := from; db < min(to, format.FileOff(len(d.bests))); db++ {
		if d.bests[db] != bestNone && d.bests[db] != bestUnknown {
			d.say(DirFreeIndex, d.place(), "", fmt.Sprintf("data block %d is not in it", db), "all data blocks")
			return // one stands for those behind it
		}
	}
}
