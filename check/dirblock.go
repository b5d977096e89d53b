package check

import (
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// blocks looks at a directory that has blocks of its own.
func (d *dirScan) blocks() {
	f, g := d.f, d.f.w.geo
	d.at = d.place()
	leaf, free := format.FileOff(format.DirLeafSpace>>g.BlockLog), format.FileOff(format.DirFreeSpace>>g.BlockLog)
	data, index, rest := f.data.split(leaf), f.data.split(free), len(f.data.maps)
	d.judgePlaces(free)
	single := index == data && rest == data && f.data.next <= format.FileOff(g.DirBlocks())
	typ := format.TypeDirData
	if single {
		typ = format.TypeDirBlock
	}
	end := d.dataBlocks(data, typ)
	if size := format.DiSize.Get(f.raw); size != uint64(end)<<g.DirBlkLog<<g.BlockLog && !d.partial {
		f.say(DirSize, "core.size", size, uint64(end)<<g.DirBlkLog<<g.BlockLog)
	}
	if end == 0 || !single && data == index {
		d.say(DirHole, d.at, "", "no block", "at least one with entries, and their index")
		d.partial = true
		return
	}
	if single {
		d.judgeTwins()
		return
	}
	d.judgeIndex(leaf)
	if d.tree.root == format.TypeDirLeaf1 {
		if rest != index {
			d.say(ForkPlace, d.at, "", "a free space index", "none beside a single leaf")
		}
		return
	}
	d.judgeFree(index, free, end)
}

// split returns how many of the mappings start below off.
func (s *forkScan) split(off format.FileOff) int {
	n := 0
	for n < len(s.maps) && s.maps[n].Off < off {
		n++
	}
	return n
}

// judgePlaces judges whether the mappings make whole directory blocks in the ranges that there are.
func (d *dirScan) judgePlaces(free format.FileOff) {
	f, g := d.f, d.f.w.geo
	unit := format.FileOff(g.DirBlocks())
	end := free + (format.DirFreeSpace-format.DirLeafSpace)>>g.BlockLog
	next := format.FileOff(0) // where a block can be that the mappings so far have not filled
	for _, m := range f.data.maps {
		at := InInode(f.ino)
		at.Offset = int64(m.Off << g.BlockLog)
		switch {
		case m.Unwritten:
			f.w.report(Finding{Code: ForkMapping, Structure: format.TypeInode.Name, Field: "extentflag", Place: at, Got: showMapping(m), Want: "written blocks in a directory"})
		case m.End() > end:
			f.w.report(Finding{Code: ForkPlace, Structure: format.TypeInode.Name, Place: at, Got: showMapping(m), Want: fmt.Sprintf("offsets below %d", end)})
		case m.Off%unit != 0 && m.Off != next, next%unit != 0 && m.Off != next:
			f.w.report(Finding{Code: ForkPlace, Structure: format.TypeInode.Name, Place: at, Got: showMapping(m), Want: fmt.Sprintf("whole directory blocks of %d", unit)})
		}
		next = m.End()
	}
	if next%unit != 0 {
		d.say(ForkPlace, d.place(), "", fmt.Sprintf("blocks up to %d", next), fmt.Sprintf("whole directory blocks of %d", unit))
	}
}

// maxBadBlocks is how many blocks of a directory may be bad before the others are left alone: its
// mappings are wrong then, and can lead all over the image.
const maxBadBlocks = 1000

// dataBlocks looks at the blocks with entries, which the first n mappings have. It returns the
// number of the block behind the last one.
func (d *dirScan) dataBlocks(n int, typ *format.BlockType) (end format.FileOff) {
	f, g := d.f, d.f.w.geo
	log, unit := g.DirBlkLog, g.DirBlocks()
	bad := 0
	for i := range n {
		m := f.data.maps[i]
		for db := max(end, m.Off>>log); db<<log < m.End() && bad < maxBadBlocks && !f.w.stopped(); db++ {
			for format.FileOff(len(d.bests)) < db {
				d.bests = append(d.bests, bestNone)
			}
			end = db + 1
			best := uint16(bestUnknown)
			off := db << log
			if f.data.mapped(off, unit) == unit {
				if b, at, ok := f.data.block(off, unit, true); ok {
					best = d.dataBlock(db, b, f.data.placeOf(off, at, unit), at, typ)
				}
			}
			if best == bestUnknown {
				d.partial = true
				bad++
			}
			d.bests = append(d.bests, best)
		}
	}
	if n > 0 && f.data.maps[0].Off != 0 {
		d.say(DirHole, d.place(), "", "no block at offset 0", "the block with . and ..")
	}
	return end
}

// dataBlock looks at a block with entries and returns the length of its longest unused range.
func (d *dirScan) dataBlock(db format.FileOff, b []byte, at Place, start format.FSBlock, typ *format.BlockType) (best uint16) {
	if !d.verify(typ, b, at, start) {
		return bestUnknown
	}
	end, count := len(b), 0
	if typ == format.TypeDirBlock {
		var damage *format.CorruptError
		if end, count, damage = format.DirBlockIndex(b); damage != nil {
			return bestUnknown
		}
	}
	base := uint64(db) * uint64(len(b))
	for off, n := format.DirData.Size, 0; off < end; {
		it, damage := format.NextDirItem(b, off, end)
		if damage != nil && it.Size == 0 {
			return bestUnknown
		}
		if !it.Free {
			d.at = at
			d.at.Offset += int64(off)
			d.item(b, it, base, db == 0 && n < 2, n)
			n++
		}
		off += it.Size
	}
	if typ == format.TypeDirBlock {
		d.collectTwins(b[end:], count)
	}
	return format.DirBestLen0.Get(b)
}

// item takes an entry; it is number n of the first block if it has to be . or .., else any.
func (d *dirScan) item(b []byte, it format.DirItem, base uint64, dot bool, n int) {
	name, ino, t := it.Name(b), format.DirEntryIno.Get(b[it.Off:]), it.FType(b)
	d.entries++
	d.index += d.f.w.keys.index(format.DirHash(d.f.w.geo, name), uint32((base+uint64(it.Off))/format.DirAlign))
	if !dot {
		d.entry(name, ino, t)
		return
	}
	if want := [...]string{".", ".."}[n]; string(name) != want {
		d.say(DirDots, d.at, "name", showName(name), want)
		d.entry(name, ino, t)
		return
	}
	d.dot(n, ino, t)
}

// verify judges a block of the directory by itself. It reports whether what it holds can be read.
func (d *dirScan) verify(typ *format.BlockType, b []byte, at Place, start format.FSBlock) (ok bool) {
	w := d.f.w
	ok = true
	where := format.BlockOf(d.f.ino, w.geo.ToDaddr(start))
	if format.Verify(w.geo, typ, b, where) != nil {
		format.Judge(w.geo, typ, b, where, func(e *format.CorruptError) {
			code := dirCode(e.Field)
			ok = ok && code != DirBlockMagic
			w.report(Finding{Code: code, Structure: typ.Name, Field: e.Field, Place: at, Got: e.Got, Want: e.Want})
		})
	}
	if ok {
		w.judgePads(DirPadding, typ, b, at)
		w.checkLSN(typ, b, at)
	}
	return ok
}

// dirCode is the code for a field of a directory block that is wrong.
func dirCode(field string) *Code {
	has := func(prefix string) bool { return strings.HasPrefix(field, prefix) }
	switch {
	case field == "" || field == "magic":
		return DirBlockMagic
	case field == "crc":
		return DirBlockCRC
	case field == "uuid" || field == "bno" || field == "owner":
		return DirBlockIdentity
	case has("bestfree"):
		return DirBestFree
	case has("lbests") || has("fbests") || has("fhdr") || has("ltail"):
		return DirFreeIndex
	case field == "inumber" || field == "name" || field == "filetype":
		return DirEntry
	case field == "bleaf.address" || field == "btail.count":
		return DirIndexEntry
	case field == "bleaf.hashval":
		return DirIndexHash
	case strings.HasSuffix(field, ".hashval"):
		return DirHashOrder
	case has("btail.stale") || has("lhdr"):
		return DirIndexCount
	case has("nhdr"):
		return DirTree
	}
	return DirLayout
}
