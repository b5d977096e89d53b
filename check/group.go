package check

import (
	"errors"
	"strings"
	"sync/atomic"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// group is what a run knows of an allocation group. Its fields are set by one unit each and read
// in later stages.
type group struct {
	no    format.AGNumber
	agf   agfCounters
	agi   agiCounters
	trees [treeSlots]groupTree

	shared runs // of more than one owner, by refcountbt
	free   freeSpace
	look   atomic.Bool // sums are not enough; the group needs a second look
}

// groupTree is one of a group's trees: what the header says of it, and what was found.
type groupTree struct {
	root   format.AGBlock
	levels uint32
	known  bool // the header can be relied on

	walked   bool
	complete bool
	blocks   uint32
}

// treeSlot numbers the trees of a group.
type treeSlot uint8

const (
	bnobt treeSlot = iota
	cntbt
	rmapbt
	refcountbt
	inobt
	finobt
	treeSlots
)

// treeRoot says where a header keeps the root of a tree and its height, and who has its blocks.
type treeRoot struct {
	kind   *btree.Kind
	header *format.BlockType
	root   format.U32[format.AGBlock]
	levels format.U32[uint32]
	has    func(*format.Geometry) bool
	owner  uint64
}

func always(*format.Geometry) bool { return true }

// treeRoots has an entry for each slot.
var treeRoots = [treeSlots]treeRoot{
	bnobt:      {btree.Bnobt, format.TypeAGF, format.AGFBnoRoot, format.AGFBnoLevel, always, format.OwnAG},
	cntbt:      {btree.Cntbt, format.TypeAGF, format.AGFCntRoot, format.AGFCntLevel, always, format.OwnAG},
	rmapbt:     {btree.Rmapbt, format.TypeAGF, format.AGFRmapRoot, format.AGFRmapLevel, (*format.Geometry).HasRmapbt, format.OwnAG},
	refcountbt: {btree.Refcountbt, format.TypeAGF, format.AGFRefcntRoot, format.AGFRefcntLevel, (*format.Geometry).HasReflink, format.OwnRefc},
	inobt:      {btree.Inobt, format.TypeAGI, format.AGIRoot, format.AGILevel, always, format.OwnInobt},
	finobt:     {btree.Finobt, format.TypeAGI, format.AGIFreeRoot, format.AGIFreeLevel, (*format.Geometry).HasFinobt, format.OwnInobt},
}

// has reports whether the volume has trees of a slot.
func (c *checker) has(s treeSlot) bool { return treeRoots[s].has(c.geo) }

// walkGroupTree walks one of a group's trees, which the volume has. visit is called for each
// record; it may be nil. Where the tree can't be read it has been reported, and complete is
// false. The walk says who has the tree's blocks.
func (w *worker) walkGroupTree(no format.AGNumber, s treeSlot, visit func(t *treeWalk, rec []byte)) (complete bool) {
	return w.walkBlocks(no, s, nil, visit)
}

// walkBlocks is walkGroupTree and calls block for each of the tree's blocks.
func (w *worker) walkBlocks(no format.AGNumber, s treeSlot, block func(b uint64), visit func(t *treeWalk, rec []byte)) (complete bool) {
	g, r := &w.groups[no], &treeRoots[s]
	t := &g.trees[s]
	if !t.known {
		w.unknown(no, r.owner)
		return false
	}
	walk := treeWalk{
		w: w, kind: r.kind, ag: no, at: InGroup(no),
		root: uint64(t.root), levels: int(t.levels), owner: space.Owner{ID: r.owner}, block: block,
	}
	if visit != nil {
		walk.visit = func(rec []byte) { visit(&walk, rec) }
	}
	complete = walk.run()
	if !complete {
		w.unknown(no, r.owner)
	}
	if w.found == nil {
		t.walked, t.complete, t.blocks = true, complete, walk.blocks
	}
	return complete
}

// groupUnits read the headers of all groups, and refcountbt: what is shared must be known before
// anything is said to have an owner.
func (c *checker) groupUnits() (list []unit) {
	n := min(max(1, len(c.groups)/(8*len(c.workers))), groupsPerUnit)
	for from := 0; from < len(c.groups); from += n {
		part := c.groups[from:min(from+n, len(c.groups))]
		list = append(list, func(w *worker) {
			buf := make([]byte, 4*w.geo.SectSize)
			for i := range part {
				if w.stopped() {
					return
				}
				w.headers(&part[i], buf)
			}
		})
	}
	return list
}

const groupsPerUnit = 64

// headers reads and judges the four sectors at the beginning of a group, into buf.
func (w *worker) headers(g *group, buf []byte) {
	at := AtBlock(g.no, 0, 1)
	geo := w.geo
	readable := w.read(buf, geo.AGOffset(g.no, 0), at)
	if readable {
		w.judgeHeaders(g, buf)
	}
	if w.found == nil && w.has(refcountbt) {
		w.sharing(g) // before anything has an owner
	}
	w.own(g.no, 0, uint32(geo.HeaderBlocks()), space.Owner{ID: format.OwnFS})
	if geo.LogStart != 0 && geo.AG(geo.LogStart) == g.no {
		w.own(g.no, geo.AGB(geo.LogStart), geo.LogBlocks, space.Owner{ID: format.OwnLog})
	}
	if readable {
		w.judgeFreeList(g, buf)
	}
}

// headerSector is one of the four sectors at the beginning of a group.
func (w *worker) headerSector(buf []byte, n int) []byte {
	return buf[n*w.geo.SectSize:][:w.geo.SectSize]
}

// judgeHeaders judges all of them but the AGFL.
func (w *worker) judgeHeaders(g *group, buf []byte) {
	sector := func(n int) []byte { return w.headerSector(buf, n) }
	if g.no != 0 {
		w.secondary(g.no, sector(0))
	}
	agfOK := w.header(g.no, 1, format.TypeAGF, sector(1), &agfCodes)
	agiOK := w.header(g.no, 2, format.TypeAGI, sector(2), &agiCodes)
	if w.found == nil {
		w.stats.Groups++
		g.readHeaders(sector(1), sector(2), agfOK, agiOK)
		w.unused(g.no, sector(1), sector(2), agfOK, agiOK)
		w.expectGroup(g)
	}
}

// judgeFreeList judges the AGFL.
func (w *worker) judgeFreeList(g *group, buf []byte) {
	agfl := w.headerSector(buf, 3)
	if w.header(g.no, 3, format.TypeAGFL, agfl, &agflCodes) && g.agf.known {
		w.freeList(g, w.headerSector(buf, 1), agfl)
	} else {
		w.unknown(g.no, format.OwnAG)
	}
}

// readHeaders keeps what is needed of AGF and AGI, as far as they can be relied on.
func (g *group) readHeaders(agf, agi []byte, agfOK, agiOK bool) {
	if agfOK {
		g.agf = readAGFCounters(agf)
	}
	if agiOK {
		g.agi = readAGICounters(agi)
	}
	for s := range treeSlots {
		r := &treeRoots[s]
		b, known := agf, agfOK
		if r.header == format.TypeAGI {
			b, known = agi, agiOK
		}
		g.trees[s] = groupTree{root: r.root.Get(b), levels: r.levels.Get(b), known: known}
	}
}

// headerCodes are the codes of a group's header.
type headerCodes struct{ unreadable, field, padding *Code }

// header judges one of a group's headers. ok is false when nothing in it can be relied on. One with a
// wrong checksum is used all the same if it is a header of the group and may lead to its trees.
func (w *worker) header(no format.AGNumber, n int, typ *format.BlockType, b []byte, codes *headerCodes) (ok bool) {
	at := format.Place{AG: no, Daddr: format.Daddr(w.geo.SectorOffset(no, n) >> format.BasicBlockLog), Ino: format.NullIno}
	place := w.sectorPlace(no, n)
	ok = true
	if format.Verify(w.geo, typ, b, at) != nil {
		leads := typ != format.TypeAGFL
		format.Judge(w.geo, typ, b, at, func(e *format.CorruptError) {
			leads = leads && !misleading(e)
			switch {
			case unreadable(e):
				ok = false
				w.corrupt(codes.unreadable, e, place)
			case ok:
				w.corrupt(codes.field, e, place)
			}
		})
		if !ok {
			w.incomplete()
		}
		if !ok && !leads {
			return false
		}
	}
	w.padding(codes.padding, typ.Table, b, place)
	w.checkLSN(typ, b, place)
	return true
}

// unreadable reports whether a fault, which is told before all others, means that they say nothing.
func unreadable(e *format.CorruptError) bool { return e.Field == "magic" || e.Field == "crc" }

// misleading reports whether a fault says that the structure is another one, or leads astray.
func misleading(e *format.CorruptError) bool {
	switch e.Field {
	case "magic", "versionnum", "seqno", "length", "uuid":
		return true
	}
	return strings.Contains(e.Field, "root") || strings.Contains(e.Field, "level")
}

// sectorPlace is the place of a header sector.
func (w *worker) sectorPlace(no format.AGNumber, n int) Place {
	return AtBlock(no, format.AGBlock(n<<w.geo.SectLog>>w.geo.BlockLog), 1)
}

// padding reports bytes of a structure that mean nothing and are not zero.
func (w *worker) padding(code *Code, table *format.Struct, b []byte, at Place) {
	var e *format.CorruptError
	if errors.As(table.CheckPadding(w.geo, b), &e) {
		e.Got = "bytes that are not zero"
		w.corrupt(code, e, at)
	}
}

// expectGroup tells Progress what reading a group's trees will take, as far as headers know.
func (w *worker) expectGroup(g *group) {
	blocks := g.agf.btreeBlks + g.agf.refcBlks + g.agi.iblocks + g.agi.fblocks
	if blocks > uint64(w.geo.AGLen(g.no)) {
		blocks = 0
	}
	w.expect(int64(blocks) << w.geo.BlockLog)
}
