package mkfs

import (
	"math"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// The kernel refuses to mount a filesystem whose log might not have room for the largest
// transactions. How large that is follows from the most that each kind of transaction changes:
// so many inodes, so many sectors and blocks. This file adds that up.

// changes is what one step of a transaction may have to log at most.
type changes struct {
	inodes  int
	sectors int // group headers and superblocks
	blocks  int
	bytes   int // anything else
}

// transaction is a kind of transaction: the most that any of its steps logs, and the number of
// steps that space is reserved for at once.
type transaction struct {
	steps []changes
	more  int // bytes that every step has besides
	rolls int
}

// Sizes in the log, in bytes.
const (
	opHeader    = 12  // before each region
	bufItem     = 128 // what describes a changed buffer, rounded up
	inodeItem   = 56  // what describes a changed inode
	forkRoot    = 72  // header of a B+tree's root in a fork
	quotaItems  = 6 * (24 + 104)
	linkParent  = 308  // the new parent pointer of an entry
	moveParents = 1192 // those that a rename adds, changes and takes away
	symlinkText = format.MaxSymlinkLen + bufItem
)

// Depth of the tree of a directory's or an attribute fork's hash index, and the blocks that
// adding to a directory may touch beside it.
const (
	hashDepth  = 5
	dirExtra   = 2
	maxLogIO   = 256 << 10 // bytes of a log write
	logIOHead  = maxLogIO / (32 << 10) * format.BasicBlock
	logFactor  = 3    // transactions that must fit
	logSlack   = 1024 // sectors
	oldRmapMax = 9    // height that all reverse mapping trees were thought to have
)

// reserver computes reservations for one geometry.
type reserver struct {
	g *format.Geometry
	// modern says that the log is measured in today's way. Without parent pointers it is done as
	// before there were any, so that filesystems of that time stay valid.
	modern bool

	free, rmap, refcount, inode int // heights of a group's trees
	data, attr                  int // heights of fork trees
}

func newReserver(g *format.Geometry) *reserver {
	r := &reserver{g: g, modern: g.HasParent(), free: space.FreeLevels(g), rmap: space.RmapLevels(g)}
	r.inode = btree.MaxLevels(btree.Inobt, g.BlockSize, 1<<(g.AGBlkLog+g.InoPBLog)/format.InodesPerChunk)
	if g.HasReflink() {
		r.refcount = btree.MaxLevels(btree.Refcountbt, g.BlockSize, int(g.AGBlocks))
	}
	dataMax, attrMax := uint64(math.MaxInt32), uint64(math.MaxInt16)
	if g.HasNrext64() {
		dataMax, attrMax = 1<<48-1, math.MaxUint32
	}
	r.data = forkLevels(g.BlockSize, dataMax, 3)
	r.attr = forkLevels(g.BlockSize, attrMax, 2)
	return r
}

// forkLevels is how high the tree of a fork of n mappings can grow when its root in the inode
// has room for so many children.
func forkLevels(blockSize int, n uint64, root uint64) int {
	least := uint64(btree.Bmbt.MinRecs(blockSize, 0))
	blocks, levels := (n+least-1)/least, 1
	for ; blocks > root; levels++ {
		blocks = (blocks + least - 1) / least
	}
	if blocks > 1 {
		levels++
	}
	return levels
}

// freeing is the number of blocks that change in a group's trees when n extents are allocated
// or freed.
func (r *reserver) freeing(n int) int {
	return n*2*(2*r.free-1) + r.rmapping(n, r.rmap)
}

func (r *reserver) rmapping(n, levels int) int {
	if levels == 0 {
		return 0
	}
	return n * (2*levels - 1)
}

// naming is the number of blocks that change when an entry is added to a directory.
func (r *reserver) naming() int {
	per := r.g.DirBlocks()
	return (hashDepth+dirExtra)*(per+r.mapping(per, r.data)) + 1
}

// mapping is the number of blocks that change in the tree of a fork when n blocks are added.
func (r *reserver) mapping(n, levels int) int {
	most := btree.Bmbt.MaxRecs(r.g.BlockSize, 0)
	return (n + most - 1) / most * (levels - 1)
}

// chunks is the number of blocks that change in the inode trees when an inode is allocated.
func (r *reserver) chunks(trees int) int { return trees * (r.inode + r.freeing(1)) }

// truncate takes mappings out of a file.
func (r *reserver) truncate() transaction {
	t := transaction{more: quotaItems, rolls: 2, steps: []changes{
		{inodes: 1, blocks: r.data + 1},
		{sectors: 9, blocks: r.freeing(4)},
	}}
	switch both := r.rmap > 0 && r.refcount > 0; {
	case !r.modern && r.refcount > 0:
		// All of it was one step, with room for a change of reference counts in each.
		free := r.freeing(4)
		if both {
			free += r.rmapping(4, oldRmapMax) - r.rmapping(4, r.rmap)
		}
		t.steps[1].blocks = free
		t.more += r.size(changes{blocks: 4 * (2*r.refcount - 1)})
		t.rolls = 8
	case both:
		t.rolls = 5
	case r.rmap > 0 || r.refcount > 0:
		t.rolls = 4
	}
	return t
}

// rename moves an entry to another directory, in place of an existing one.
func (r *reserver) rename() transaction {
	t := transaction{more: quotaItems, rolls: 2, steps: []changes{
		{inodes: 5, blocks: 2 * r.naming()},
		{sectors: 7, blocks: r.freeing(3)},
	}}
	if r.g.HasParent() {
		t.more += moveParents
		t.rolls += 3
	}
	return t
}

// symlink makes an inode, an entry and a target.
func (r *reserver) symlink() transaction {
	fino := 0
	if r.g.HasFinobt() {
		fino = 1
	}
	t := transaction{more: quotaItems + symlinkText, rolls: 3, steps: []changes{
		{inodes: 2, sectors: 1, blocks: r.naming() + r.chunks(fino), bytes: r.g.BlockSize},
		{sectors: 2, blocks: r.freeing(1) + r.chunks(1+fino), bytes: r.g.SectSize},
	}}
	if r.g.HasParent() {
		t.more += linkParent
		t.rolls += 3
	}
	return t
}

// setAttr sets an attribute of the largest value that is kept beside the names, all at once.
func (r *reserver) setAttr() transaction {
	bs := r.g.BlockSize
	value := bs/2 + bs/4 - format.MaxNameLen - 1
	blocks := (value + bs - 1) / bs
	grow := blocks
	if !r.modern {
		grow = value // the kernel's slip, which filesystems now rely on
	}
	n := hashDepth*(1+r.mapping(1, r.attr)) + blocks + r.mapping(grow, r.attr)
	return transaction{more: quotaItems, rolls: 3, steps: []changes{
		{inodes: 1, sectors: 1 + n, blocks: hashDepth + n*r.attr},
	}}
}

// size is what changes take in the log, in bytes.
func (r *reserver) size(c changes) int {
	return c.inodes*(4*opHeader+inodeItem+r.g.InodeSize+2*forkRoot) +
		c.sectors*(r.g.SectSize+bufItem) + c.blocks*(r.g.BlockSize+bufItem) + c.bytes
}

// step is the size of a transaction's largest step, in bytes.
func (r *reserver) step(t transaction) int {
	most := 0
	for _, c := range t.steps {
		most = max(most, r.size(c))
	}
	return most + t.more
}

// largest is the transaction that needs most, given by the size of its largest step in bytes and
// the number of steps.
func (r *reserver) largest() (bytes, rolls int) {
	for _, t := range []transaction{r.truncate(), r.rename(), r.symlink()} {
		if b := r.step(t); b*t.rolls > bytes*rolls {
			bytes, rolls = b, t.rolls
		}
	}
	// An attribute counts by a single step, and then for three.
	if t := r.setAttr(); r.step(t) > bytes*rolls {
		bytes, rolls = r.step(t), t.rolls
	}
	return bytes, rolls
}

// Reservation is the room in the log that a kind of transaction asks for.
type Reservation struct {
	Name  string
	Bytes int // of its largest step
	Rolls int // steps that room is asked for at once
}

// Reservations lists those kinds of transactions that can decide how large a log must be, and
// last the one that does.
func Reservations(g *format.Geometry) []Reservation {
	r := newReserver(g)
	var out []Reservation
	for _, k := range []struct {
		name string
		t    transaction
	}{{"truncate", r.truncate()}, {"rename", r.rename()}, {"symlink", r.symlink()}, {"setattr", r.setAttr()}} {
		out = append(out, Reservation{k.name, r.step(k.t), k.t.rolls})
	}
	bytes, rolls := r.largest()
	return append(out, Reservation{"largest", bytes, rolls})
}

// onDisk is what a step of so many bytes takes with the headers of log records, in bytes, when
// log writes are rounded up to a unit.
func onDisk(bytes, unit int) int {
	room := maxLogIO - logIOHead
	bytes += 2*opHeader + 16 // start, commit, and the transaction's own header
	records := (bytes + room - 1) / room
	for {
		n := (bytes + records*opHeader + room - 1) / room
		if n <= records {
			break
		}
		records = n
	}
	return bytes + records*(opHeader+logIOHead) + logIOHead + 2*unit
}

// minLogBlocks is the size in blocks of the smallest log that the kernel and mkfs.xfs accept,
// when writes to it are aligned to stripe blocks.
func minLogBlocks(g *format.Geometry, stripe uint32) uint64 {
	bytes, rolls := newReserver(g).largest()
	unit := max(format.BasicBlock, int(stripe)<<g.BlockLog)
	sectors := divUp(uint64(onDisk(bytes, unit)*rolls), format.BasicBlock)
	if align := uint64(unit / format.BasicBlock); align > 1 {
		sectors = roundUp(sectors, align) + 2*align
	} else {
		sectors += logSlack
	}
	return max(minLogBlks, g.BlocksUp(sectors*logFactor*format.BasicBlock))
}
