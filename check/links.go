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
	if w.findSuspects() {
		w.lookAtSuspects()
	}
}

// stateSuspect marks an inode whose names don't agree with what it says of them.
const stateSuspect = 1 << 31

// findSuspects goes over all nodes, and marks those that need a second look.
func (w *worker) findSuspects() (any bool) {
	lost := w.inodes.namesLost.Load()
	for no := range w.inodes.groups {
		g := &w.inodes.groups[no]
		for i := range g.nodes {
			n := &g.nodes[i]
			if n.state&stateBad != 0 || n.state&stateRead == 0 && n.links == 0 {
				continue
			}
			if n.state&(stateNameless|stateNext) != 0 {
				k := i / format.InodesPerChunk
				w.judgeNameless(w.geo.Ino(format.AGNumber(no), g.chunks[k].start+format.AGIno(i%format.InodesPerChunk)), n)
			}
			claims := n.state >> stateClaims & (1<<(format.FTWhiteout+1) - 1)
			pointers := n.sum != 0 && n.state&stateNoParents == 0
			if claims&^(1<<(n.state&stateType)) != 0 || n.links > 0 || n.links < 0 && !lost || pointers {
				n.state |= stateSuspect
				any = true
			}
		}
	}
	return any
}
