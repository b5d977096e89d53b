package populate

import (
	"context"
	"fmt"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/source"
)

// nodeWriter is the second walk: it writes inodes and their metadata.
type nodeWriter struct {
	*Plan
	inodes, blocks *device.Stream
	attrs          []attr.Attr
	extents        []piece
	maps           []format.Mapping
	buf            []byte // one block
}

// node is a node while its inode is made.
type node struct {
	id   source.ID
	l    link
	n    *source.Node
	p    *nodePlan
	b    []byte // the inode
	runs []run
	used uint32 // blocks of runs that are written
	core inode.Core
}

func (p *Plan) writeNodes(ctx context.Context, dev device.Device) error {
	w := &nodeWriter{Plan: p, buf: make([]byte, p.g.BlockSize)}
	w.inodes, w.blocks = device.NewStream(dev), device.NewStream(dev)
	err := walk(ctx, p.t, func(id source.ID, l link) error {
		if err := w.write(id, l); err != nil {
			return fmt.Errorf("%s: %w", p.t.Path(id), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.inodes.Flush(); err != nil {
		return err
	}
	if err := w.blocks.Flush(); err != nil {
		return err
	}
	for _, a := range p.groups {
		if err := w.freeInodes(a); err != nil {
			return err
		}
	}
	return w.inodes.Flush()
}

// inode returns room for an inode to be made.
func (w *nodeWriter) inode(ino format.Ino) ([]byte, error) {
	return w.inodes.Next(w.g.InoOffset(ino), w.g.InodeSize)
}

func (w *nodeWriter) write(id source.ID, l link) error {
	n, p := w.t.Node(id), &w.nodes[id]
	b, err := w.inode(p.ino)
	if err != nil {
		return err
	}
	var buf [1]run
	nd := &node{id: id, l: l, n: n, p: p, b: b, runs: w.runsOf(p, &buf)}
	nd.core = inode.Core{
		Ino: p.ino, Mode: n.Mode, UID: n.UID, GID: n.GID, NLink: n.NLink, Sec: n.Sec, Nsec: n.Nsec,
		Blocks: uint64(p.count), Gen: w.generation(p.ino), Room: int(p.room), ChangeCount: 1,
	}
	switch n.Mode & format.ModeType {
	case format.ModeReg:
		err = w.file(nd)
	case format.ModeDir:
		err = w.dir(nd)
	case format.ModeLink:
		err = w.symlink(nd)
	default:
		nd.core.Format = format.FmtDev
		format.U32[uint32](0).Put(w.fork(nd), n.Rdev)
	}
	if err == nil {
		err = w.attributesOf(nd)
	}
	if err != nil {
		return err
	}
	inode.Put(w.g, b, &nd.core)
	inode.Seal(b)
	if id == 0 {
		return w.reserved()
	}
	return nil
}

// fork is the data fork's room in the inode.
func (w *nodeWriter) fork(nd *node) []byte {
	return nd.b[format.Dinode.Size:][:nd.p.room]
}

// file makes a regular file's fork.
func (w *nodeWriter) file(nd *node) error {
	nd.core.Size = uint64(nd.n.Size)
	w.maps = w.maps[:0]
	var buf [1]piece
	w.extents = joinPieces(w.extents[:0], w.piecesOf(nd.id, &buf))
	for _, q := range w.extents {
		w.maps = append(w.maps, format.Mapping{Off: q.off, Start: w.dataBlock(q.place), Count: q.count, Unwritten: q.unwritten})
		nd.core.Blocks += uint64(q.count)
		if q.unwritten {
			nd.core.Flags |= format.FlagPrealloc
		}
	}
	if nd.p.flags&shares != 0 {
		nd.core.Flags2 |= format.Flag2Reflink
	}
	return w.mapFork(nd)
}

// symlink makes a symbolic link's fork.
func (w *nodeWriter) symlink(nd *node) error {
	target := w.t.Target(nd.id)
	nd.core.Size = uint64(len(target))
	if len(target) <= int(nd.p.room) {
		nd.core.Format = format.FmtLocal
		copy(w.fork(nd), target)
		return nil
	}
	ranges, unit := w.linkRange(len(target))
	if err := w.mapRanges(nd, ranges, unit); err != nil {
		return err
	}
	fsb := w.metaBlock(blockOf(nd.runs, 0))
	b, err := w.blocks.Next(w.g.Offset(fsb), int(unit)<<w.g.BlockLog)
	if err == nil {
		format.PutRemote(b, format.SymlinkMagic, w.g.MetaUUID, nd.p.ino, w.g.ToDaddr(fsb), 0, []byte(target))
	}
	return err
}

// dir makes a directory: its entries and its fork.
func (w *nodeWriter) dir(nd *node) error {
	parent := w.nodes[nd.l.dir].ino
	shape := w.shape(nd.id, int(nd.p.room))
	if shape.Form == dir.Short {
		return w.shortDir(nd, parent)
	}
	nd.core.Size = shape.Bytes(w.g)
	if err := w.mapRanges(nd, shape.Ranges(w.g), uint32(w.g.DirBlocks())); err != nil {
		return err
	}
	maps := w.maps
	find := func(off format.FileOff) format.FSBlock { return lookup(maps, off) }
	b := dir.Builder{
		Geo: w.g, Ino: nd.p.ino, Parent: parent, Shape: shape,
		Daddr: func(off format.FileOff) format.Daddr { return w.g.ToDaddr(find(off)) },
		Write: func(off format.FileOff, block []byte) error { return w.put(find(off), block) },
	}
	b.Start(w.t.NumEntries(nd.id))
	for name, id := range w.t.Entries(nd.id) {
		if err := b.Add(name, w.nodes[id].ino, format.FTypeOf(w.t.Node(id).Mode)); err != nil {
			return err
		}
	}
	return b.Finish()
}

func (w *nodeWriter) shortDir(nd *node, parent format.Ino) error {
	wide := parent>>32 != 0
	for _, id := range w.t.Entries(nd.id) {
		wide = wide || w.nodes[id].ino>>32 != 0
	}
	s := dir.NewShort(w.fork(nd), parent, wide)
	for name, id := range w.t.Entries(nd.id) {
		s.Add(name, w.nodes[id].ino, format.FTypeOf(w.t.Node(id).Mode))
	}
	nd.core.Format = format.FmtLocal
	nd.core.Size = uint64(s.Finish())
	return nil
}

// put writes whole blocks from fsb on.
func (w *nodeWriter) put(fsb format.FSBlock, b []byte) error {
	dst, err := w.blocks.Next(w.g.Offset(fsb), len(b))
	if err == nil {
		copy(dst, b)
	}
	return err
}

// lookup finds the block that off is mapped to.
func lookup(maps []format.Mapping, off format.FileOff) format.FSBlock {
	lo, hi := 0, len(maps)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; maps[mid].Off <= off {
			lo = mid
		} else {
			hi = mid
		}
	}
	return maps[lo].Start + format.FSBlock(off-maps[lo].Off)
}

// mapRanges maps ranges of a fork to the node's metadata blocks.
func (w *nodeWriter) mapRanges(nd *node, ranges []dir.Range, unit uint32) error {
	w.maps = w.maps[:0]
	eachMapping(ranges, nd.runs, unit, func(off format.FileOff, r run) {
		w.maps = append(w.maps, format.Mapping{Off: off, Start: w.metaBlock(r.place), Count: r.count})
		nd.used += r.count
	})
	return w.mapFork(nd)
}

// mapFork stores w.maps as the node's data fork, in extents or B+tree format.
func (w *nodeWriter) mapFork(nd *node) error {
	nd.core.Extents = uint64(len(w.maps))
	fork := w.fork(nd)
	if nd.p.flags&btreeFork == 0 {
		nd.core.Format = format.FmtExtents
		inode.PutExtents(fork, w.maps)
		return nil
	}
	nd.core.Format = format.FmtBtree
	first := nd.used
	block := func(i int) format.FSBlock { return w.metaBlock(blockOf(nd.runs, first+uint32(i))) }
	l := btree.Load{
		Kind: btree.Bmbt, Geo: w.g, Owner: nd.p.ino,
		Block: func(i int) uint64 { return uint64(block(i)) },
		Write: func(i int, b []byte) error {
			nd.used++
			return w.put(block(i), b)
		},
	}
	_, err := l.RunInode(len(w.maps), func(i int, b []byte) { w.maps[i].Pack(b) }, fork)
	return err
}

// attributesOf makes the attribute fork.
func (w *nodeWriter) attributesOf(nd *node) error {
	attrs, err := w.attributes(nd.id, nd.l, w.attrs[:0])
	if err != nil || len(attrs) == 0 {
		return err
	}
	w.attrs = attrs
	fork := nd.b[format.Dinode.Size+int(nd.p.room):]
	if nd.p.flags&shortAttrs != 0 {
		nd.core.AttrFormat = format.FmtLocal
		attr.PutShort(fork, attrs)
		return nil
	}
	nd.core.AttrFormat = format.FmtExtents
	layout := attr.Measure(w.g, attrs)
	start := w.metaBlock(blockOf(nd.runs, nd.used))
	m := format.Mapping{Start: start, Count: uint32(layout.Blocks())}
	nd.core.AttrExtents = 1
	inode.PutExtents(fork, []format.Mapping{m})
	b := attr.Builder{
		Geo: w.g, Ino: nd.p.ino,
		Daddr: func(off format.FileOff) format.Daddr { return w.g.ToDaddr(start + format.FSBlock(off)) },
		Write: func(off format.FileOff, b []byte) error { return w.put(start+format.FSBlock(off), b) },
	}
	return b.Build(layout)
}

// reserved writes the inodes that follow the root's: bitmap and summary of a realtime section
// that isn't there.
func (w *nodeWriter) reserved() error {
	root := w.t.Node(0)
	for i := range reservedInodes {
		ino := w.nodes[0].ino + 1 + format.Ino(i)
		b, err := w.inode(ino)
		if err != nil {
			return err
		}
		c := inode.Core{
			Ino: ino, Mode: format.ModeReg, NLink: 1, Sec: root.Sec, Nsec: root.Nsec,
			Format: format.FmtExtents, Gen: w.generation(ino), ChangeCount: 1,
		}
		if i == 0 {
			c.Flags = format.FlagNewRtBm
		}
		inode.Put(w.g, b, &c)
		if i == 0 {
			format.DiATime.Put(b, format.EncodeTime(0, 0, w.g.HasBigtime())) // counts changes of the bitmap
		}
		inode.Seal(b)
	}
	return nil
}

// freeInodes writes the free inodes at the end of a group's chunks.
func (w *nodeWriter) freeInodes(a *agroup) error {
	first := w.g.Ino(a.no, format.AGIno(a.inoBase)<<w.g.InoPBLog)
	for i := a.inodes; i < a.allocated(w.g); i++ {
		ino := first + format.Ino(i)
		b, err := w.inode(ino)
		if err != nil {
			return err
		}
		inode.PutFree(w.g, b, ino)
	}
	return nil
}
