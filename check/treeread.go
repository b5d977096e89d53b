package check

import "github.com/cowfs/cowfs/format"

// Read-ahead, in bytes: leaves are many, nodes are few.
const (
	leavesAhead = 256 << 10
	nodesAhead  = 64 << 10
)

// fetch returns the block of entry i of the node on a level, and reads those of the following
// entries along with it when they lie one behind the other.
func (t *treeWalk) fetch(level, i int) []byte {
	up, l := &t.level[level], &t.level[level-1]
	size := t.w.geo.BlockSize
	if i < l.first || i >= l.first+l.have {
		most := nodesAhead / size
		if level == 1 {
			most = leavesAhead / size
		}
		block, n := up.node.Ptr(i), 1
		for n < most && i+n < up.node.Len() && up.node.Ptr(i+n) == block+uint64(n) && t.valid(block+uint64(n)) {
			n++
		}
		l.buf, l.first, l.have = t.room(l.buf, n), i, n
		if _, err := t.w.dev.ReadAt(l.buf, t.offset(block)); err != nil {
			// One of them is bad; find out which.
			l.have = 1
			if l.buf = l.buf[:size]; !t.w.read(l.buf, t.offset(block), t.place(block)) {
				return nil
			}
		} else {
			t.w.count(len(l.buf))
		}
	}
	return l.buf[(i-l.first)*size:][:size]
}

// room returns a buffer of n blocks, b if it is large enough.
func (t *treeWalk) room(b []byte, n int) []byte {
	n *= t.w.geo.BlockSize
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// valid reports whether a block of this number can be part of the tree.
func (t *treeWalk) valid(block uint64) bool {
	if t.kind.Long {
		return t.w.geo.Allocatable(format.FSBlock(block), 1)
	}
	return block <= uint64(format.NullAGBlock) && t.w.geo.AllocatableAG(t.ag, format.AGBlock(block))
}

// locate returns group and number of a valid block.
func (t *treeWalk) locate(block uint64) (format.AGNumber, format.AGBlock) {
	if t.kind.Long {
		return t.w.geo.AG(format.FSBlock(block)), t.w.geo.AGB(format.FSBlock(block))
	}
	return t.ag, format.AGBlock(block)
}

func (t *treeWalk) offset(block uint64) int64 { return t.w.geo.AGOffset(t.locate(block)) }

// place is where a block of the tree lies; with Null, the tree.
func (t *treeWalk) place(block uint64) Place {
	p := t.at
	if block != t.kind.Null() {
		p.AG, p.Block = t.locate(block)
		p.Count = 1
	}
	return p
}
