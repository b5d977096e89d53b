package check

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cowfs/cowfs/format"
)

// inodes is what a run knows of all inodes. Each has a node: sixteen bytes of sums, which become
// zero if what leads to the inode is what the inode says. Only of directories it is known who
// contains whom.
type inodes struct {
	groups []inodeGroup // by number

	// namesLost says that entries of a directory could not be read: then it is not known of any
	// inode that nothing leads to it.
	namesLost atomic.Bool

	mu    sync.Mutex
	dirs  []directory // all that were read, in no order until links are judged
	edges []edge      // entries that lead to what they call a directory, likewise
	up    []int32     // for each of dirs, once they are in order: the one that has its name
}

// inodeGroup is what is known of the inodes of a group.
type inodeGroup struct {
	chunks []chunk // by start, none overlapping another
	nodes  []node  // those of chunk i from i*format.InodesPerChunk on
	known  bool    // these are all chunks

	count, free uint64 // inodes, free ones among them, by the records of inobt
}

// node is what is known of an inode. All fields are changed atomically.
type node struct {
	// sum is that of the names which directories have for the inode, less that of its parent
	// pointers. See parent.go.
	sum uint64
	// links is the number of entries that lead to the inode, less the number that it should be.
	links int32
	state uint32 // bits as below
}

// The bits of a node's state.
const (
	stateType   = 1<<stateClaims - 1 // its format.FType, when it is in use
	stateClaims = 4                  // shift: the file types that entries say it has, 9 bits

	stateRead      = 1 << (13 + iota) // in use, and read
	stateBad                          // can't be read
	stateNameless                     // its number of links is 0
	stateNext                         // names a successor on a list of inodes without names
	stateListed                       // is on such a list
	stateNoParents                    // not all of its parent pointers could be read
	stateHidden                       // needs no name: the root, and inodes of the volume itself
)

func (n *node) set(bits uint32) {
	if atomic.LoadUint32(&n.state)&bits != bits {
		atomic.OrUint32(&n.state, bits)
	}
}

func (n *node) has(bits uint32) bool { return atomic.LoadUint32(&n.state)&bits != 0 }

// claim counts an entry of a directory that leads to the inode.
func (n *node) claim(t format.FType, sum uint64) {
	n.set(1 << (stateClaims + min(t, format.FTWhiteout)))
	atomic.AddInt32(&n.links, 1)
	if sum != 0 {
		atomic.AddUint64(&n.sum, sum)
	}
}

// directory is what is remembered of a directory.
type directory struct {
	ino, parent format.Ino // parent is what .. leads to, format.NullIno when not known
}

// edge is an entry of directory dir that leads to a directory.
type edge struct{ child, dir format.Ino }

// spot is where an inode is found in the model.
type spot struct {
	chunk *chunk
	node  *node
	index int // in the chunk
}

// spotOf finds an inode. ok is false when no chunk has it.
func (m *inodes) spotOf(g *format.Geometry, ino format.Ino) (s spot, ok bool) {
	no, i := g.SplitIno(ino)
	if uint64(no) >= uint64(len(m.groups)) {
		return spot{}, false
	}
	return m.groups[no].spot(i)
}

func (g *inodeGroup) spot(i format.AGIno) (s spot, ok bool) {
	lo, hi := 0, len(g.chunks)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if g.chunks[mid].start > i {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return g.at(lo-1, i)
}

// at is inode i if it is in chunk k.
func (g *inodeGroup) at(k int, i format.AGIno) (s spot, ok bool) {
	if k < 0 || k >= len(g.chunks) || i < g.chunks[k].start || i-g.chunks[k].start >= format.InodesPerChunk {
		return spot{}, false
	}
	c := &g.chunks[k]
	s = spot{c, &g.nodes[k*format.InodesPerChunk+int(i-c.start)], int(i - c.start)}
	return s, c.exist()>>s.index&1 != 0
}

// finder finds inodes fast that lie near each other, as those of a directory do.
type finder struct {
	no format.AGNumber
	k  int // chunk that was found last
}

func (f *finder) find(m *inodes, g *format.Geometry, ino format.Ino) (s spot, ok bool) {
	no, i := g.SplitIno(ino)
	if uint64(no) >= uint64(len(m.groups)) {
		return spot{}, false
	}
	group := &m.groups[no]
	if no == f.no {
		for k := f.k; k <= f.k+1; k++ {
			if s, ok = group.at(k, i); ok {
				f.k = k
				return s, true
			}
		}
	}
	if s, ok = group.spot(i); ok {
		f.no = no
		f.k, _ = slices.BinarySearchFunc(group.chunks, s.chunk.start, chunkOrder)
	}
	return s, ok
}

// remember keeps what a worker has learnt of directories.
func (m *inodes) remember(dirs []directory, edges []edge) {
	if len(dirs)+len(edges) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirs = append(m.dirs, dirs...)
	m.edges = append(m.edges, edges...)
}
