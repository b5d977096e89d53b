package format

// fork is one fork of an inode as the checks see it.
type fork struct {
	name    string // as in field names: "u3" or "a"
	b       []byte // all its room in the inode
	format  ForkFormat
	extents uint64
	attr    bool
	rt      bool // its blocks lie in the realtime section
}

// check judges a fork in extents or btree format.
func (f *fork) check(g *Geometry, r report) *CorruptError {
	if f.format == FmtBtree {
		return f.checkRoot(g, r)
	}
	room := len(f.b) / BmbtRec.Size
	if f.extents > uint64(room) {
		return bad(f.countField(), f.extents, upTo(uint32(room)))
	}
	var next FileOff
	for i := range int(f.extents) {
		m := UnpackMapping(f.b[i*BmbtRec.Size:])
		if field, want := CheckMapping(g, m, next, f.attr, f.rt); field != "" {
			if e := r.fault(bad(f.name+".bmx"+index(i)+"."+field, m, want)); e != nil {
				return e
			}
		}
		next = max(next, m.End())
	}
	return nil
}

// CheckMapping says which field of a mapping is wrong, and what it should be; no field, when none
// is. next is the first offset that the mapping can have, attr that it is one of an attribute fork,
// rt that its blocks lie in the realtime section.
func CheckMapping(g *Geometry, m Mapping, next FileOff, attr, rt bool) (field, want string) {
	switch {
	case m.Count == 0:
		return "blockcount", "1 at least"
	case m.Off < next:
		return "startoff", "ascending offsets without overlap"
	case m.End() > MaxFileOff:
		return "startoff", "an offset below 2^54"
	case m.Unwritten && attr:
		return "extentflag", "no unwritten attributes"
	case !rt && !g.Allocatable(m.Start, uint64(m.Count)):
		return "startblock", "blocks of one group"
	}
	return "", ""
}

func (f *fork) countField() string {
	if f.attr {
		return "core.naextents"
	}
	return "core.nextents"
}

// checkRoot judges the root of the fork's tree.
func (f *fork) checkRoot(g *Geometry, r report) *CorruptError {
	if len(f.b) < RootBlock.Size {
		return bad("core.forkoff", len(f.b), "room for a tree's root")
	}
	level, n, room := int(RootLevel.Get(f.b)), int(RootNumRecs.Get(f.b)), RootMaxRecs(len(f.b))
	var e *CorruptError
	if f.extents <= uint64(len(f.b)/BmbtRec.Size) {
		e = r.fault(bad(f.countField(), f.extents, "more than fit without a tree"))
	}
	switch {
	case e != nil:
		return e
	case level == 0 || level >= MaxBtreeLevels:
		return bad(f.name+".bmbt.level", level, fromTo(1, MaxBtreeLevels-1))
	case n == 0 || n > room:
		return bad(f.name+".bmbt.numrecs", n, fromTo(1, room))
	}
	keys, ptrs := f.b[RootBlock.Size:], f.b[RootBlock.Size+room*BmbtKey.Size:]
	var last FileOff
	for i := range n {
		key, ptr := BmbtKeyStart.Get(keys[i*BmbtKey.Size:]), LongPtrTo.Get(ptrs[i*LongPtr.Size:])
		if i > 0 && key <= last || key >= MaxFileOff {
			return bad(f.name+".bmbt.keys"+index(i), key, "ascending offsets below 2^54")
		}
		if !g.Allocatable(ptr, 1) {
			return bad(f.name+".bmbt.ptrs"+index(i), ptr, "a block of the volume")
		}
		last = key
	}
	return nil
}
