package cow

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// A write is promised the blocks that it will need, and those that the data fork's tree may grow
// by when each of them becomes an extent of its own. Promises are only numbers in memory, held
// against what space.Available says. So it is the write that fails when there is no space, not
// the writeback.

// room is the engine's account of space.
type room struct {
	promised  uint64 // blocks
	available uint64 // blocks, as they were
	asOf      uint64 // when so many transactions were committed
	known     bool
}

// indirect is the most blocks of a data fork's tree that n blocks of data can need.
func indirect(g *format.Geometry, n uint64) uint64 {
	total := uint64(0)
	for level := 0; n > 0; level++ {
		per := uint64(btree.Bmbt.MaxRecs(g.BlockSize, level))
		n = (n + per - 1) / per
		total += n
		if n == 1 {
			break
		}
	}
	return total
}

// price is what a file has to hold for its extents.
func (f *File) price() uint64 {
	n := f.data.reserved + f.cow.reserved
	return n + indirect(f.eng.geo, n+f.owed)
}

// settleRoom makes the promised blocks those that the file needs. It holds mu.
func (f *File) settleRoom() {
	now := f.price()
	e := f.eng
	e.mu.Lock()
	defer e.mu.Unlock()
	e.room.promised += now - f.held
	f.held = now
}

// left is the number of blocks that can still be promised.
func (e *Engine) left(c *change) (uint64, error) {
	e.mu.Lock()
	r := e.room
	e.mu.Unlock()
	if !r.known || r.asOf != c.Count() {
		n, err := e.groups.Available(c.Tx)
		if err != nil {
			return 0, err
		}
		e.mu.Lock()
		e.room.available, e.room.asOf, e.room.known = n, c.Count(), true
		r = e.room
		e.mu.Unlock()
	}
	return r.available - min(r.available, r.promised), nil
}

// afford tells whether n more blocks can be promised to the file.
func (f *File) afford(c *change, n uint64) error {
	left, err := f.eng.left(c)
	if err != nil {
		return err
	}
	f.eng.low.Store(left < f.eng.lowWater()+n)
	reserved := f.data.reserved + f.cow.reserved
	now := reserved + n + indirect(f.eng.geo, reserved+n+f.owed)
	if now > f.held && now-f.held > left {
		return fmt.Errorf("%w: %d blocks wanted, %d can be promised", space.ErrNoSpace, now-f.held, left)
	}
	return nil
}

// lowWater is the number of blocks, a hundredth of the volume, below which nothing is delayed:
// writes are written back at once, so that promises which are larger than the need in the end do
// not keep others from what is left.
func (e *Engine) lowWater() uint64 { return e.geo.DBlocks / 100 }

// Room reports whether n blocks can be had beside those that are promised.
func (e *Engine) Room(n uint64) (ok bool, err error) {
	err = e.look(func(c *change) error {
		left, err := e.left(c)
		ok = left >= n
		return err
	})
	return ok, err
}
