package populate

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
	"github.com/cowfs/cowfs/space"
)

// placeData gives the content of a regular file its blocks.
func (s *sizer) placeData(nd *need) error {
	s.pieces = s.pieces[:0]
	ranges := s.t.Extents(nd.id)
	if ranges == nil {
		ranges = []source.Range{{Len: nd.n.Size}}
	}
	end := uint64(0) // the first block that no range has touched
	for _, r := range ranges {
		first := max(uint64(r.Off)>>s.g.BlockLog, end)
		end = max(s.g.BlocksUp(uint64(r.End())), first)
		if r.Unwritten {
			// A block that also holds data belongs to the range with the data.
			first = max(first, s.g.BlocksUp(uint64(r.Off)))
			if r.End() < nd.n.Size {
				end = uint64(r.End()) >> s.g.BlockLog
			}
			end = max(end, first)
		}
		if err := s.placeRange(nd.id, first, end, r.Unwritten); err != nil {
			return err
		}
	}
	s.extents = joinPieces(s.extents[:0], s.pieces)
	nd.maps = len(s.extents)
	s.recordExtents(nd)
	switch {
	case len(s.pieces) == 0:
	case s.isSimple(nd.n):
		nd.p.data = s.pieces[0].place
	default:
		nd.p.flags |= manyPieces
		nd.p.data = place(len(s.Plan.pieces))
		s.Plan.pieces = append(s.Plan.pieces, append([]piece(nil), s.pieces...))
	}
	return nil
}

// isSimple reports whether a file's data are one written run that its size alone describes.
func (s *sizer) isSimple(n *source.Node) bool {
	q := s.pieces[0]
	return len(s.pieces) == 1 && !q.unwritten && !q.copied && q.off == 0 && uint64(q.count) == s.g.BlocksUp(uint64(n.Size))
}

// placeRange places blocks first to end of a file.
func (s *sizer) placeRange(id source.ID, first, end uint64, unwritten bool) error {
	if s.dup == nil || unwritten {
		return s.newBlocks(id, first, end, unwritten)
	}
	for _, d := range s.dup.of(id, first, end) {
		if err := s.newBlocks(id, first, d.off, false); err != nil {
			return err
		}
		s.sharedBlocks(id, d)
		first = d.off + d.count
	}
	return s.newBlocks(id, first, end, false)
}

// newBlocks gives blocks of a file places of their own, in as few groups as possible.
func (s *sizer) newBlocks(id source.ID, first, end uint64, unwritten bool) error {
	for first < end {
		a, ok := s.room(1, 0)
		if !ok {
			return s.noSpace(id, "data")
		}
		limit := a.most
		if a.share > a.used() && uint64(a.share-a.used()) < end-first {
			limit = a.share // go on in the next group
		}
		n := uint32(min(end-first, uint64(limit-a.used()), format.MaxExtentLen))
		s.addPiece(piece{run: run{at(a, a.data), n}, off: format.FileOff(first), unwritten: unwritten})
		a.data += n
		s.stats.DataBlocks += uint64(n)
		if !unwritten {
			s.bytes += int64(n) << s.g.BlockLog
		}
		first += uint64(n)
	}
	return nil
}

// addPiece appends a piece, joined with the last one where they are one extent and treated alike.
func (s *sizer) addPiece(q piece) {
	if k := len(s.pieces) - 1; k >= 0 && s.pieces[k].copied == q.copied && s.pieces[k].join(q) {
		return
	}
	s.pieces = append(s.pieces, q)
}

// join makes q, if it goes on where l ends, a part of l.
func (l *piece) join(q piece) bool {
	if l.place+place(l.count) != q.place || l.off+format.FileOff(l.count) != q.off ||
		l.unwritten != q.unwritten || uint64(l.count)+uint64(q.count) > format.MaxExtentLen {
		return false
	}
	l.count += q.count
	l.copied = l.copied || q.copied
	return true
}

// joinPieces appends to out the extents that pieces are on disk: new blocks may lie just
// behind copied ones.
func joinPieces(out, pieces []piece) []piece {
	for _, q := range pieces {
		if k := len(out) - 1; k < 0 || !out[k].join(q) {
			out = append(out, q)
		}
	}
	return out
}

// recordExtents writes down who owns the blocks.
func (s *sizer) recordExtents(nd *need) {
	var last space.Rmap
	var a *agroup
	copied := false
	flush := func() {
		switch {
		case last.Count == 0:
		case copied: // not in the order of blocks
			a.shared = append(a.shared, last)
		default:
			addRmap(&a.dataMaps, last)
		}
	}
	for _, q := range s.extents {
		r := space.Rmap{Start: format.AGBlock(q.place), Count: q.count, Owner: space.ForkOwner(nd.p.ino, false, q.off, q.unwritten)}
		if g := s.groups[q.place>>32]; g == a && last.Joins(r) {
			last.Count += r.Count
			copied = copied || q.copied
		} else {
			flush()
			a, last, copied = g, r, q.copied
		}
	}
	flush()
}

// piecesOf lists the data of a regular file, in order of offset. buf is used for the usual case
// of one piece.
func (p *Plan) piecesOf(id source.ID, buf *[1]piece) []piece {
	n, np := p.t.Node(id), &p.nodes[id]
	if np.flags&manyPieces != 0 {
		return p.pieces[np.data]
	}
	if n.Size == 0 || !isReg(n) || len(p.t.Extents(id)) == 0 && p.t.Extents(id) != nil {
		return nil
	}
	buf[0] = piece{run: run{np.data, uint32(p.g.BlocksUp(uint64(n.Size)))}}
	return buf[:]
}

// dataBlock is the absolute number of a block of file data.
func (p *Plan) dataBlock(at place) format.FSBlock {
	a := p.groups[at>>32]
	return p.g.FSB(a.no, a.dataBase()+format.AGBlock(uint32(at)))
}

// metaBlock is the absolute number of a block of metadata.
func (p *Plan) metaBlock(at place) format.FSBlock {
	a := p.groups[at>>32]
	return p.g.FSB(a.no, a.metaBase()+format.AGBlock(uint32(at)))
}

// runsOf lists where a node's metadata lies.
func (p *Plan) runsOf(np *nodePlan, buf *[1]run) []run {
	switch {
	case np.flags&manyRuns != 0:
		return p.metas[np.meta]
	case np.count == 0:
		return nil
	}
	buf[0] = run{np.meta, np.count}
	return buf[:]
}
