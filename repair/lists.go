package repair

import "github.com/cowfs/cowfs/format"

// checkLists cuts the lists of inodes without names where they go wrong. What is cut off is found
// again when names are mended: it has none.
func (m *model) checkLists() error {
	for _, a := range m.groups {
		seen := map[format.AGIno]bool{}
		for bucket := range a.unlinked {
			if err := m.checkList(a, bucket, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkList follows one list.
func (m *model) checkList(a *groupModel, bucket int, seen map[format.AGIno]bool) error {
	b := make([]byte, m.geo.InodeSize)
	prev := format.NullAGIno
	for i := a.unlinked[bucket]; i != format.NullAGIno; {
		ok := a.uses(i) && int(i%format.AGIBuckets) == bucket && !seen[i]
		if ok {
			if _, err := m.dev.ReadAt(b, m.geo.InoOffset(m.geo.Ino(a.no, i))); err != nil {
				return err
			}
			ok = format.DiNLink.Get(b) == 0
		}
		if !ok {
			m.report.group(a.no, "cut a list of inodes without names", "")
			return m.endList(a, bucket, prev)
		}
		seen[i] = true
		prev, i = i, format.DiNextUnlinked.Get(b)
	}
	return nil
}

// endList makes an inode the last of a list, or the list empty.
func (m *model) endList(a *groupModel, bucket int, last format.AGIno) error {
	if last == format.NullAGIno {
		a.unlinked[bucket] = format.NullAGIno
		return nil
	}
	b := make([]byte, m.geo.InodeSize)
	off := m.geo.InoOffset(m.geo.Ino(a.no, last))
	if _, err := m.dev.ReadAt(b, off); err != nil {
		return err
	}
	format.DiNextUnlinked.Put(b, format.NullAGIno)
	format.SetChecksum(b, format.DiCRC)
	_, err := m.dev.WriteAt(b, off)
	return err
}

// uses reports whether an inode of the group is in use.
func (a *groupModel) uses(i format.AGIno) bool {
	for k := range a.chunks {
		if c := &a.chunks[k]; c.start <= i && i < c.start+format.InodesPerChunk {
			return c.free>>(i-c.start)&1 == 0
		}
	}
	return false
}
