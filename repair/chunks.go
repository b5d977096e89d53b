package repair

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// readHeaders reads the group's AGF and AGI, as far as they are worth anything.
func (m *model) readHeaders(a *groupModel) error {
	header := func(t *format.BlockType, sector int) ([]byte, error) {
		b := make([]byte, m.geo.SectSize)
		if _, err := m.dev.ReadAt(b, m.geo.SectorOffset(a.no, sector)); err != nil {
			return nil, err
		}
		if format.Verify(m.geo, t, b, format.InGroup(a.no)) != nil {
			return nil, nil
		}
		return b, nil
	}
	var err error
	if a.agf, err = header(format.TypeAGF, 1); err != nil {
		return err
	}
	if a.agi, err = header(format.TypeAGI, 2); err != nil {
		return err
	}
	for i := range a.unlinked {
		a.unlinked[i] = format.NullAGIno
		if a.agi != nil {
			a.unlinked[i] = format.AGIUnlinked.At(i).Get(a.agi)
		}
	}
	return nil
}

// findChunks finds the group's inodes: from inobt if that can be trusted, else from whatever
// says where inodes are, and from the inodes themselves.
func (m *model) findChunks(a *groupModel) error {
	listed, sound := m.inobtChunks(a)
	if !sound {
		blocks, err := m.scanForInodes(a)
		if err != nil {
			return err
		}
		listed = m.joinChunks(a, listed, blocks)
	}
	a.chunks = listed
	return nil
}

// inobtChunks reads the chunks from inobt, and when that is damaged from finobt too. sound says
// that there is no reason to doubt them.
func (m *model) inobtChunks(a *groupModel) (list []chunk, sound bool) {
	if a.agi == nil {
		return nil, false
	}
	byStart := map[format.AGIno]chunk{}
	inodes := uint32(0)
	read := func(k *btree.Kind, root format.AGBlock, levels uint32) bool {
		s := &salvage{model: m, kind: k, ag: a.no}
		s.visit = func(rec []byte) {
			c := chunk{start: format.InoRecStart.Get(rec), free: format.InoRecFree.Get(rec)}
			if m.geo.HasSparse() {
				c.holes = format.InoRecHoleMask.Get(rec)
			}
			if !m.possible(a, c) {
				s.damaged = true
				return
			}
			switch _, ok := byStart[c.start]; {
			case !ok:
				byStart[c.start] = c
			case k == btree.Inobt: // in the place of another one, maybe
				s.damaged = true
			}
			for i := range format.InodesPerChunk {
				if c.exists(i) {
					inodes++
				}
			}
		}
		s.root(uint64(root), int(levels))
		return !s.damaged
	}
	sound = read(btree.Inobt, format.AGIRoot.Get(a.agi), format.AGILevel.Get(a.agi)) && inodes == format.AGICount.Get(a.agi)
	if !sound && m.geo.HasFinobt() {
		read(btree.Finobt, format.AGIFreeRoot.Get(a.agi), format.AGIFreeLevel.Get(a.agi))
	}
	for _, c := range byStart {
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y chunk) int { return cmp.Compare(x.start, y.start) })
	for i := 1; i < len(list); i++ {
		if list[i].start < list[i-1].start+format.InodesPerChunk {
			sound = false
		}
	}
	return list, sound
}

// possible reports whether a chunk can be where a record says it is.
func (m *model) possible(a *groupModel, c chunk) bool {
	first := m.geo.InoBlock(c.start)
	last := m.geo.InoBlock(c.start + format.InodesPerChunk - 1)
	aligned := c.start%format.AGIno(min(m.geo.InodesPerBlock(), format.InodesPerChunk)) == 0
	return aligned && first >= m.geo.HeaderBlocks() && last >= first && uint32(last) < m.geo.AGLen(a.no) && c.holes != 0xffff
}

// scanUnit is how many bytes are read at once in the search for inodes.
const scanUnit = 1 << 20

// scanForInodes lists the blocks of a group that hold inodes.
func (m *model) scanForInodes(a *groupModel) (found []format.AGBlock, err error) {
	buf := make([]byte, scanUnit)
	for _, e := range m.whereInodesMayBe(a) {
		at := m.geo.AGOffset(a.no, e.Start)
		end := at + int64(e.Count)<<m.geo.BlockLog
		for at < end {
			// What was never written holds no inodes.
			if at, err = device.SeekData(m.dev, at); errors.Is(err, io.EOF) || err == nil && at >= end {
				break
			}
			if err != nil {
				return nil, err
			}
			at = at >> m.geo.BlockLog << m.geo.BlockLog
			p := buf[:min(int64(len(buf)), end-at)]
			if _, err := m.dev.ReadAt(p, at); err != nil {
				return nil, err
			}
			first := e.Start + format.AGBlock((at-m.geo.AGOffset(a.no, e.Start))>>m.geo.BlockLog)
			for i := 0; i < len(p); i += m.geo.BlockSize {
				b := first + format.AGBlock(i>>m.geo.BlockLog)
				if m.holdsInodes(a.no, b, p[i:i+m.geo.BlockSize]) {
					found = append(found, b)
				}
			}
			at += int64(len(p))
		}
	}
	return found, nil
}

