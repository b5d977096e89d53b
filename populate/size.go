package populate

import (
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
	"github.com/cowfs/cowfs/space"
)

// sizer is the first walk: it finds out how much each node needs and places it.
type sizer struct {
	*Plan
	pieces     []piece
	extents    []piece
	scratch    []attr.Attr
	blockAttrs []attrNode
}

// attrNode is a node whose attributes need blocks. These come last, when all inodes have their
// numbers, because parent pointers are sorted by them.
type attrNode struct {
	id source.ID
	l  link
}

// need is what one node asks for.
type need struct {
	id   source.ID
	n    *source.Node
	p    *nodePlan
	maps int // mappings of the data fork
}

func (s *sizer) visit(id source.ID, l link) error {
	n := s.t.Node(id)
	p := &s.nodes[id]
	a, ok := s.room(0, 1)
	if !ok || id == 0 && a.no != 0 {
		return s.noSpace(id, "the inode")
	}
	short, err := s.shortAttrs(id, l)
	if err != nil {
		return err
	}
	room, in := s.fork(n, short)
	p.room = uint16(room)
	if in {
		p.flags |= shortAttrs
	}
	if short != 0 {
		s.Plan.attrs = true
	}
	nd := need{id: id, n: n, p: p}
	if short != 0 && !in {
		s.blockAttrs = append(s.blockAttrs, attrNode{id, l})
	}
	s.stats.MetaBlocks -= uint64(a.inodeBlocks)
	p.ino = s.addInode(a)
	s.stats.MetaBlocks += uint64(a.inodeBlocks)

	switch n.Mode & format.ModeType {
	case format.ModeReg:
		s.stats.Files++
		s.stats.Bytes += uint64(n.Size)
		if err := s.placeData(&nd); err != nil {
			return err
		}
		return s.placeMeta(&nd, nil, 1)
	case format.ModeDir:
		s.stats.Dirs++
		shape := s.shape(id, room)
		return s.placeMeta(&nd, shape.Ranges(s.g), uint32(s.g.DirBlocks()))
	case format.ModeLink:
		if n.Size > format.MaxSymlinkLen-1 {
			return fmt.Errorf("%s: target of %d bytes is longer than the %d that the format allows", s.t.Path(id), n.Size, format.MaxSymlinkLen-1)
		}
		if int(n.Size) <= room {
			return s.placeMeta(&nd, nil, 1)
		}
		ranges, unit := s.linkRange(int(n.Size))
		return s.placeMeta(&nd, ranges, unit)
	}
	return s.placeMeta(&nd, nil, 1)
}

func (p *Plan) noSpace(id source.ID, what string) error {
	return &NoSpaceError{Path: p.t.Path(id), What: what}
}

// shape is the form of a directory when its fork has room bytes in the inode.
func (p *Plan) shape(id source.ID, room int) dir.Shape {
	z := dir.NewSizer(p.g)
	for name := range p.t.Entries(id) {
		z.Add(len(name))
	}
	inoSize := 4
	if p.wide() {
		inoSize = 8
	}
	return z.Shape(room, inoSize)
}

// shortAttrs is the size of a node's attributes in shortform, negative when they don't go into it.
func (s *sizer) shortAttrs(id source.ID, l link) (int, error) {
	if s.xattrs(id) == nil && s.links[id] == nil {
		if !s.g.HasParent() || id == 0 {
			return 0, nil
		}
		// The usual case needs no list: one parent pointer.
		return format.AttrSF.Size + format.AttrSFEntry.Size + len(l.name) + format.ParentRec.Size, nil
	}
	attrs, err := s.attributes(id, l, s.scratch[:0])
	if err != nil || len(attrs) == 0 {
		return 0, err
	}
	s.scratch = attrs
	if size, ok := attr.ShortSize(attrs); ok {
		return size, nil
	}
	return -1, nil
}

// xattrs lists what the source, and for the root the options, give a node.
func (p *Plan) xattrs(id source.ID) []source.Xattr {
	if id != 0 || len(p.o.RootXattrs) == 0 {
		return p.t.Xattrs(id)
	}
	return slices.Concat(p.t.Xattrs(id), p.o.RootXattrs)
}

// attributes lists a node's attributes as they are stored: parent pointers, then the others.
// Parents must have their inodes already, which those of first links have.
func (p *Plan) attributes(id source.ID, l link, out []attr.Attr) ([]attr.Attr, error) {
	if p.g.HasParent() && id != 0 {
		links := p.links[id]
		if links == nil {
			links = []link{l}
		}
		for _, l := range links {
			dir := p.nodes[l.dir].ino
			out = append(out, attr.Parent(l.name, dir, p.generation(dir)))
		}
	}
	for _, x := range p.xattrs(id) {
		flags, name, value, err := attr.FromHost(x.Name, x.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.t.Path(id), err)
		}
		out = append(out, attr.Attr{Flags: flags, Name: string(name), Value: value})
	}
	return out, nil
}

// linkRange is the blocks of a symbolic link that isn't in its inode. They have one header for
// each run of blocks, so they must lie in one.
func (p *Plan) linkRange(size int) (ranges []dir.Range, unit uint32) {
	return []dir.Range{{Count: 1}}, uint32(format.RemoteBlocks(p.g.BlockSize, size))
}

