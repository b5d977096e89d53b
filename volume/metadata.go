package volume

import (
	"context"
	"iter"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Meta is metadata at a place: a header sector, a B+tree block, a block of inodes, a block of a
// directory, of attributes or of a symbolic link.
type Meta struct {
	Type   *format.BlockType // what should be there; nil where only the block itself tells
	Ranges []Range           // several for a directory block whose filesystem blocks are apart
	At     format.Place
	Attr   bool // of an attribute fork
	IsDir  bool // of a directory
}

// Range is a range of bytes of the volume.
type Range struct {
	Off int64
	Len int
}

// Metadata gives all metadata of the volume but the log, group by group: headers, trees, inodes,
// and what belongs to each inode. An error tells what could not be gone through, and the sequence
// goes on with the rest. Nothing is given twice within a tree; trees that share blocks, as
// only damaged ones do, give them twice.
func (v *Volume) Metadata(ctx context.Context) iter.Seq2[Meta, error] {
	return func(yield func(Meta, error) bool) {
		m := &metaWalk{v: v, ctx: ctx, yield: yield}
		for ag := range format.AGNumber(v.Geo.AGCount) {
			if m.group(ag); m.done {
				return
			}
		}
	}
}

// metaWalk goes through metadata.
type metaWalk struct {
	v     *Volume
	ctx   context.Context
	yield func(Meta, error) bool
	done  bool
}

func (m *metaWalk) give(meta Meta) {
	if err := m.ctx.Err(); err != nil && !m.done {
		m.done = true
		m.yield(Meta{}, err)
	}
	m.done = m.done || !m.yield(meta, nil)
}

func (m *metaWalk) fail(err error) { m.done = m.done || !m.yield(Meta{}, err) }

func (m *metaWalk) group(ag format.AGNumber) {
	g := m.v.Geo
	for i, t := range []*format.BlockType{format.TypeSuperblock, format.TypeAGF, format.TypeAGI, format.TypeAGFL} {
		off := g.SectorOffset(ag, i)
		m.give(Meta{Type: t, Ranges: []Range{{off, g.SectSize}}, At: format.Place{AG: ag, Daddr: format.Daddr(off >> format.BasicBlockLog), Ino: format.NullIno}})
	}
	for _, r := range treeRoots {
		if m.done || !r.has(g) {
			continue
		}
		b, err := r.header(m.v, ag) // a damaged header may still have good roots
		if err != nil {
			m.fail(err)
		}
		if b == nil {
			continue
		}
		t := &treeWalk{metaWalk: m, kind: r.kind, at: format.InGroup(ag), seen: map[uint64]bool{}}
		if r.kind == btree.Inobt {
			t.leaf = func(n btree.Node) {
				for i := range n.Len() {
					m.chunk(unpackChunk(g, ag, n.Rec(i)))
				}
			}
		}
		t.block(uint64(r.root.Get(b)), int(r.levels.Get(b))-1)
	}
}

// treeWalk goes through the blocks of a tree, as far as its pointers can be followed.
type treeWalk struct {
	*metaWalk
	kind *btree.Kind
	at   format.Place
	attr bool
	seen map[uint64]bool
	leaf func(n btree.Node) // called for each leaf; may be nil
}

func (t *treeWalk) block(no uint64, level int) {
	g := t.v.Geo
	fsb := format.FSBlock(no)
	if !t.kind.Long {
		if no >= uint64(g.AGLen(t.at.AG)) {
			t.fail(format.Corrupt(t.kind.Name, "root", no, "a block of the group").At(t.at))
			return
		}
		fsb = g.FSB(t.at.AG, format.AGBlock(no))
	}
	if t.done || t.seen[no] || level < 0 || level >= format.MaxBtreeLevels {
		return
	}
	if !g.ValidFSB(fsb, 1) {
		t.fail(format.Corrupt(t.kind.Name, "ptrs", no, "a block of the volume").At(t.at))
		return
	}
	t.seen[no] = true
	at := t.at
	at.Daddr = g.ToDaddr(fsb)
	bt := blockType(t.kind)
	t.give(Meta{Type: bt, Ranges: []Range{{g.Offset(fsb), g.BlockSize}}, At: at, Attr: t.attr})
	b := make([]byte, g.BlockSize)
	if _, err := t.v.dev.ReadAt(b, g.Offset(fsb)); err != nil {
		t.fail(err)
		return
	}
	if err := format.Verify(g, bt, b, at); err != nil {
		t.fail(err)
		if !bt.Is(b) {
			return
		}
	}
	n := t.kind.NodeOf(b)
	if n.Level != level {
		t.fail(format.Corrupt(bt.Name, "level", n.Level, level).At(at))
		return
	}
	t.node(n)
}

// blockType is the type of the blocks of a kind of tree.
func blockType(k *btree.Kind) *format.BlockType {
	for _, t := range format.BlockTypes() {
		if t.Magic == uint32(k.Magic) {
			return t
		}
	}
	return nil
}

func (t *treeWalk) node(n btree.Node) {
	if n.Level == 0 {
		if t.leaf != nil {
			t.leaf(n)
		}
		return
	}
	for i := range n.Len() {
		t.block(n.Ptr(i), n.Level-1)
	}
}

// chunk gives the blocks of a chunk of inodes, and what belongs to the inodes in use.
func (m *metaWalk) chunk(c Chunk) {
	g := m.v.Geo
	per := format.AGIno(g.InodesPerBlock())
	for i := format.AGIno(0); i < format.InodesPerChunk; i += min(per, format.InodesPerChunk) {
		if c.Exist>>i&1 == 0 {
			continue
		}
		b := g.InoBlock(c.Start + i)
		if uint32(b) >= g.AGLen(c.AG) {
			m.fail(format.Corrupt("inobt record", "startino", c.Start, "inodes of the group").At(format.InGroup(c.AG)))
			return
		}
		off := g.AGOffset(c.AG, b)
		m.give(Meta{Type: format.TypeInode, Ranges: []Range{{off, g.BlockSize}}, At: format.Place{AG: c.AG, Daddr: format.Daddr(off >> format.BasicBlockLog), Ino: format.NullIno}})
	}
	for i := range format.AGIno(format.InodesPerChunk) {
		if m.done || c.Used>>i&1 == 0 {
			continue
		}
		n, err := m.v.Inode(g.Ino(c.AG, c.Start+i))
		if err != nil {
			m.fail(err)
			continue
		}
		m.inode(n)
	}
}

// inode gives what belongs to an inode: the trees of its forks, and the blocks of those forks that
// hold metadata.
func (m *metaWalk) inode(i *inode.Inode) {
	forks := []inode.Which{inode.Data, inode.Attr}
	if m.v.Geo.ROCompat&format.ROPendingCow != 0 && i.CowRoot() != 0 {
		forks = append(forks, inode.Cow)
	}
	for _, which := range forks {
		fork, err := i.Fork(which)
		if err != nil {
			m.fail(err)
			continue
		}
		if tree := fork.Tree(); tree != nil {
			t := &treeWalk{metaWalk: m, kind: btree.Bmbt, at: format.InInode(i.Ino), attr: which == inode.Attr, seen: map[uint64]bool{}}
			if tree.Fork != nil {
				t.node(btree.Bmbt.RootOf(tree.Fork))
			} else {
				t.block(tree.Root, tree.Levels-1)
			}
		}
		if which == inode.Attr || which == inode.Data && (i.IsDir() || i.IsLink() || m.quota(i.Ino)) {
			m.fork(i, which, fork)
		}
	}
}

// quota reports whether an inode holds quotas.
func (m *metaWalk) quota(ino format.Ino) bool {
	sb := m.v.sb
	return ino == format.SBUQuotIno.Get(sb) || ino == format.SBGQuotIno.Get(sb) || ino == format.SBPQuotIno.Get(sb)
}

// fork gives the blocks of a fork that holds metadata.
func (m *metaWalk) fork(i *inode.Inode, which inode.Which, fork *inode.Fork) {
	g := m.v.Geo
	unit := format.FileOff(1)
	if which == inode.Data && i.IsDir() {
		unit = format.FileOff(g.DirBlocks())
	}
	var open Meta // a directory block that is not whole yet
	var end format.FileOff
	flush := func() {
		if len(open.Ranges) > 0 {
			m.give(open)
		}
		open = Meta{}
	}
	for e, err := range fork.All() {
		if err != nil {
			m.fail(err)
			break
		}
		if which == inode.Data && i.IsLink() { // one header for each mapping
			m.give(Meta{Type: format.TypeSymlink, Ranges: []Range{{g.Offset(e.Start), int(e.Count) << g.BlockLog}}, At: format.BlockOf(i.Ino, g.ToDaddr(e.Start))})
			continue
		}
		for k := range format.FileOff(e.Count) {
			off, fsb := e.Off+k, e.Start+format.FSBlock(k)
			if off%unit == 0 || off != end {
				flush()
				open = Meta{At: format.BlockOf(i.Ino, g.ToDaddr(fsb)), Attr: which == inode.Attr, IsDir: i.IsDir()}
			}
			end = off + 1
			last := len(open.Ranges) - 1
			if last >= 0 && open.Ranges[last].Off+int64(open.Ranges[last].Len) == g.Offset(fsb) {
				open.Ranges[last].Len += g.BlockSize
			} else {
				open.Ranges = append(open.Ranges, Range{g.Offset(fsb), g.BlockSize})
			}
			if m.done {
				return
			}
		}
	}
	flush()
}

// ReadMeta reads the bytes of metadata.
func (v *Volume) ReadMeta(m Meta) ([]byte, error) {
	var out []byte
	for _, r := range m.Ranges {
		b := make([]byte, r.Len)
		if _, err := v.dev.ReadAt(b, r.Off); err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// Detect is the type of metadata in b: the one that is expected, or the one that the block tells;
// nil when it tells none.
func (m Meta) Detect(g *format.Geometry, b []byte) *format.BlockType {
	if m.Type != nil {
		return m.Type
	}
	t := format.Detect(g, b)
	if t == format.TypeAttrNode && m.IsDir && !m.Attr {
		return format.TypeDirNode
	}
	return t
}
