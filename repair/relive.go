package repair

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// What rmapbt still tells of an inode that was overwritten: which blocks are its, at which offsets.
// So its contents come back, although owner, permissions, times and attributes are lost.

// relive makes an inode that was overwritten anew, when rmapbt has blocks of it. Names that lead to
// it stay.
func (s *scan) relive(ino format.Ino, b []byte) bool {
	if !s.geo.HasRmapbt() {
		return false
	}
	s.once.Do(s.readDataOwners)
	maps := s.data[ino]
	if len(maps) == 0 {
		return false
	}
	slices.SortFunc(maps, func(x, y format.Mapping) int { return cmp.Compare(x.Off, y.Off) })
	typ, ok := s.typeOf(ino, maps)
	if !ok {
		return false
	}
	var end, leaf format.FileOff
	for _, m := range maps {
		if !m.Unwritten {
			end = m.End()
		}
		if m.Off < format.FileOff(format.DirLeafSpace>>s.geo.BlockLog) {
			leaf = m.End()
		}
	}
	s.clear(ino, b)
	format.DiFormat.Put(b, format.FmtExtents)
	format.DiAFormat.Put(b, format.FmtExtents)
	format.DiMode.Put(b, typ|revivedMode)
	format.DiNLink.Put(b, 1)
	format.DiSize.Put(b, uint64(end)<<s.geo.BlockLog)
	why := "owner, permissions, times, attributes and exact size: the inode was overwritten"
	if typ == format.ModeDir {
		format.DiNLink.Put(b, 2)
		format.DiSize.Put(b, uint64(leaf)<<s.geo.BlockLog)
		why = "owner, permissions, times and attributes: the inode was overwritten"
	}
	inode.Seal(b)
	if format.Verify(s.geo, format.TypeInode, b, format.InInode(ino)) != nil {
		return false
	}
	s.mu.Lock()
	s.remaps[forkID{ino: ino}] = &remap{} // recall has the mappings
	s.mu.Unlock()
	s.report.inode(ino, "make an overwritten inode anew", "of the blocks that rmapbt has for it")
	s.report.lost(ino, -1, 0, why)
	return true
}

// readDataOwners notes what data forks have by rmapbt.
func (m *model) readDataOwners() {
	m.data = map[format.Ino][]format.Mapping{}
	for no := range format.AGNumber(m.geo.AGCount) {
		a := &groupModel{no: no}
		if m.readHeaders(a) != nil {
			continue
		}
		m.readOwners(a, func(r space.Rmap) {
			if format.OwnerIsInode(r.ID) && r.Offset&(format.RmapBmbtBlock|format.RmapAttrFork) == 0 {
				ino := format.Ino(r.ID)
				m.data[ino] = append(m.data[ino], mappingsOf(m.geo, no, r)...)
			}
		})
	}
}

// typeOf tells by a file's blocks what it was: a directory's first block, and that of a symbolic
// link, name the inode. ok is false when it can't be told, or is a link, whose length is lost.
func (m *model) typeOf(ino format.Ino, maps []format.Mapping) (typ uint16, ok bool) {
	p := make([]byte, m.geo.BlockSize)
	for _, x := range maps {
		if x.Off != 0 && x.Off < format.FileOff(format.DirLeafSpace>>m.geo.BlockLog) {
			continue
		}
		if _, err := m.dev.ReadAt(p, m.geo.Offset(x.Start)); err != nil {
			return 0, false
		}
		t := format.Detect(m.geo, p)
		switch {
		case t == nil:
		case x.Off > 0, t == format.TypeSymlink:
			return 0, false // a directory whose first block is lost, for one
		case (t == format.TypeDirBlock || t == format.TypeDirData) && format.DirOwner.Get(p) == ino:
			return format.ModeDir, true
		}
	}
	return format.ModeReg, true
}
