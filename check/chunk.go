package check

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// chunk is a record of inobt or finobt: which of 64 inodes exist, and which of these are free.
type chunk struct {
	start format.AGIno
	holes uint16 // bit k: inodes 4k to 4k+3 don't exist
	free  uint64 // bit i: inode start+i is free; set for inodes that don't exist, too
}

const inodesPerHole = format.InodesPerChunk / 16

func unpackChunk(g *format.Geometry, rec []byte) chunk {
	c := chunk{start: format.InoRecStart.Get(rec), free: format.InoRecFree.Get(rec)}
	if g.HasSparse() {
		c.holes = format.InoRecHoleMask.Get(rec)
	}
	return c
}

func chunkOrder(c chunk, start format.AGIno) int { return cmp.Compare(c.start, start) }

// exist has a bit set for each inode that exists.
func (c *chunk) exist() uint64 {
	if c.holes == 0 {
		return ^uint64(0)
	}
	m := ^uint64(0)
	for k := range 16 {
		if c.holes>>k&1 != 0 {
			m &^= (1<<inodesPerHole - 1) << (k * inodesPerHole)
		}
	}
	return m
}

func (c *chunk) count() int     { return bits.OnesCount64(c.exist()) }
func (c *chunk) freeCount() int { return bits.OnesCount64(c.free & c.exist()) }

// String shows a record as the two trees must agree on it.
func (c chunk) String() string {
	return fmt.Sprintf("inodes from %d, holes %#x, free %#x", c.start, c.holes, c.free)
}

// piece is a run of inodes of a chunk without holes, in whole blocks.
type piece struct {
	block  format.AGBlock
	blocks uint32
	chunk  int // of the group
	first  int // inode in the chunk
	count  int
}

// pieces appends the runs of inodes of chunk k.
func (g *inodeGroup) pieces(geo *format.Geometry, k int, to []piece) []piece {
	c := &g.chunks[k]
	exist := c.exist()
	for at := 0; at < format.InodesPerChunk; {
		first := at + bits.TrailingZeros64(exist>>at)
		if first >= format.InodesPerChunk {
			break
		}
		n := min(bits.TrailingZeros64(^(exist >> first)), format.InodesPerChunk-first)
		start, end := geo.InoBlock(c.start+format.AGIno(first)), geo.InoBlock(c.start+format.AGIno(first+n-1))+1
		to = append(to, piece{start, uint32(end - start), k, first, n})
		at = first + n
	}
	return to
}

// inodeTrees are the units that walk inobt and finobt. When they run, all records of refcountbt are
// known.
func (c *checker) inodeTrees() (list []unit) {
	c.inodes.groups = make([]inodeGroup, len(c.groups))
	for no := range c.groups {
		list = append(list, func(w *worker) { w.inodeTreesOf(format.AGNumber(no)) })
	}
	return list
}

// inodeTreesOf reads the chunks of a group and judges the records of the two trees.
func (w *worker) inodeTreesOf(no format.AGNumber) {
	g := &w.inodes.groups[no]
	refused := false
	g.known = w.walkGroupTree(no, inobt, func(t *treeWalk, rec []byte) {
		c := unpackChunk(w.geo, rec)
		at := chunkPlace(w.geo, no, &c)
		w.judgeChunkCounts(&c, rec, at, format.TypeInobt)
		g.count += uint64(c.count())
		g.free += uint64(c.freeCount())
		if w.judgeChunk(no, &c, at) {
			g.chunks = append(g.chunks, c)
		} else {
			refused = true
		}
	})
	n := len(g.chunks)
	w.sortChunks(no, g)
	if refused || len(g.chunks) < n {
		g.known = false // some record should be another one
	}
	if !g.known {
		w.unknown(no, anyInode)
		w.unknown(no, format.OwnInodes)
		w.inodes.namesLost.Store(true)
	}
	w.ownChunks(no)
	if w.has(finobt) {
		w.judgeFinobt(no, g)
	}
	w.expect(int64(g.count) << w.geo.InodeLog)
}

func chunkPlace(g *format.Geometry, no format.AGNumber, c *chunk) Place {
	p := AtBlock(no, g.InoBlock(c.start), uint32(g.ChunkBlocks()))
	if i := g.Ino(no, c.start); g.ValidIno(i) {
		p.Ino = i
	}
	return p
}

// judgeChunkCounts holds the counts of a record against its masks.
func (w *worker) judgeChunkCounts(c *chunk, rec []byte, at Place, typ *format.BlockType) {
	say := func(field string, got, want int) {
		if got != want {
			w.report(Finding{Code: ChunkCounts, Structure: typ.Name, Field: field, Place: at, Got: fmt.Sprint(got), Want: fmt.Sprint(want)})
		}
	}
	if !w.geo.HasSparse() {
		say("freecount", int(format.InoRecFullFreeCount.Get(rec)), c.freeCount())
		return
	}
	say("count", int(format.InoRecCount.Get(rec)), c.count())
	say("freecount", int(format.InoRecFreeCount.Get(rec)), c.freeCount())
	if holes := ^c.exist(); c.free&holes != holes {
		w.report(Finding{Code: ChunkHoles, Structure: typ.Name, Field: "free", Place: at, Got: fmt.Sprintf("%#x", c.free), Want: fmt.Sprintf("all bits of the holes %#x", holes)})
	}
}

