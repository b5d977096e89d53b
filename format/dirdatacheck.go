package format

import "strconv"

// checkDirData judges a block with entries in data form.
func checkDirData(g *Geometry, b []byte, _ Place, r report) *CorruptError {
	return checkDirItems(g, b, len(b), nil, r)
}

// dirStarts marks the addresses at which entries start in a block, counted in DirAlign.
type dirStarts struct {
	bits [MaxBlockSize / DirAlign / 64]uint64
	n    int // entries marked
}

func (s *dirStarts) add(off int) {
	s.bits[off/DirAlign/64] |= 1 << (off / DirAlign % 64)
	s.n++
}

// take unmarks an address and reports whether it was marked.
func (s *dirStarts) take(off int) bool {
	word, bit := &s.bits[off/DirAlign/64], uint64(1)<<(off/DirAlign%64)
	was := *word&bit != 0
	*word &^= bit
	return was
}

// checkDirItems judges the entries and unused ranges up to end, and the header's table of the
// longest unused ones. starts, when not nil, gets the places of the entries.
func checkDirItems(g *Geometry, b []byte, end int, starts *dirStarts, r report) *CorruptError {
	var best bestFree
	wasFree := false
	for off := dirDataSize; off < end; {
		it, damage := NextDirItem(b, off, end)
		if damage != nil && (it.Size == 0 || r.fault(damage) != nil) {
			return damage
		}
		switch {
		case it.Free:
			best.add(b, it)
			if wasFree {
				if e := r.fault(bad("data", byteAt(off), "no unused range behind another")); e != nil {
					return e
				}
			}
		default:
			if e := r.fault(checkDirEntry(g, b[off:off+it.Size], it.Name(b))); e != nil {
				return e
			}
			if starts != nil {
				starts.add(off)
			}
		}
		wasFree = it.Free
		off += it.Size
	}
	return best.check(b)
}

// checkDirEntry judges one entry, of which e is all.
func checkDirEntry(g *Geometry, e, name []byte) *CorruptError {
	switch ino := DirEntryIno.Get(e); {
	case !g.ValidIno(ino):
		return bad("inumber", ino, "an inode of the volume")
	case !validName(name):
		return bad("name", string(name), "no NUL and no slash")
	case FType(e[DirEntry.Size+len(name)]) > FTWhiteout:
		return bad("filetype", e[DirEntry.Size+len(name)], upTo(uint32(FTWhiteout)))
	}
	return nil
}

// bestFree collects the lengths of the longest unused ranges, longest first, and which slots of
// the header's table name a range that exists.
type bestFree struct {
	length [DirBestFree]int
	found  [DirBestFree]bool
}

func (f *bestFree) add(b []byte, it DirItem) {
	for i := range f.found {
		off, length := DirBest(i)
		if int(off.Get(b)) == it.Off && int(length.Get(b)) == it.Size {
			f.found[i] = true
			break
		}
	}
	n := it.Size
	for i := range f.length {
		if n > f.length[i] {
			n, f.length[i] = f.length[i], n
		}
	}
}

func (f *bestFree) check(b []byte) *CorruptError {
	for i := range f.length {
		off, length := DirBest(i)
		o, n := int(off.Get(b)), int(length.Get(b))
		if n != f.length[i] || n != 0 && !f.found[i] || n == 0 && o != 0 {
			return bad("bestfree"+index(i), rangeAt(o, n), "the "+ordinals[i]+" unused range, of length "+strconv.Itoa(f.length[i]))
		}
	}
	return nil
}

var ordinals = [DirBestFree]string{"longest", "second longest", "third longest"}
