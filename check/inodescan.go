package check

import (
	"bytes"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// fileBufs is what a worker needs to look at inodes.
type fileBufs struct {
	chunks []byte // inodes as they lie on disk
	pieces []piece
	file   file
	finder finder
	dirs   []directory // not yet in the model
	edges  []edge
	look   *look      // a second look at names; nil in all others
	silent bool       // what is wrong has been reported
	later  func(unit) // has a large inode looked at; nil: worker.add
}

// report reports a finding, unless the worker looks at something a second time.
func (w *worker) report(f Finding) {
	if !w.files.silent {
		w.checker.report(f)
	}
}

// corrupt is as in checker, and checkLSN too, with the same exception.
func (w *worker) corrupt(code *Code, err error, at Place) {
	if !w.files.silent {
		w.checker.corrupt(code, err, at)
	}
}

func (w *worker) checkLSN(typ *format.BlockType, b []byte, at Place) {
	if !w.files.silent {
		w.checker.checkLSN(typ, b, at)
	}
}

// firstLook reports whether inodes are looked at for the first time.
func (w *worker) firstLook() bool { return !w.files.silent && w.found == nil }

// file is an inode in use as it is looked at.
type file struct {
	w    *worker
	ino  format.Ino
	raw  []byte
	node *node
	mode uint16

	data, attr forkScan
	dir        dirScan
	attrs      attrScan
}

func (f *file) regular() bool { return f.mode&format.ModeType == format.ModeReg }
func (f *file) isDir() bool   { return f.mode&format.ModeType == format.ModeDir }
func (f *file) isLink() bool  { return f.mode&format.ModeType == format.ModeLink }

// realtime reports whether the data lie in the realtime section.
func (f *file) realtime() bool {
	return f.regular() && format.DiFlags.Get(f.raw)&format.FlagRealtime != 0
}

// Inodes that a unit looks at. A unit reads those at once that lie one behind the other.
const (
	chunksPerUnit = 32
	inodeRead     = 1 << 20 // bytes
)

// inodeUnits are the units that look at inodes and all that belongs to them. When they run, all
// records of refcountbt are known.
func (c *checker) inodeUnits() (list []unit) {
	for no := range c.inodes.groups {
		g := &c.inodes.groups[no]
		g.nodes = make([]node, len(g.chunks)*format.InodesPerChunk)
	}
	c.hideInodes()
	return append(c.chunkUnits(), c.judgeSpecial)
}

// chunkUnits are units that go over all inodes.
func (c *checker) chunkUnits() (list []unit) {
	for no := range c.inodes.groups {
		n := len(c.inodes.groups[no].chunks)
		for from := 0; from < n; from += chunksPerUnit {
			list = append(list, func(w *worker) {
				w.chunkUnit(format.AGNumber(no), from, min(from+chunksPerUnit, n))
			})
		}
	}
	return list
}

// ownersAgain are the units that report once more, with own, share and stageCow, what inodes and
// their chunks have. They report no findings.
func (c *checker) ownersAgain() []unit {
	list := c.chunkUnits()
	for no := range c.inodes.groups {
		list = append(list, func(w *worker) { w.ownChunks(format.AGNumber(no)) })
	}
	return list
}

// chunkUnit looks at the inodes of some chunks of a group.
func (w *worker) chunkUnit(no format.AGNumber, from, to int) {
	g := &w.inodes.groups[no]
	list := w.files.pieces[:0]
	for k := from; k < to; k++ {
		list = g.pieces(w.geo, k, list)
	}
	w.files.pieces = list
	size := uint32(inodeRead >> w.geo.BlockLog)
	for i := 0; i < len(list) && !w.stopped(); {
		j, blocks := i+1, list[i].blocks
		for j < len(list) && list[j].block == list[i].block+format.AGBlock(blocks) && blocks+list[j].blocks <= size {
			blocks += list[j].blocks
			j++
		}
		w.readPieces(no, list[i:j], int(blocks)<<w.geo.BlockLog)
		i = j
	}
	w.rememberDirs()
}

// rememberDirs puts what the worker has learnt of directories into the model.
func (w *worker) rememberDirs() {
	w.inodes.remember(w.files.dirs, w.files.edges)
	w.files.dirs, w.files.edges = w.files.dirs[:0], w.files.edges[:0]
}

// readPieces reads n bytes of inodes that lie one behind the other, and looks at them. Where that
// fails it tries piece by piece.
func (w *worker) readPieces(no format.AGNumber, list []piece, n int) {
	if cap(w.files.chunks) < n {
		w.files.chunks = make([]byte, max(n, inodeRead))
	}
	b := w.files.chunks[:n]
	if len(list) > 1 {
		if _, err := w.dev.ReadAt(b, w.geo.AGOffset(no, list[0].block)); err != nil {
			for i := range list {
				w.readPieces(no, list[i:i+1], int(list[i].blocks)<<w.geo.BlockLog)
			}
			return
		}
		w.count(n)
	} else if !w.read(b, w.geo.AGOffset(no, list[0].block), AtBlock(no, list[0].block, list[0].blocks)) {
		w.lostInodes(no, &list[0])
		return
	}
	for i := range list {
		p := &list[i]
		// A chunk can be the second one in a block.
		start := w.inodes.groups[no].chunks[p.chunk].start + format.AGIno(p.first)
		skip := int(start&(1<<w.geo.InoPBLog-1)) << w.geo.InodeLog
		w.inodesOf(no, p, b[int(p.block-list[0].block)<<w.geo.BlockLog+skip:])
	}
}

// inodesOf looks at the inodes of a piece, which are in b.
func (w *worker) inodesOf(no format.AGNumber, p *piece, b []byte) {
	g := &w.inodes.groups[no]
	c := &g.chunks[p.chunk]
	size := w.geo.InodeSize
	for i := range p.count {
		index := p.first + i
		s := spot{c, &g.nodes[p.chunk*format.InodesPerChunk+index], index}
		w.inode(w.geo.Ino(no, c.start+format.AGIno(index)), s, b[i*size:][:size:size])
	}
	if w.firstLook() {
		w.stats.Inodes += uint64(p.count)
	}
}

// lostInodes takes note that the inodes of a piece can't be read.
func (w *worker) lostInodes(no format.AGNumber, p *piece) {
	g := &w.inodes.groups[no]
	c := &g.chunks[p.chunk]
	for index := p.first; index < p.first+p.count; index++ {
		if c.free>>index&1 == 0 {
			w.lostInode(w.geo.Ino(no, c.start+format.AGIno(index)), &g.nodes[p.chunk*format.InodesPerChunk+index])
			w.inodes.namesLost.Store(true)
		}
	}
}

// lostInode takes note that an inode in use can't be read.
func (w *worker) lostInode(ino format.Ino, n *node) {
	n.set(stateBad)
	w.unknown(format.NullAGNumber, uint64(ino))
}

// inode looks at an inode.
func (w *worker) inode(ino format.Ino, s spot, raw []byte) {
	f := &w.files.file
	f.begin(w, ino, s.node, raw)
	free := s.chunk.free>>s.index&1 != 0
	if format.Verify(w.geo, format.TypeInode, raw, format.InInode(ino)) != nil && !f.judgeInode() {
		if !free {
			w.lostInode(ino, s.node)
			if f.isDir() || !f.knownType() {
				w.inodes.namesLost.Store(true)
			}
		}
		return
	}
	w.checkLSN(format.TypeInode, raw, InInode(ino))
	if ino == w.geo.RootIno && !f.isDir() {
		w.inodes.namesLost.Store(true) // those in it
	}
	if f.mode == 0 {
		if !free {
			f.say(ChunkFreeUsed, "core.mode", 0, "a file in use")
		}
		f.judgeFree()
		return
	}
	if free {
		f.say(ChunkUsedFree, "core.mode", showMode(f.mode), "a free inode")
	}
	if !f.knownType() {
		s.node.set(stateBad)
		w.unknown(format.NullAGNumber, uint64(ino))
		w.inodes.namesLost.Store(true)
		return
	}
	if f.large() {
		// Others can go on with the small ones.
		unreadable := [...]bool{f.data.unreadable, f.attr.unreadable}
		raw = bytes.Clone(raw)
		later := w.files.later
		if later == nil {
			later = w.add
		}
		later(func(w *worker) {
			f := &w.files.file
			f.begin(w, ino, s.node, raw)
			f.data.unreadable, f.attr.unreadable = unreadable[0], unreadable[1]
			f.all()
			w.rememberDirs()
		})
		return
	}
	f.all()
}

// begin makes f the inode in raw.
func (f *file) begin(w *worker, ino format.Ino, n *node, raw []byte) {
	f.w, f.ino, f.raw, f.node, f.mode = w, ino, raw, n, format.DiMode.Get(raw)
	dir := f.isDir()
	f.data.reset(f, false, dir || f.isLink())
	f.attr.reset(f, true, true)
}

func (f *file) knownType() bool { return format.FTypeOf(f.mode) != format.FTUnknown }

func showMode(mode uint16) string { return text(format.FTypeOf(mode)) }

// largeDir is the size in bytes from which a directory is a unit of its own.
const largeDir = 256 << 10

// large reports whether an inode may take long to look at.
func (f *file) large() bool {
	return format.DiFormat.Get(f.raw) == format.FmtBtree || format.DiAFormat.Get(f.raw) == format.FmtBtree ||
		f.isDir() && format.DiSize.Get(f.raw) > largeDir || f.hasCowFork()
}

// all looks at all of an inode in use.
func (f *file) all() {
	w := f.w
	if w.found != nil { // only owners are asked for
		f.data.scan()
		f.attr.scan()
		f.scanCow()
		return
	}
	if w.files.look != nil {
		f.lookAgain()
		return
	}
	f.judgeCore()
	f.data.scan()
	f.attr.scan()
	f.scanCow()
	f.judgeForks()
	f.countLinks()
	switch {
	case f.isDir():
		w.stats.Dirs++
		f.dir.run(f)
	case f.isLink():
		f.judgeLink()
	}
	f.attrs.run(f)
}

// judgeForks holds what the inode says of its forks against what was found.
func (f *file) judgeForks() {
	flags2 := format.DiFlags2.Get(f.raw)
	if n := format.DiNBlocks.Get(f.raw); !f.data.partial && !f.attr.partial && n != f.data.blocks+f.attr.blocks {
		f.say(InodeBlocks, "core.nblocks", n, f.data.blocks+f.attr.blocks)
	}
	switch reflink := flags2&format.Flag2Reflink != 0; {
	case !reflink && f.data.shares:
		f.w.flagless.Store(f.ino, true)
		f.w.report(reflinkMissing(f.ino))
	case reflink && f.w.opt.asksFor(InodeReflinkStale) && !f.data.shares && !f.data.partial && !f.hasCowFork() && f.w.sharingKnown():
		f.say(InodeReflinkStale, "v3.flags2", "reflink", "no flag on a file without shared blocks")
	}
}

// asksFor reports whether a code is asked for by its very name.
func (o *Options) asksFor(c *Code) bool { return slices.Contains(o.Only, c.Name) }

// sharingKnown reports whether all of what is shared could be read.
func (c *checker) sharingKnown() bool {
	for i := range c.groups {
		if !c.groups[i].trees[refcountbt].complete {
			return false
		}
	}
	return true
}

func (f *file) hasCowFork() bool {
	return f.w.geo.HasCowForks() && f.regular() && format.DiCowRoot.Get(f.raw) != 0
}

// scanCow goes over the CoW fork: a tree with its root in a block of its own.
func (f *file) scanCow() {
	w := f.w
	if !f.hasCowFork() || w.files.look != nil {
		return
	}
	root := format.DiCowRoot.Get(f.raw)
	if !w.geo.Allocatable(root, 1) {
		w.unknown(format.NullAGNumber, cowFork) // Verify has refused it
		return
	}
	head := make([]byte, w.geo.BlockSize)
	at := AtBlock(w.geo.AG(root), w.geo.AGB(root), 1)
	at.Ino = f.ino
	if !w.read(head, w.geo.Offset(root), at) {
		w.unknown(format.NullAGNumber, cowFork)
		return
	}
	stage := func(start format.FSBlock, n uint32) { w.stageCow(w.geo.AG(start), w.geo.AGB(start), n) }
	next := format.FileOff(0)
	t := treeWalk{
		w: w, kind: btree.Bmbt, ino: f.ino, at: InInode(f.ino), root: uint64(root),
		levels: int(format.LongLevel.Get(head)) + 1,
		block:  func(b uint64) { stage(format.FSBlock(b), 1) },
	}
	t.visit = func(rec []byte) {
		m := format.UnpackMapping(rec)
		if field, want := format.CheckMapping(w.geo, m, next, false, false); field != "" {
			w.report(Finding{Code: ForkMapping, Structure: format.TypeBmbt.Name, Field: field, Place: t.place(t.here), Got: showMapping(m), Want: want, Note: "CoW fork"})
		}
		next = max(next, m.End())
		if m.Count > 0 && w.geo.Allocatable(m.Start, uint64(m.Count)) {
			stage(m.Start, m.Count)
		}
	}
	if !t.run() {
		w.unknown(format.NullAGNumber, cowFork)
	}
}

// hideInodes marks the inodes that need no name.
func (c *checker) hideInodes() {
	for _, ino := range append(c.quotaInodes(), c.geo.RootIno, format.SBRbmIno.Get(c.sb), format.SBRsumIno.Get(c.sb)) {
		if s, ok := c.inodes.spotOf(c.geo, ino); ok {
			s.node.set(stateHidden)
		}
	}
}