// judgeChunk judges where the inodes of a record lie. ok is false when they can't be looked at.
func (w *worker) judgeChunk(no format.AGNumber, c *chunk, at Place) (ok bool) {
	geo := w.geo
	say := func(code *Code, field, got, want string) {
		w.report(Finding{Code: code, Structure: format.TypeInobt.Name, Field: field, Place: at, Got: got, Want: want})
	}
	unit := format.AGIno(min(geo.InodesPerBlock(), format.InodesPerChunk)) // a block can have several chunks
	align := max(format.AGIno(geo.InoAlign)<<geo.InoPBLog, unit)
	if geo.InoAlign <= 1 {
		align = unit
	}
	if c.start%align != 0 {
		say(ChunkStart, "startino", fmt.Sprint(c.start), fmt.Sprintf("a multiple of %d", align))
	}
	exist := c.exist()
	if exist == 0 {
		say(ChunkHoles, "holemask", fmt.Sprintf("%#x", c.holes), "some inodes")
		return false
	}
	if n := int(geo.SpInoAlign) << geo.InoPBLog; c.holes != 0 && n > 0 && n < format.InodesPerChunk {
		for i := 0; i < format.InodesPerChunk; i += n {
			if part := exist >> i & (1<<n - 1); part != 0 && part != 1<<n-1 {
				say(ChunkHoles, "holemask", fmt.Sprintf("%#x", c.holes), fmt.Sprintf("holes in multiples of %d inodes", n))
				break
			}
		}
	} else if c.holes != 0 && (n == 0 || n >= format.InodesPerChunk) {
		say(ChunkHoles, "holemask", fmt.Sprintf("%#x", c.holes), "none on a volume that makes no sparse chunks")
	}
	first, last := bits.TrailingZeros64(exist), bits.Len64(exist)-1
	for _, i := range [...]int{first, last} {
		if end := uint64(c.start) + uint64(i); end > uint64(format.NullAGIno) || !geo.AllocatableAG(no, geo.InoBlock(format.AGIno(end))) {
			say(ChunkOutside, "startino", fmt.Sprint(c.start), "inodes within the group, behind its headers")
			return false
		}
	}
	return c.start%align == 0
}

// sortChunks puts the chunks of a group in order and drops those that overlap others.
func (w *worker) sortChunks(no format.AGNumber, g *inodeGroup) {
	slices.SortFunc(g.chunks, func(a, b chunk) int { return cmp.Compare(a.start, b.start) })
	kept := g.chunks[:0]
	for _, c := range g.chunks {
		if n := len(kept); n > 0 && c.start-kept[n-1].start < format.InodesPerChunk {
			w.report(Finding{
				Code: ChunkTwice, Structure: format.TypeInobt.Name, Place: chunkPlace(w.geo, no, &c),
				Got: c.String(), Want: kept[n-1].String(),
			})
			continue
		}
		kept = append(kept, c)
	}
	g.chunks = kept
}

// ownChunks says who has the blocks of a group's inodes. Where a block is larger than a chunk, it
// is said once.
func (w *worker) ownChunks(no format.AGNumber) {
	g := &w.inodes.groups[no]
	var buf [16]piece
	next := format.AGBlock(0)
	for k := range g.chunks {
		for _, p := range g.pieces(w.geo, k, buf[:0]) {
			start, end := max(p.block, next), p.block+format.AGBlock(p.blocks)
			if start < end {
				w.own(no, start, uint32(end-start), space.Owner{ID: format.OwnInodes})
				next = end
			}
		}
	}
}

// judgeFinobt holds the records of finobt against those of inobt: each chunk with free inodes, and
// no other, has the same record in both.
func (w *worker) judgeFinobt(no format.AGNumber, g *inodeGroup) {
	var list []chunk
	complete := w.walkGroupTree(no, finobt, func(t *treeWalk, rec []byte) {
		c := unpackChunk(w.geo, rec)
		w.judgeChunkCounts(&c, rec, chunkPlace(w.geo, no, &c), format.TypeFinobt)
		list = append(list, c)
	})
	slices.SortStableFunc(list, func(a, b chunk) int { return cmp.Compare(a.start, b.start) })
	say := func(code *Code, c *chunk, got, want string) {
		w.report(Finding{Code: code, Structure: format.TypeFinobt.Name, Place: chunkPlace(w.geo, no, c), Got: got, Want: want})
	}
	i := 0
	for k := range g.chunks {
		c := &g.chunks[k]
		for ; i < len(list) && list[i].start < c.start; i++ {
			if g.known {
				say(FinobtStray, &list[i], list[i].String(), "no record")
			}
		}
		found := i < len(list) && list[i].start == c.start
		switch full := c.freeCount() == 0; {
		case found && full:
			say(FinobtStray, c, list[i].String(), "no record")
		case found && list[i] != *c:
			say(FinobtDiffers, c, list[i].String(), c.String())
		case !found && !full && complete:
			say(FinobtMissing, c, "no record", c.String())
		}
		if found {
			i++
		}
	}
	for ; i < len(list) && g.known; i++ {
		say(FinobtStray, &list[i], list[i].String(), "no record")
	}
}
