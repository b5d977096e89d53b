package check

import (
	"sync/atomic"

	"github.com/cowfs/cowfs/format"
)

// countLinks puts what the inode says of its names into its node. The number of entries is
// counted from below zero, so that it ends at zero when it is right: a directory has one, a file
// as many as its links. What a directory's own links are follows from what is in it.
func (f *file) countLinks() {
	nlink := format.DiNLink.Get(f.raw)
	bits := stateRead | uint32(format.FTypeOf(f.mode))
	if nlink == 0 {
		bits |= stateNameless
	}
	if format.DiNextUnlinked.Get(f.raw) != format.NullAGIno {
		bits |= stateNext
	}
	f.node.set(bits)
	switch {
	case f.node.has(stateHidden), nlink == 0:
	case f.isDir():
		atomic.AddInt32(&f.node.links, -1)
	default:
		atomic.AddInt32(&f.node.links, -int32(min(nlink, format.MaxLinks)))
	}
}

// nameUnits are the units that judge what needs all inodes: links, names, lists.
func (c *checker) nameUnits() []unit { return []unit{(*worker).judgeNames} }

func (w *worker) judgeNames() {
	for no := range w.inodes.groups {
		w.judgeUnlinked(format.AGNumber(no))
	}
	w.judgeReach()
	w.judgeSuspects(nodePlace{})
}

// nodePlace is a node's place in the model.
type nodePlace struct{ group, index int }

// stateSuspect marks an inode whose names don't agree with what it says of them.
const stateSuspect = 1 << 31

// bytesPerSuspect is what one suspect takes with an entry and a parent pointer.
const bytesPerSuspect = 400

// leastSuspects is how many suspects there are in a second look, whatever memory allows.
const leastSuspects = 1 << 10

// judgeSuspects takes a second look at the names of the suspects from a place on, as many at a time as
// memory allows.
func (w *worker) judgeSuspects(from nodePlace) {
	most := max(int(w.opt.memory()/4/bytesPerSuspect), leastSuspects)
	n, next := w.findSuspects(from, most)
	if n == 0 {
		return
	}
	w.lookAtSuspects(func(w *worker) {
		w.clearSuspects(from, next)
		w.judgeSuspects(next)
	})
}

// findSuspects goes over the nodes from a place on, and marks those that need a second look. It stops
// when there are enough, and returns how many there are and where to go on.
func (w *worker) findSuspects(from nodePlace, most int) (n int, next nodePlace) {
	lost := w.inodes.namesLost.Load()
	for at := from; at.group < len(w.inodes.groups); at = (nodePlace{at.group + 1, 0}) {
		g := &w.inodes.groups[at.group]
		for ; at.index < len(g.nodes); at.index++ {
			if n == most {
				return n, at
			}
			node := &g.nodes[at.index]
			if node.state&stateBad != 0 || node.state&stateRead == 0 && node.links == 0 {
				continue
			}
			if node.state&(stateNameless|stateNext) != 0 {
				w.judgeNameless(w.inodeAt(at), node)
			}
			claims := node.state >> stateClaims & (1<<(format.FTWhiteout+1) - 1)
			pointers := node.sum != 0 && node.state&stateNoParents == 0
			if claims&^(1<<(node.state&stateType)) != 0 || node.links > 0 || node.links < 0 && !lost || pointers {
				node.state |= stateSuspect
				n++
			}
		}
	}
	return n, nodePlace{len(w.inodes.groups), 0}
}

// clearSuspects takes back the marks of the nodes between two places.
func (w *worker) clearSuspects(from, to nodePlace) {
	for no := from.group; no <= to.group && no < len(w.inodes.groups); no++ {
		nodes := w.inodes.groups[no].nodes
		if no == to.group {
			nodes = nodes[:to.index]
		}
		if no == from.group {
			nodes = nodes[from.index:]
		}
		for i := range nodes {
			nodes[i].state &^= stateSuspect
		}
	}
}

// inodeAt is the inode that a node is about.
func (w *worker) inodeAt(at nodePlace) format.Ino {
	start := w.inodes.groups[at.group].chunks[at.index/format.InodesPerChunk].start
	return w.geo.Ino(format.AGNumber(at.group), start+format.AGIno(at.index%format.InodesPerChunk))
}
