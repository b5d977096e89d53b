package space

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Extent is a run of blocks within one group.
type Extent struct {
	Start format.FSBlock
	Count uint32 // blocks
}

// End is the block behind the extent. It need not exist.
func (e Extent) End() format.FSBlock { return e.Start + format.FSBlock(e.Count) }

// String shows the extent as start+count.
func (e Extent) String() string { return fmt.Sprintf("%d+%d", e.Start, e.Count) }

// run is a run of blocks of a group.
type run struct {
	start format.AGBlock
	count uint32
}

func (r run) end() format.AGBlock { return r.start + format.AGBlock(r.count) }

// String shows the run as start+count.
func (r run) String() string { return fmt.Sprintf("%d+%d", r.start, r.count) }

// put encodes the run as a record of a free space tree.
func (r run) put(b []byte) {
	format.FreeStart.Put(b, r.start)
	format.FreeCount.Put(b, r.count)
}

func unpackRun(b []byte) run { return run{format.FreeStart.Get(b), format.FreeCount.Get(b)} }
