package cow

import (
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// Extents in memory hold what a slice of blocks says, joined as far as they can be.
func TestExtents(t *testing.T) {
	const size = 400
	type cell struct {
		state State
		block format.FSBlock
		there bool
		kept  bool
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var want [size]cell
	x := newExtents()
	for round := range 20_000 {
		off := rng.IntN(size - 1)
		end := min(size, off+1+rng.IntN(40))
		gone := x.cut(format.FileOff(off), format.FileOff(end))
		blocks := 0
		for _, g := range gone {
			for i := range int(g.Blocks()) {
				c := want[int(g.Off)+i]
				if !c.there || c.state != g.State || c.kept != g.Kept || g.State != Reserved && c.block != g.Start+format.FSBlock(i) {
					t.Fatalf("round %d: cut %+v, want %+v at %d", round, g, c, int(g.Off)+i)
				}
				blocks++
			}
		}
		for i := off; i < end; i++ {
			if want[i].there {
				blocks--
			}
			want[i] = cell{}
		}
		if blocks != 0 {
			t.Fatalf("round %d: %d blocks too many were cut", round, blocks)
		}
		if rng.IntN(3) > 0 {
			e := Extent{Off: format.FileOff(off), End: format.FileOff(end), State: State(rng.IntN(3)), Kept: rng.IntN(2) == 0}
			if e.State != Reserved {
				e.Start = format.FSBlock(1000 + off) // so that neighbours join
			} else {
				e.Kept = false
			}
			x.put(e)
			for i := off; i < end; i++ {
				want[i] = cell{e.State, e.Start + format.FSBlock(i-off), true, e.Kept}
			}
		}
		if round%50 != 0 {
			continue
		}
		reserved, at := uint64(0), format.FileOff(0)
		var last Extent
		for _, e := range x.in(0, size) {
			if e.Off < at || e.Off >= e.End || e.Off > 0 && last.joins(e) {
				t.Fatalf("round %d: %+v behind %+v", round, e, last)
			}
			for i := e.Off; i < e.End; i++ {
				if c := want[i]; !c.there || c.state != e.State || c.kept != e.Kept {
					t.Fatalf("round %d: block %d: %+v, want %+v", round, i, e, c)
				}
			}
			for ; at < e.Off; at++ {
				if want[at].there {
					t.Fatalf("round %d: block %d is missing", round, at)
				}
			}
			if at, last = e.End, e; e.State == Reserved {
				reserved += e.Blocks()
			}
		}
		for ; at < size; at++ {
			if want[at].there {
				t.Fatalf("round %d: block %d is missing", round, at)
			}
		}
		if reserved != x.reserved {
			t.Fatalf("round %d: %d blocks are reserved, counted %d", round, reserved, x.reserved)
		}
	}
}
