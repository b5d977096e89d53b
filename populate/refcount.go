package populate

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// sharing is a record of the refcount tree.
type sharing struct {
	start uint32
	count uint32
	refs  uint32
}

func (s sharing) put(b []byte) {
	format.RefcStart.Put(b, s.start)
	format.RefcCount.Put(b, s.count)
	format.RefcRefs.Put(b, s.refs)
}

// refcountsOf counts the owners of a group's shared blocks: one for the blocks themselves and
// one for each further use.
func refcountsOf(a *group) []sharing {
	if len(a.shared) == 0 {
		return nil
	}
	type edge struct {
		at    uint32
		delta int
	}
	edges := make([]edge, 0, 2*len(a.shared))
	for _, r := range a.shared {
		edges = append(edges, edge{r.start, 1}, edge{r.end(), -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	var out []sharing
	refs := 1
	for i, e := range edges {
		if i > 0 && refs > 1 && e.at > edges[i-1].at {
			start, n := edges[i-1].at+uint32(a.dataBase()), e.at-edges[i-1].at
			if k := len(out) - 1; k >= 0 && out[k].start+out[k].count == start && out[k].refs == uint32(refs) {
				out[k].count += n
			} else {
				out = append(out, sharing{start, n, uint32(refs)})
			}
		}
		refs += e.delta
	}
	return out
}
