package repair

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// claim is a run of blocks that somebody owns.
type claim = space.Rmap

// own notes an owner of blocks.
func (s *scan) own(start format.FSBlock, count uint32, o space.Owner) {
	list := &s.claims[s.geo.AG(start)]
	r := claim{Start: s.geo.AGB(start), Count: count, Owner: o}
	if n := len(*list); n > 0 && (*list)[n-1].Joins(r) {
		(*list)[n-1].Count += count
		return
	}
	*list = append(*list, r)
}

// forks are the forks of an inode in b, which format.Verify lets pass.
type forks struct {
	*scan
	ino     format.Ino
	b       []byte
	was     []byte // the inode before it was mended
	changed bool
	redone  bool   // a fork is to be written anew
	blocks  uint64 // of the other forks
}

// run reads the forks, notes what they own, and corrects the counts. A fork that is damaged is
// emptied, and what could be read of it put down for later.
func (f *forks) run(damaged bool) {
	for _, attr := range [...]bool{false, true} {
		f.fork(attr, damaged)
	}
	if f.geo.HasCowForks() && format.DiCowRoot.Get(f.b) != 0 {
		f.cow()
	}
	if was := format.DiNBlocks.Get(f.b); was != f.blocks {
		format.DiNBlocks.Put(f.b, f.blocks) // forks that are written anew add theirs
		if !f.redone {
			f.did("core.nblocks", was, f.blocks)
		}
	}
	if f.changed {
		inode.Seal(f.b)
	}
}

func (f *forks) did(field string, got, want any) {
	f.changed = true
	f.report.inode(f.ino, "mend an inode", fmt.Sprintf("%s: was %v, should be %v", field, got, want))
}

// formatOf is how a fork is stored in an inode's bytes; FmtDev stands for no fork.
func formatOf(b []byte, attr bool) (fork []byte, f format.ForkFormat, n uint64) {
	data, attrs := format.Forks(b)
	extents, attrExtents := format.NExtents(b)
	if !attr {
		return data, format.DiFormat.Get(b), extents
	}
	if format.DiForkOff.Get(b) == 0 {
		return nil, format.FmtDev, 0
	}
	return attrs, format.DiAFormat.Get(b), uint64(attrExtents)
}

// fork reads one fork. doubt says that its counts or mappings were wrong.
func (f *forks) fork(attr, doubt bool) {
	fork, kind, n := formatOf(f.b, attr)
	src, srcKind, srcN := fork, kind, n
	if doubt {
		src, srcKind, srcN = formatOf(f.was, attr)
		if srcKind != format.FmtExtents && srcKind != format.FmtBtree {
			src, srcKind, srcN = fork, kind, n
		}
	}
	var maps []format.Mapping
	var tree []uint64
	sound := true
	switch srcKind {
	case format.FmtExtents:
		if !attr && !doubt {
			srcN = f.likelyCount(src, srcN)
		}
		maps, sound = f.inInode(src, min(srcN, uint64(len(src)/format.BmbtRec.Size)), attr)
		sound = sound && srcN == uint64(len(maps))
	case format.FmtBtree:
		maps, tree, sound = f.inTree(src, attr)
	default:
		if n != 0 && kind != format.FmtLocal {
			f.setCount(attr, 0)
		}
		if size := format.DiSize.Get(f.b); kind == format.FmtDev && !attr && size != 0 {
			f.did("core.size", size, 0)
			format.DiSize.Put(f.b, 0)
		}
		return
	}
	if format.DiMode.Get(f.b)&format.ModeType != format.ModeReg {
		for i := range maps {
			sound = sound && !maps[i].Unwritten // metadata is never that
			maps[i].Unwritten = false
		}
	}
	if kind == format.FmtBtree && f.doubt[f.ino] {
		sound = false
	}
	switch {
	case !sound, doubt && kind != srcKind, kind == format.FmtBtree && len(maps) == 0:
		f.redo(attr, maps)
		return
	case n != uint64(len(maps)):
		f.setCount(attr, len(maps))
	}
	for _, m := range maps {
		f.own(m.Start, m.Count, space.ForkOwner(f.ino, attr, m.Off, m.Unwritten))
		f.blocks += uint64(m.Count)
	}
	f.ownTree(tree, space.BmbtOwner(f.ino, attr))
	f.blocks += uint64(len(tree))
}

// likelyCount is the number of mappings of a data fork that lie in the inode. When the number of
// blocks tells that those are too few or too many, and another number fits, it is that.
func (f *forks) likelyCount(fork []byte, n uint64) uint64 {
	if _, _, attrs := formatOf(f.b, true); attrs > 0 {
		return n // the blocks are those of both forks
	}
	blocks, sum := format.DiNBlocks.Get(f.b), uint64(0)
	var next format.FileOff
	fits := n
	for i := uint64(0); i < uint64(len(fork)/format.BmbtRec.Size); i++ {
		m := format.UnpackMapping(fork[i*uint64(format.BmbtRec.Size):])
		if field, _ := format.CheckMapping(f.geo, m, next, false, false); field != "" {
			break
		}
		next = m.End()
		if sum += uint64(m.Count); sum != blocks {
			continue
		}
		if fits = i + 1; fits == n {
			break
		}
	}
	return fits
}

