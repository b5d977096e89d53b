package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/volume"
)

// mapCommands draw what the space is used for.
func mapCommands() []*Command {
	return []*Command{{
		Name: "map", Args: "[--svg FILE] [--html FILE] [AG]...", Summary: "count what blocks are used for, or draw a map of them",
		Text: "By kind: free, headers, log, trees, inodes, contents, shared by 2, by 3 to 9 or by more, attributes,\nstaged for writes. --svg and --html draw the groups to a file of the host: rows of cells, each in\nthe colour of what most of its blocks are. Without numbers, of all groups.",
		Examples: []Example{
			{"map", "block counts, group by group"},
			{"map --svg map.svg", "a picture of the volume"},
			{"map --html map.html 0 1", "a page about two groups"},
		},
		setup: setupMap,
	}}
}

// useKind is what a block is used for.
type useKind int

const (
	useFree useKind = iota
	useHeaders
	useLog
	useTrees
	useInodes
	useData
	useShared2
	useShared3
	useShared10
	useAttr
	useStaged
	useUnknown
	useKinds
)

var useNames = [useKinds]string{
	"free", "headers", "log", "trees", "inodes", "data", "shared by 2", "shared by 3 to 9", "shared by 10 or more", "attributes", "staged", "unknown",
}

// useOf says what the blocks of a use are for, sharing apart.
func useOf(u volume.Use) useKind {
	switch {
	case u.Owner == volume.OwnerFree:
		return useFree
	case format.OwnerIsInode(u.Owner) && u.Tree:
		return useTrees
	case format.OwnerIsInode(u.Owner) && u.Attr:
		return useAttr
	case format.OwnerIsInode(u.Owner):
		return useData
	}
	switch u.Owner {
	case format.OwnFS:
		return useHeaders
	case format.OwnLog:
		return useLog
	case format.OwnAG, format.OwnInobt, format.OwnRefc:
		return useTrees
	case format.OwnInodes:
		return useInodes
	case format.OwnCow:
		return useStaged
	}
	return useUnknown
}

// maxCells bounds the cells of a map, and so the memory and the size of a picture of any volume.
const maxCells = 1 << 14

// groupMap counts the blocks of a group by kind, in cells of equally many blocks; the last may have
// fewer.
type groupMap struct {
	ag     format.AGNumber
	blocks uint64
	cell   uint64 // blocks in one
	cells  [][useKinds]uint64
}

// add counts n blocks from start for to, and takes them from what they were counted for.
func (m *groupMap) add(start, n uint64, from, to useKind) {
	for n > 0 && start < m.blocks {
		i := start / m.cell
		part := min(n, (i+1)*m.cell-start, m.blocks-start)
		c := &m.cells[i]
		if from != to {
			part2 := min(part, c[from]) // of a damaged volume it may be less
			c[from] -= part2
			c[to] += part2
		} else {
			c[to] += part
		}
		start, n = start+part, n-part
	}
}

// sums are the blocks of the group by kind.
func (m *groupMap) sums() (all [useKinds]uint64) {
	for _, c := range m.cells {
		for k, n := range c {
			all[k] += n
		}
	}
	return all
}

// mapGroup looks at a group, with cells of that many blocks.
func (s *Session) mapGroup(ctx context.Context, ag format.AGNumber, cell uint64) (*groupMap, error) {
	m := &groupMap{ag: ag, blocks: uint64(s.Vol.Geo.AGLen(ag)), cell: cell}
	m.cells = make([][useKinds]uint64, (m.blocks+cell-1)/cell)
	end := uint64(0)
	for u, err := range s.Vol.Fsmap(ag) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		start, last := max(uint64(u.Start), end), uint64(u.Start)+uint64(u.Count)
		if start < last { // else all of it is another owner's too
			m.add(start, last-start, useOf(u), useOf(u))
			end = last
		}
	}
	if !s.Vol.Geo.HasReflink() {
		return m, nil
	}
	t, err := s.Vol.Tree(btree.Refcountbt, ag)
	if err != nil {
		return nil, err
	}
	was := useData
	if !s.Vol.HasOwners() {
		was = useUnknown
	}
	for rec, err := range t.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		r, staged := refcount.Unpack(rec)
		to := useShared10
		switch {
		case staged:
			to = useStaged
		case r.Refs < 3:
			to = useShared2
		case r.Refs < 10:
			to = useShared3
		}
		if !staged || was == useUnknown { // rmapbt has told of staged blocks
			m.add(uint64(r.Start), uint64(r.Count), was, to)
		}
	}
	return m, nil
}

// GroupUseDoc counts the blocks of a group by what they are used for.
type GroupUseDoc struct {
	Type   string    `json:"type"` // "groupuse"
	AG     uint32    `json:"ag"`
	Blocks uint64    `json:"blocks"`
	Uses   []KindUse `json:"uses"`
}

// KindUse is how many blocks of a kind there are; never 0.
type KindUse struct {
	Kind   string `json:"kind"`
	Blocks uint64 `json:"blocks"`
}

func (d GroupUseDoc) write(w io.Writer) {
	for _, u := range d.Uses {
		fmt.Fprintf(w, "%6d %12d %6.2f%%  %s\n", d.AG, u.Blocks, 100*float64(u.Blocks)/float64(d.Blocks), u.Kind)
	}
}

func (m *groupMap) doc() GroupUseDoc {
	d := GroupUseDoc{Type: "groupuse", AG: uint32(m.ag), Blocks: m.blocks, Uses: []KindUse{}}
	for k, n := range m.sums() {
		if n > 0 {
			d.Uses = append(d.Uses, KindUse{useNames[k], n})
		}
	}
	return d
}

func setupMap(f *flag.FlagSet) runFunc {
	svg := f.String("svg", "", "draw the map to a `file`")
	page := f.String("html", "", "write a page with the map and the counts to a `file`")
	return func(ctx context.Context, s *Session, args []string) error {
		groups, err := s.groupArgs(args)
		if err != nil {
			return err
		}
		blocks := uint64(0)
		for _, ag := range groups {
			blocks += uint64(s.Vol.Geo.AGLen(ag))
		}
		cell := max(1, (blocks+maxCells-1)/maxCells)
		var maps []*groupMap
		for _, ag := range groups {
			m, err := s.mapGroup(ctx, ag, cell)
			if err != nil {
				return err
			}
			maps = append(maps, m)
		}
		if *svg != "" {
			if err := os.WriteFile(*svg, []byte(drawMap(maps)), 0o644); err != nil {
				return err
			}
		}
		if *page != "" {
			if err := os.WriteFile(*page, []byte(mapPage(maps)), 0o644); err != nil {
				return err
			}
		}
		if *svg != "" || *page != "" {
			return nil
		}
		s.title("%6s %12s %7s  %s", "AG", "BLOCKS", "SHARE", "USED FOR")
		for _, m := range maps {
			if err := s.emit(m.doc(), m.doc().write); err != nil {
				return err
			}
		}
		return nil
	}
}
