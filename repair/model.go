package repair

import (
	"sync"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// model is what an image holds, as far as it can be found out from inodes and their forks and,
// where these are damaged, from the records of owners.
type model struct {
	geo    *format.Geometry
	dev    device.Device
	report *Result
	groups []*groupModel
	doubt  map[format.Ino]bool // inodes whose forks are damaged although they can be read

	mu sync.Mutex // for what follows, while groups are read side by side
	// remaps are the forks that must be written anew, since they can't stay as they are on disk.
	remaps map[forkID]*remap
	// shared are the files that share blocks: true of those that don't have the flag for it.
	shared map[format.Ino]bool
	files  map[format.Ino]bool // which of the inodes that were asked for are regular files
	err    error

	once sync.Once
	data map[format.Ino][]format.Mapping // what data forks have by rmapbt, once somebody has asked
}

// forkID names a fork of an inode.
type forkID struct {
	ino  format.Ino
	attr bool
}

// remap is what a fork ought to map. Until it does, the fork on disk is empty.
type remap struct {
	maps []format.Mapping
	// copies are mappings of blocks that belong to somebody else: their content gets new blocks.
	copies []format.Mapping
}

// groupModel is what is known of a group.
type groupModel struct {
	no       format.AGNumber
	agi      []byte // nil when it is worth nothing
	agf      []byte
	chunks   []chunk
	claims   []claim // by inodes, the log and staged writes
	unlinked [format.AGIBuckets]format.AGIno
	recorded map[uint64][]space.Rmap // by owner: what rmapbt had, once somebody has asked
}

// chunk is 64 inodes: which of them exist, and which are free.
type chunk struct {
	start format.AGIno
	holes uint16 // bit k: inodes 4k to 4k+3 don't exist
	free  uint64 // bit i: inode start+i is free or doesn't exist
}

const inodesPerHole = format.InodesPerChunk / 16

// exists reports whether inode i of the chunk does.
func (c *chunk) exists(i int) bool { return c.holes>>(i/inodesPerHole)&1 == 0 }

// record encodes the chunk as inobt has it.
func (c *chunk) record(g *format.Geometry) []byte {
	b := make([]byte, format.InobtRec.Size)
	count, free := 0, 0
	for i := range format.InodesPerChunk {
		if c.exists(i) {
			count++
			free += int(c.free >> i & 1)
		}
	}
	format.InoRecStart.Put(b, c.start)
	format.InoRecFree.Put(b, c.free)
	if g.HasSparse() {
		format.InoRecHoleMask.Put(b, c.holes)
		format.InoRecCount.Put(b, uint8(count))
		format.InoRecFreeCount.Put(b, uint8(free))
	} else {
		format.InoRecFullFreeCount.Put(b, uint32(free))
	}
	return b
}
