package check

import (
	"math/bits"
	"math/rand/v2"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// Whatever a pass meets that has blocks, it reports here, once: own, share and stage. In the
// first round of a run only sums are kept of it; for a group whose sums do not come to zero a
// second round collects the owners.
//
// All sums are over the ends of extents: what is added for the start of an extent is taken away
// for the block behind it. So it makes no difference in how many pieces an extent is reported,
// and a sum says for each block how often it is counted.

// own says that an extent belongs to an owner, and that its blocks must have no other one. The
// extent must lie in its group.
func (w *worker) own(ag format.AGNumber, start format.AGBlock, count uint32, o space.Owner) {
	r := space.Rmap{Start: start, Count: count, Owner: o}
	if w.found != nil {
		w.collect(ag, r)
		return
	}
	w.sums[ag].own(&w.keys, r)
	if w.groups[ag].shared.touchesNear(start, r.End(), &w.hint) {
		w.groups[ag].look.Store(true)
	}
}

// share says that an extent of a regular file belongs to it, whose blocks other files may have
// too if they are written. It reports whether refcountbt says of any of the blocks that it has
// several owners; the file's flags must allow for that.
func (w *worker) share(ag format.AGNumber, start format.AGBlock, count uint32, o space.Owner) (shared bool) {
	if o.Offset&(format.RmapUnwritten|format.RmapAttrFork|format.RmapBmbtBlock) != 0 {
		w.own(ag, start, count, o)
		return false
	}
	r := space.Rmap{Start: start, Count: count, Owner: o}
	if w.found != nil {
		w.collect(ag, r)
		return false
	}
	w.sums[ag].own(&w.keys, r)
	return w.groups[ag].shared.touchesNear(start, r.End(), &w.hint)
}

// stage says that a CoW fork has an extent, or its tree a block. That it belongs to format.OwnCow
// is said by the record in refcountbt.
func (w *worker) stageCow(ag format.AGNumber, start format.AGBlock, count uint32) {
	r := space.Rmap{Start: start, Count: count, Owner: space.Owner{ID: cowFork}}
	if w.found != nil {
		w.collect(ag, r)
		return
	}
	w.sums[ag].forks++
	w.sums[ag].cow.addRun(&w.keys, start, r.End(), 1)
}

// cowFork stands for CoW forks among the owners that are collected; no record has it as owner.
const cowFork = format.OwnNull

// unknown says that blocks of an owner, an inode or one of the format's constants, were not all
// met in a group, or in all of them with format.NullAGNumber, because something is damaged. What
// rmapbt says of that owner is then believed.
func (c *checker) unknown(ag format.AGNumber, owner uint64) {
	c.incomplete()
	c.lostMu.Lock()
	defer c.lostMu.Unlock()
	c.lost[lostOwner{ag, owner}] = true
}

// anyLost reports whether unknown was called for anything.
func (c *checker) anyLost() bool {
	c.lostMu.Lock()
	defer c.lostMu.Unlock()
	return len(c.lost) > 0
}

// excused reports whether an owner may have blocks of a group that were not met.
func (c *checker) excused(ag format.AGNumber, owner uint64) bool {
	c.lostMu.Lock()
	defer c.lostMu.Unlock()
	if c.lost[lostOwner{ag, owner}] || c.lost[lostOwner{format.NullAGNumber, owner}] {
		return true
	}
	if !format.OwnerIsInode(owner) {
		return false
	}
	home, _ := c.geo.SplitIno(format.Ino(owner))
	return c.lost[lostOwner{home, anyInode}]
}

// anyInode is, in a call of unknown, every inode of the group: which ones there are is not known.
// Their blocks may be in any group.
const anyInode = format.OwnUnknown

// lostOwner names owners not all of whose blocks were met.
type lostOwner struct {
	ag    format.AGNumber // of the blocks; of the inode for anyInode
	owner uint64
}

// groupSums are what a worker has met of one group.
type groupSums struct {
	owners sum // of all owners, less what rmapbt says: zero
	// blocks is, for each block, the number of its owners, less 1 if it is not free, less what
	// refcountbt says beyond 1: zero.
	blocks sum
	cow    sum // of CoW forks, less what refcountbt says is staged: zero
	free   sum // of bnobt, less cntbt: zero
	n      int // extents with an owner
	forks  int // extents of CoW forks
}

func (g *groupSums) own(k *keys, r space.Rmap) {
	g.n++
	g.owners.addOwner(k, r, 1)
	g.blocks.addRun(k, r.Start, r.End(), 1)
}

func (g *groupSums) add(h *groupSums) {
	g.owners.add(h.owners)
	g.blocks.add(h.blocks)
	g.cow.add(h.cow)
	g.free.add(h.free)
	g.n += h.n
	g.forks += h.forks
}

// sum is two independent sums, modulo 2^64, of hashes with factors.
type sum struct{ a, b uint64 }

func (s *sum) add(t sum) {
	s.a += t.a
	s.b += t.b
}

func (s sum) zero() bool { return s == sum{} }

// addRun counts each block of a run times times.
func (s *sum) addRun(k *keys, start, end format.AGBlock, times uint64) {
	a, b := k.hash(0, uint64(start))
	c, d := k.hash(0, uint64(end))
	s.a += times * (a - c)
	s.b += times * (b - d)
}

// addOwner counts each block with its owner and, where that counts along, its offset.
func (s *sum) addOwner(k *keys, r space.Rmap, times uint64) {
	// Within a fork what stays the same along an extent is offset minus block.
	class := r.Offset
	if format.OwnerIsInode(r.ID) && class&format.RmapBmbtBlock == 0 {
		class -= uint64(r.Start)
	}
	class, _ = k.hash(r.ID, class)
	a, b := k.hash(class, uint64(r.Start))
	c, d := k.hash(class, uint64(r.End()))
	s.a += times * (a - c)
	s.b += times * (b - d)
}

// addPair counts one extent as a whole, for sets of extents that must be equal.
func (s *sum) addPair(k *keys, start format.AGBlock, count uint32, times uint64) {
	a, b := k.hash(uint64(count), uint64(start))
	s.a += times * a
	s.b += times * b
}

const minus1 = ^uint64(0)

// keys make the hashes those of one run, so that no image can be made for them.
type keys [5]uint64

func newKeys() keys {
	var k keys
	for i := range k {
		k[i] = rand.Uint64() | 1
	}
	return k
}

// hash gives two hashes of two numbers.
func (k *keys) hash(x, y uint64) (a, b uint64) {
	m := fold(x^k[0], y^k[1]) + x
	return fold(m^k[2], k[3]), fold(m^k[4], k[3]+m)
}

// fold multiplies and mixes the halves of the result.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// runs are extents of a group in order, without overlap, to be searched.
type runs []run

// run is the blocks from start up to end.
type run struct{ start, end format.AGBlock }

// touches reports whether any block from start up to end is in one of the runs.
func (l runs) touches(start, end format.AGBlock) bool {
	var hint int
	return l.touchesNear(start, end, &hint)
}

// touchesNear is touches for callers who ask for one place after the other: hint is where the
// last answer was found.
func (l runs) touchesNear(start, end format.AGBlock, hint *int) bool {
	i := *hint
	switch {
	case len(l) == 0:
		return false
	case i < len(l) && l[i].end > start && (i == 0 || l[i-1].end <= start):
	case i+1 < len(l) && l[i+1].end > start && l[i].end <= start:
		i++
	default:
		lo, hi := 0, len(l)
		for lo < hi {
			mid := int(uint(lo+hi) / 2)
			if l[mid].end <= start {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		i = lo
	}
	*hint = i
	return i < len(l) && l[i].start < end
}