// whereInodesMayBe is the blocks to search: those that rmapbt says are of inodes if it can be
// read, else all of the group.
func (m *model) whereInodesMayBe(a *groupModel) (list []space.Rmap) {
	if m.geo.HasRmapbt() && a.agf != nil {
		s := &salvage{model: m, kind: btree.Rmapbt, ag: a.no}
		s.visit = func(rec []byte) {
			r := space.UnpackRmap(rec)
			if r.Count == 0 || uint64(r.Start)+uint64(r.Count) > uint64(m.geo.AGLen(a.no)) {
				s.damaged = true
			} else if r.ID == format.OwnInodes {
				list = append(list, r)
			}
		}
		s.root(uint64(format.AGFRmapRoot.Get(a.agf)), int(format.AGFRmapLevel.Get(a.agf)))
		if !s.damaged {
			return list
		}
	}
	first := m.geo.HeaderBlocks()
	return []space.Rmap{{Start: first, Count: m.geo.AGLen(a.no) - uint32(first)}}
}

// holdsInodes reports whether a block is one of inodes: all carry the magic number, and one at
// least is sound and says that it belongs there.
func (m *model) holdsInodes(ag format.AGNumber, block format.AGBlock, b []byte) bool {
	first := m.geo.Ino(ag, format.AGIno(block)<<m.geo.InoPBLog)
	sound := false
	for i := range m.geo.InodesPerBlock() {
		p := b[i<<m.geo.InodeLog:][:m.geo.InodeSize]
		if !format.TypeInode.Is(p) {
			return false
		}
		sound = sound || format.DiIno.Get(p) == first+format.Ino(i) && format.ChecksumOK(p, format.DiCRC)
	}
	return sound
}

// joinChunks makes chunks of listed ones and of blocks that hold inodes. A listed chunk counts
// when any of its blocks does hold inodes; a chunk that nobody lists counts when one of its
// inodes is in use, since those of a chunk that was given up may still lie there.
func (m *model) joinChunks(a *groupModel, listed []chunk, blocks []format.AGBlock) (out []chunk) {
	have := map[format.AGBlock]bool{}
	for _, b := range blocks {
		have[b] = true
	}
	taken := map[format.AGIno]bool{} // inodes of chunks, each 4th
	add := func(c chunk, known bool) {
		c.holes = 0
		for k := range 16 {
			i := c.start + format.AGIno(k*inodesPerHole)
			if !have[m.geo.InoBlock(i)] || taken[i] {
				c.holes |= 1 << k
			}
		}
		if c.holes == 0xffff || c.holes != 0 && !m.geo.HasSparse() && !known || !known && !m.anyUsed(a, c) {
			return
		}
		if !m.geo.HasSparse() {
			c.holes = 0
		}
		for k := range 16 {
			if c.exists(k * inodesPerHole) {
				taken[c.start+format.AGIno(k*inodesPerHole)] = true
			}
		}
		out = append(out, c)
	}
	for _, c := range listed {
		add(c, true)
	}
	for _, b := range blocks {
		for i := 0; i < m.geo.InodesPerBlock(); i += min(m.geo.InodesPerBlock(), format.InodesPerChunk) {
			start := format.AGIno(b)<<m.geo.InoPBLog + format.AGIno(i)
			if taken[start] {
				continue
			}
			if m.geo.HasSparse() {
				start -= start % format.InodesPerChunk
			}
			// A block of several chunks is one of inodes as a whole.
			known := m.geo.InodesPerBlock() > format.InodesPerChunk && m.blockUsed(a, b)
			add(chunk{start: start}, known)
		}
	}
	slices.SortFunc(out, func(x, y chunk) int { return cmp.Compare(x.start, y.start) })
	return out
}

// blockUsed reports whether any inode of a block that has several chunks is in use.
func (m *model) blockUsed(a *groupModel, b format.AGBlock) bool {
	for i := 0; i < m.geo.InodesPerBlock(); i += format.InodesPerChunk {
		if m.anyUsed(a, chunk{start: format.AGIno(b)<<m.geo.InoPBLog + format.AGIno(i)}) {
			return true
		}
	}
	return false
}

// anyUsed reports whether a chunk has an inode that is in use.
func (m *model) anyUsed(a *groupModel, c chunk) bool {
	b := make([]byte, m.geo.InodeSize)
	for i := range format.InodesPerChunk {
		if !c.exists(i) {
			continue
		}
		ino := m.geo.Ino(a.no, c.start+format.AGIno(i))
		if _, err := m.dev.ReadAt(b, m.geo.InoOffset(ino)); err != nil {
			continue
		}
		if format.TypeInode.Is(b) && format.DiIno.Get(b) == ino && format.DiMode.Get(b) != 0 && format.ChecksumOK(b, format.DiCRC) {
			return true
		}
	}
	return false
}