// placeMeta places a node's metadata: the blocks of the data fork in ranges, then those of the
// data fork's tree. Ranges count in units of so many blocks, which stay together. Blocks of
// the attribute fork follow later.
func (s *sizer) placeMeta(nd *need, ranges []dir.Range, unit uint32) error {
	var runs []run
	for _, r := range ranges {
		if r.Count > 0 {
			var err error
			if runs, err = s.addMeta(runs, nd.id, uint32(r.Count)*unit, unit); err != nil {
				return err
			}
		}
	}
	if ranges != nil {
		nd.maps = s.recordRanges(nd, ranges, runs, unit)
	}
	if nd.maps*format.BmbtRec.Size > int(nd.p.room) {
		nd.p.flags |= btreeFork
		shape := btree.Shape(btree.Bmbt, s.g.BlockSize, nd.maps, format.RootMaxRecs(int(nd.p.room)))
		first, n := total(runs), uint32(btree.Blocks(shape))
		var err error
		if runs, err = s.addMeta(runs, nd.id, n, 1); err != nil {
			return err
		}
		s.recordBlocks(nd.p, runs, first, format.RmapBmbtBlock, 0)
	}
	s.setRuns(nd.p, runs)
	return nil
}

// setRuns writes down where a node's metadata lies.
func (s *sizer) setRuns(p *nodePlan, runs []run) {
	s.stats.MetaBlocks += uint64(total(runs) - p.count)
	p.count = total(runs)
	switch {
	case p.flags&manyRuns != 0:
		s.metas[p.meta] = runs
	case len(runs) == 1:
		p.meta = runs[0].place
	case len(runs) > 1:
		p.meta = place(len(s.metas))
		p.flags |= manyRuns
		s.metas = append(s.metas, runs)
	}
}

// placeAttrs places the blocks of a node's attribute fork behind its other metadata.
func (s *sizer) placeAttrs(an attrNode) error {
	attrs, err := s.attributes(an.id, an.l, nil)
	if err != nil {
		return err
	}
	p := &s.nodes[an.id]
	var buf [1]run
	runs := append([]run(nil), s.runsOf(p, &buf)...)
	first, n := total(runs), uint32(attr.Measure(s.g, attrs).Blocks())
	if runs, err = s.addMeta(runs, an.id, n, n); err != nil {
		return err
	}
	s.recordBlocks(p, runs, first, format.RmapAttrFork, 1)
	s.setRuns(p, runs)
	return nil
}

// recordBlocks writes down who owns the blocks of runs from first on; the offset word goes up
// by step with each.
func (s *sizer) recordBlocks(p *nodePlan, runs []run, first uint32, offset, step uint64) {
	for i := first; i < total(runs); i++ {
		b := blockOf(runs, i)
		addRmap(&s.groups[b>>32].metaMaps, space.Rmap{Start: format.AGBlock(b), Count: 1, Owner: space.Owner{ID: uint64(p.ino), Offset: offset}})
		offset += step
	}
}

// addMeta takes n blocks of metadata, in one piece if any group has room for it, else in
// pieces of whole units.
func (s *sizer) addMeta(runs []run, id source.ID, n, unit uint32) ([]run, error) {
	take := func(a *agroup, n uint32) {
		at := at(a, a.meta)
		a.meta += n
		if k := len(runs) - 1; k >= 0 && runs[k].place+place(runs[k].count) == at {
			runs[k].count += n
			return
		}
		runs = append(runs, run{at, n})
	}
	cur := s.cur
	if a, ok := s.room(n, 0); ok {
		take(a, n)
		return runs, nil
	}
	s.cur = cur
	for n > 0 {
		a, ok := s.room(unit, 0)
		if !ok {
			return nil, s.noSpace(id, "metadata")
		}
		k := min(n, (a.most-a.used())/unit*unit)
		take(a, k)
		n -= k
	}
	return runs, nil
}

// recordRanges writes down who owns the blocks of a data fork of metadata, and returns the
// number of mappings that it has.
func (s *sizer) recordRanges(nd *need, ranges []dir.Range, runs []run, unit uint32) int {
	maps := 0
	eachMapping(ranges, runs, unit, func(off format.FileOff, r run) {
		addRmap(&s.groups[r.place>>32].metaMaps, space.Rmap{Start: format.AGBlock(r.place), Count: r.count, Owner: space.ForkOwner(nd.p.ino, false, off, false)})
		maps++
	})
	return maps
}

// eachMapping gives the mappings of ranges of a fork that lie in runs, one after the other.
func eachMapping(ranges []dir.Range, runs []run, unit uint32, f func(off format.FileOff, r run)) {
	var left run
	next := 0
	for _, r := range ranges {
		off := r.Off
		for n := uint32(r.Count) * unit; n > 0; {
			if left.count == 0 {
				left = runs[next]
				next++
			}
			k := min(n, left.count, format.MaxExtentLen)
			f(off, run{left.place, k})
			left.place += place(k)
			left.count -= k
			off += format.FileOff(k)
			n -= k
		}
	}
}

func total(runs []run) (n uint32) {
	for _, r := range runs {
		n += r.count
	}
	return n
}

// blockOf is block i of runs.
func blockOf(runs []run, i uint32) place {
	for _, r := range runs {
		if i < r.count {
			return r.place + place(i)
		}
		i -= r.count
	}
	panic("populate: block beyond the planned ones")
}
