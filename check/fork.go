package check

import (
	"fmt"
	"slices"
	"sort"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// forkScan is one fork of a file as it is looked at.
type forkScan struct {
	f    *file
	attr bool
	// keep says that mappings are needed again, to read what the fork holds; maps are those that
	// can be, in order of offset and without overlap.
	keep bool
	maps []format.Mapping

	unreadable bool // the inode does not say where it is
	partial    bool // some mappings could not be read, or lead nowhere
	count      uint64
	blocks     uint64 // mapped, and of the tree
	last       format.Mapping
	next       format.FileOff // behind all mappings so far
	after      format.FileOff // behind the last one, which the next one has to be, too
	shares     bool           // refcountbt says that blocks have other owners
	hint       int            // mapping that was looked up last

	read forkBlocks
}

func (s *forkScan) reset(f *file, attr, keep bool) {
	*s = forkScan{f: f, attr: attr, keep: keep, maps: s.maps[:0], read: forkBlocks{b: s.read.b}}
}

// name is what the fork's mappings are called in the inode.
func (s *forkScan) name() string {
	if s.attr {
		return "a"
	}
	return "u3"
}

// scan goes over all mappings.
func (s *forkScan) scan() {
	b := s.f.raw
	data, attr := format.Forks(b)
	fork, form := data, format.DiFormat.Get(b)
	count, attrCount := format.NExtents(b)
	if s.attr {
		fork, form, count = attr, format.DiAFormat.Get(b), uint64(attrCount)
	}
	switch {
	case s.unreadable:
		s.partial = true
	case len(fork) == 0:
	case form == format.FmtExtents:
		room := uint64(len(fork) / format.BmbtRec.Size)
		for i := range int(min(count, room)) {
			s.mapping(format.UnpackMapping(fork[i*format.BmbtRec.Size:]), false, nil, i)
		}
	case form == format.FmtBtree:
		s.scanTree(fork, count)
	}
	if s.partial {
		s.f.w.unknown(format.NullAGNumber, uint64(s.f.ino))
	}
}

// scanTree goes over the mappings in a B+tree.
func (s *forkScan) scanTree(fork []byte, count uint64) {
	t := treeWalk{w: s.f.w, kind: btree.Bmbt, ino: s.f.ino, at: InInode(s.f.ino), fork: fork}
	if s.f.w.files.look == nil {
		t.owner = space.BmbtOwner(s.f.ino, s.attr)
	}
	t.visit = func(rec []byte) { s.mapping(format.UnpackMapping(rec), true, &t, 0) }
	complete := t.run()
	s.blocks += uint64(t.blocks)
	if !complete {
		s.partial = true
		return
	}
	if s.count != count {
		field := "core.nextents"
		if s.attr {
			field = "core.naextents"
		}
		s.f.say(InodeExtents, field, count, s.count)
	}
}

// mapping takes the next mapping: of a tree's leaf, which was not judged yet, or number i in the
// inode, which was.
func (s *forkScan) mapping(m format.Mapping, judge bool, t *treeWalk, i int) {
	w := s.f.w
	rt := !s.attr && s.f.realtime()
	s.count++
	s.blocks += uint64(m.Count)
	if w.firstLook() {
		w.stats.Extents++
	}
	if judge {
		if field, want := format.CheckMapping(w.geo, m, s.after, s.attr, rt); field != "" {
			at := t.place(t.here)
			at.Offset = int64(min(m.Off, format.MaxFileOff-1) << w.geo.BlockLog)
			w.report(Finding{
				Code: ForkMapping, Structure: format.TypeBmbt.Name, Place: at,
				Field: fmt.Sprintf("recs[%d].%s", t.index, field), Got: showMapping(m), Want: want,
			})
		}
	}
	if m.Count == 0 || m.End() > format.MaxFileOff {
		s.partial = true
		return
	}
	s.after = m.End()
	switch {
	case rt:
		s.next = max(s.next, m.End())
		return
	case !w.geo.Allocatable(m.Start, uint64(m.Count)):
		s.partial = true
		s.next = max(s.next, m.End())
		return
	}
	s.judgeJoin(m, i, t)
	if s.keep && m.Off >= s.next {
		s.maps = append(s.maps, m)
	}
	s.next, s.last = max(s.next, m.End()), m
	if w.files.look != nil {
		return // has been said
	}
	owner := space.ForkOwner(s.f.ino, s.attr, m.Off, m.Unwritten)
	ag, start := w.geo.AG(m.Start), w.geo.AGB(m.Start)
	if s.attr || !s.f.regular() {
		w.own(ag, start, m.Count, owner)
	} else if w.share(ag, start, m.Count, owner) {
		s.shares = true
	}
}

// showMapping shows a mapping as fields and findings have it.
func showMapping(m format.Mapping) string {
	s := fmt.Sprintf("offset %d, %d blocks at %d", m.Off, m.Count, m.Start)
	if m.Unwritten {
		s += ", unwritten"
	}
	return s
}

// judgeJoin judges whether a mapping should be one with that before it.
func (s *forkScan) judgeJoin(m format.Mapping, i int, t *treeWalk) {
	p := s.last
	if p.Count == 0 || p.End() != m.Off || p.Start+format.FSBlock(p.Count) != m.Start || p.Unwritten != m.Unwritten ||
		p.Count+m.Count > format.MaxExtentLen {
		return
	}
	at, field := InInode(s.f.ino), fmt.Sprintf("%s.bmx[%d]", s.name(), i)
	if t != nil {
		at, field = t.place(t.here), fmt.Sprintf("recs[%d]", t.index)
	}
	at.Offset = int64(m.Off << s.f.w.geo.BlockLog)
	s.f.w.report(Finding{
		Code: ForkMergeable, Structure: format.TypeInode.Name, Field: field, Place: at,
		Got: showMapping(p) + "; " + showMapping(m), Want: "one mapping",
	})
}

// find returns the mapping that covers off.
func (s *forkScan) find(off format.FileOff) (m format.Mapping, ok bool) {
	if s.hint < len(s.maps) {
		if m = s.maps[s.hint]; m.Off <= off && off < m.End() {
			return m, true
		}
	}
	i := sort.Search(len(s.maps), func(i int) bool { return s.maps[i].End() > off })
	if i == len(s.maps) || s.maps[i].Off > off {
		return format.Mapping{}, false
	}
	s.hint = i
	return s.maps[i], true
}

// mapped reports how many of n blocks from off on are mapped and written.
func (s *forkScan) mapped(off format.FileOff, n int) (have int) {
	for have < n {
		m, ok := s.find(off + format.FileOff(have))
		if !ok || m.Unwritten {
			break
		}
		have += int(min(m.End()-off-format.FileOff(have), format.FileOff(n-have)))
	}
	return have
}

// readAhead is how many bytes of a fork are read at once where it is read in order.
const readAhead = 256 << 10

// forkBlocks are blocks of a fork that were read, from one on.
type forkBlocks struct {
	b    []byte
	from format.FileOff
	have int // blocks
	at   format.FSBlock
}

// block returns n blocks of the fork from off on, which are mapped, and where the first one lies.
// ahead says that those behind it will be wanted, too. ok is false when reading failed, which was
// reported. The bytes are valid until the next call.
func (s *forkScan) block(off format.FileOff, n int, ahead bool) (b []byte, at format.FSBlock, ok bool) {
	most := n
	if ahead {
		most = max(readAhead>>s.f.w.geo.BlockLog, n)
	}
	return s.read.block(s, off, n, most)
}

// block is as in forkScan, with the most blocks that may be read.
func (r *forkBlocks) block(s *forkScan, off format.FileOff, n, most int) (b []byte, at format.FSBlock, ok bool) {
	w := s.f.w
	log := w.geo.BlockLog
	if off >= r.from && off < r.from+format.FileOff(r.have) && int(off-r.from)+n <= r.have {
		i := int(off - r.from)
		return r.b[i<<log:][:n<<log], r.at + format.FSBlock(i), true
	}
	m, found := s.find(off)
	if !found {
		return nil, 0, false
	}
	run := int(min(m.End()-off, format.FileOff(most)))
	run = max(run-run%n, n)
	r.b = slices.Grow(r.b[:0], run<<log)[:run<<log]
	r.have = 0
	for done := 0; done < run; {
		here := off + format.FileOff(done)
		m, found := s.find(here)
		if !found {
			return nil, 0, false
		}
		k := int(min(m.End()-here, format.FileOff(run-done)))
		start := m.Start + format.FSBlock(here-m.Off)
		if done == 0 {
			at = start
		}
		p := AtBlock(w.geo.AG(start), w.geo.AGB(start), uint32(k))
		p.Ino, p.Offset = s.f.ino, int64(here)<<log
		if !w.read(r.b[done<<log:][:k<<log], w.geo.Offset(start), p) {
			return nil, 0, false
		}
		done += k
	}
	r.from, r.have, r.at = off, run, at
	return r.b[:n<<log], at, true
}

// placeOf is the place of a block of the fork.
func (s *forkScan) placeOf(off format.FileOff, at format.FSBlock, n int) Place {
	g := s.f.w.geo
	p := AtBlock(g.AG(at), g.AGB(at), uint32(n))
	p.Ino, p.Offset = s.f.ino, int64(off<<g.BlockLog)
	return p
}
