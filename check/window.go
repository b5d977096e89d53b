package check

import (
	"context"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// A close look takes memory for each extent that has an owner. Where a group has more of them
// than memory allows, it is looked at in pieces: a pass over the image for each window of blocks.

// window is the blocks from lo up to hi of a group.
type window struct{ lo, hi format.AGBlock }

// clip is the part of an extent that lies in the window; it is empty if it does not begin before
// it ends.
func (v window) clip(start, end format.AGBlock) (lo, hi format.AGBlock) {
	return max(start, v.lo), min(end, v.hi)
}

func (v window) has(b format.AGBlock) bool { return v.lo <= b && b < v.hi }

// closeLook is a look at some blocks of a group.
type closeLook struct {
	group  *group
	window window
	size   int64 // bytes that it takes
}

// ownerList is what own, share and stageCow are told of one group.
type ownerList struct {
	window window // blocks whose owners are wanted
	list   []space.Rmap
	counts []uint32 // of extents that begin in each bucket, if that is wanted
}

// buckets is into how many pieces a group can be cut.
const buckets = 1024

// bucketOf is the piece of a group of size blocks that has a block.
func bucketOf(b format.AGBlock, size uint32) int { return int(uint64(b) * buckets / uint64(size)) }

// bucketStart is the first block of a piece.
func bucketStart(i int, size uint32) format.AGBlock {
	return format.AGBlock((uint64(i)*uint64(size) + buckets - 1) / buckets)
}

// bytesPerOwner is what one extent takes in a close look: in the list of the owners, which is
// sorted, and in that of rmapbt.
const bytesPerOwner = 3 * 32

// leastMemory is less than what a close look at nearly nothing takes, in bytes.
const leastMemory = 16 << 10

// closeLooks looks at all groups that need it, as much at a time as memory allows.
func (c *checker) closeLooks(ctx context.Context) {
	var looks []closeLook
	var large []*group
	most := max(c.opt.memory()-c.modelSize(), leastMemory)
	for i := range c.groups {
		g := &c.groups[i]
		n, ok := c.judgeSums(g)
		size := int64(n) * bytesPerOwner
		switch {
		case ok:
		case size > most:
			large = append(large, g)
		default:
			looks = append(looks, closeLook{g, window{0, format.AGBlock(c.geo.AGLen(g.no))}, size})
		}
	}
	if len(large) > 0 {
		looks = append(looks, c.cutUp(ctx, large, most)...)
	}
	for len(looks) > 0 && !c.stopped() {
		var batch, later []closeLook
		var size int64
		for _, l := range looks {
			// A group's windows come one after the other in looks.
			again := len(batch) > 0 && batch[len(batch)-1].group == l.group
			if again || len(batch) > 0 && size+l.size > most {
				later = append(later, l)
				continue
			}
			batch, size = append(batch, l), size+l.size
		}
		c.lookAt(ctx, batch)
		looks = later
	}
}

// cutUp finds windows of groups that are too large to be looked at as a whole. It takes a pass that
// counts extents.
func (c *checker) cutUp(ctx context.Context, large []*group, most int64) (looks []closeLook) {
	var units []unit
	for _, g := range large {
		units = append(units, func(w *worker) { w.gather(g, &evidence{}) })
	}
	c.collectOwners(ctx, units, func(l []ownerList) {
		for _, g := range large {
			l[g.no].counts = make([]uint32, buckets)
		}
	})
	for _, g := range large {
		size := c.geo.AGLen(g.no)
		look := closeLook{group: g}
		for i := range buckets {
			var n int64
			for _, w := range c.workers {
				n += int64(w.found[g.no].counts[i]) * bytesPerOwner
			}
			if look.size > 0 && look.size+n > most {
				look.window.hi = bucketStart(i, size)
				looks = append(looks, look)
				look = closeLook{group: g, window: window{lo: look.window.hi}}
			}
			look.size += n
		}
		look.window.hi = format.AGBlock(size)
		looks = append(looks, look)
	}
	for _, w := range c.workers {
		w.found = nil
	}
	return looks
}
