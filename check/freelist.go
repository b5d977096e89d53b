package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// freeList judges the AGFL of a group: a ring of which the AGF names first, last and number of
// the slots in use.
func (w *worker) freeList(g *group, agf, agfl []byte) {
	at := w.sectorPlace(g.no, 3)
	slots := format.AGFLSize(len(agfl))
	first, last, n := int(format.AGFFlFirst.Get(agf)), int(format.AGFFlLast.Get(agf)), int(format.AGFFlCount.Get(agf))
	if first >= slots || last >= slots || n > slots {
		w.unknown(g.no, format.OwnAG) // reported with the AGF
		return
	}
	if span := (last-first+slots)%slots + 1; n != 0 && n != span || n == 0 && span != slots {
		w.report(Finding{
			Code: AGFLCount, Structure: "AGF", Field: "flcount", Place: w.sectorPlace(g.no, 1), Got: text(n),
			Want: text(span), Note: fmt.Sprintf("slots %d to %d of %d", first, last, slots),
		})
		w.unknown(g.no, format.OwnAG)
	}
	seen := make(map[format.AGBlock]int, n)
	for k := range n {
		i := (first + k) % slots
		b := format.AGFLSlot(i).Get(agfl)
		field := indexed("bno", i)
		if b == format.NullAGBlock {
			w.report(Finding{Code: AGFLNull, Structure: "AGFL", Field: field, Place: at, Got: "null", Want: "a block"})
			w.unknown(g.no, format.OwnAG)
			continue
		}
		if !w.geo.AllocatableAG(g.no, b) {
			w.unknown(g.no, format.OwnAG) // reported with the AGFL
			continue
		}
		if other, twice := seen[b]; twice {
			w.report(Finding{
				Code: AGFLTwice, Structure: "AGFL", Field: field, Place: AtBlock(g.no, b, 1), Got: text(b),
				Note: "also in " + indexed("bno", other),
			})
			continue
		}
		seen[b] = i
		w.own(g.no, b, 1, space.Owner{ID: format.OwnAG})
	}
}