// setCount corrects the number of mappings that the inode names.
func (f *forks) setCount(attr bool, n int) {
	data, attrs := format.NExtents(f.b)
	if attr {
		f.did("core.naextents", attrs, n)
		attrs = uint32(n)
	} else {
		f.did("core.nextents", data, n)
		data = uint64(n)
	}
	format.PutNExtents(f.b, data, attrs)
}

// inInode reads mappings that lie in the inode, those that make sense.
func (f *forks) inInode(fork []byte, n uint64, attr bool) (maps []format.Mapping, sound bool) {
	maps = make([]format.Mapping, 0, n)
	for i := range n {
		maps = append(maps, format.UnpackMapping(fork[i*uint64(format.BmbtRec.Size):]))
	}
	return f.sensible(maps, attr)
}

// inTree reads mappings that lie in a tree, those that make sense, and the tree's blocks.
func (f *forks) inTree(fork []byte, attr bool) (maps []format.Mapping, tree []uint64, sound bool) {
	s := &salvage{model: f.model, kind: btree.Bmbt, owner: f.ino}
	s.visit = func(rec []byte) { maps = append(maps, format.UnpackMapping(rec)) }
	s.block = func(b uint64) { tree = append(tree, b) }
	s.fork(fork)
	maps, sound = f.sensible(maps, attr)
	return maps, tree, sound && !s.damaged
}

// sensible drops mappings that can't be, and those that overlap an earlier one.
func (f *forks) sensible(maps []format.Mapping, attr bool) (out []format.Mapping, all bool) {
	sorted := slices.IsSortedFunc(maps, func(a, b format.Mapping) int { return cmp.Compare(a.Off, b.Off) })
	if !sorted {
		slices.SortStableFunc(maps, func(a, b format.Mapping) int { return cmp.Compare(a.Off, b.Off) })
	}
	rt := format.DiFlags.Get(f.b)&format.FlagRealtime != 0 && !attr
	var next format.FileOff
	out = maps[:0]
	for _, m := range maps {
		if field, _ := format.CheckMapping(f.geo, m, next, attr, rt); field == "" {
			out = append(out, m)
			next = m.End()
		}
	}
	return out, sorted && len(out) == len(maps)
}

// ownTree claims the blocks of a tree.
func (f *forks) ownTree(tree []uint64, o space.Owner) {
	slices.Sort(tree)
	for _, b := range tree {
		f.own(format.FSBlock(b), 1, o)
	}
}

// redo empties a fork on disk and puts down what was found of it. The blocks of its tree are free.
func (f *forks) redo(attr bool, maps []format.Mapping) {
	data, attrs := format.NExtents(f.b)
	if attr {
		attrs = 0
		format.DiAFormat.Put(f.b, format.FmtExtents)
	} else {
		data = 0
		format.DiFormat.Put(f.b, format.FmtExtents)
	}
	format.PutNExtents(f.b, data, attrs)
	fork, _, _ := formatOf(f.b, attr)
	clear(fork)
	f.changed, f.redone = true, true
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remaps[forkID{f.ino, attr}] = &remap{maps: slices.Clone(maps)}
}

// cow reads a persistent CoW fork. One that is damaged is dropped: the staged writes are lost,
// and the file is as it was before them.
func (f *forks) cow() {
	root := format.DiCowRoot.Get(f.b)
	var maps []format.Mapping
	var tree []uint64
	s := &salvage{model: f.model, kind: btree.Bmbt, owner: f.ino}
	s.visit = func(rec []byte) { maps = append(maps, format.UnpackMapping(rec)) }
	s.block = func(b uint64) { tree = append(tree, b) }
	head := make([]byte, format.LongBlock.Size)
	if _, err := f.dev.ReadAt(head, f.geo.Offset(root)); err == nil {
		s.root(uint64(root), int(format.LongLevel.Get(head))+1)
	} else {
		s.damaged = true
	}
	if maps, ok := f.sensible(maps, false); s.damaged || !ok {
		format.DiCowRoot.Put(f.b, 0)
		f.changed = true
		f.report.inode(f.ino, "drop staged writes", "the tree that lists them is damaged")
		for _, m := range maps {
			f.report.lost(f.ino, int64(m.Off)<<f.geo.BlockLog, int64(m.Count)<<f.geo.BlockLog, "a staged write")
		}
		return
	}
	o := space.Owner{ID: format.OwnCow}
	for _, m := range maps {
		f.own(m.Start, m.Count, o)
	}
	f.ownTree(tree, o)
}
