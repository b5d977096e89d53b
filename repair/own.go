package repair

import (
	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// The volume's own inodes are the root directory and, right behind it, two that a realtime section
// would need. The superblock names them.

// correctOwn corrects what a sound superblock says of them: where most of its own fields and its
// copies have the root, and the others behind it.
func correctOwn(copies [][]byte, dev device.Device, g *format.Geometry, sb []byte, r *Result) (changed bool) {
	votes := map[format.Ino]int{}
	vote := func(ino format.Ino) {
		if g.ValidIno(ino) && isDir(dev, g, ino) {
			votes[ino]++
		}
	}
	root := format.SBRootIno.Get(sb)
	vote(root)
	vote(format.SBRbmIno.Get(sb) - 1)
	vote(format.SBRsumIno.Get(sb) - 2)
	for _, c := range copies {
		vote(format.SBRootIno.Get(c)) // of most copies it is null
	}
	for ino, n := range votes {
		if n > votes[root] || n == votes[root] && ino < root {
			root = ino
		}
	}
	if !g.ValidIno(root) {
		return false
	}
	for _, f := range [...]struct {
		name string
		at   format.U64[format.Ino]
		want format.Ino
	}{{"rootino", format.SBRootIno, root}, {"rbmino", format.SBRbmIno, root + 1}, {"rsumino", format.SBRsumIno, root + 2}} {
		if f.at.Get(sb) != f.want {
			f.at.Put(sb, f.want)
			r.group(0, "correct the superblock", f.name)
			changed = true
		}
	}
	if changed {
		format.SetChecksum(sb, format.SBCRC)
	}
	return changed
}

// correctQuota takes from a superblock inodes of quota that are files of somebody's: their contents
// tell, or attributes, which are parent pointers most of the time.
func correctQuota(dev device.Device, g *format.Geometry, sb []byte, r *Result) (changed bool) {
	for _, q := range format.Quotas {
		ino := q.Ino.Get(sb)
		if ino == 0 || ino == format.NullIno || !g.ValidIno(ino) || !isFile(dev, g, ino) {
			continue
		}
		q.Ino.Put(sb, 0)
		r.group(0, "correct the superblock", q.Name+" was a file")
		changed = true
	}
	if changed {
		if len(specials(sb)) == 2 { // those of the realtime section
			// Linux makes new ones, when it is mounted with quotas.
			format.SBVersionNum.Put(sb, format.SBVersionNum.Get(sb)&^format.VersionQuota)
			format.SBQFlags.Put(sb, 0)
		}
		format.SetChecksum(sb, format.SBCRC)
	}
	return changed
}

// isFile reports whether an inode is surely something else than one of quota.
func isFile(dev device.Device, g *format.Geometry, ino format.Ino) bool {
	i, err := inode.Source{Geo: g, Dev: dev}.Read(ino)
	if err != nil {
		return false
	}
	if !i.IsRegular() || format.DiForkOff.Get(i.Raw) != 0 {
		return true
	}
	f, err := i.Fork(inode.Data)
	if err != nil {
		return false
	}
	for m, err := range f.All() {
		b := make([]byte, format.Dquot.Size)
		if err == nil {
			_, err = dev.ReadAt(b, g.Offset(m.Start))
		}
		return err == nil && !format.TypeDquot.Is(b)
	}
	return false
}

// isDir reports whether a directory's inode lies where an inode number says.
func isDir(dev device.Device, g *format.Geometry, ino format.Ino) bool {
	b := make([]byte, g.InodeSize)
	if _, err := dev.ReadAt(b, g.InoOffset(ino)); err != nil {
		return false
	}
	return format.TypeInode.Is(b) && format.DiIno.Get(b) == ino && format.DiMode.Get(b)&format.ModeType == format.ModeDir
}

// isOwn reports whether an inode is one of the volume's own.
func (m *model) isOwn(ino format.Ino) bool {
	return ino >= m.geo.RootIno && ino <= m.geo.RootIno+2
}

// renews makes one of the volume's own inodes anew when it is overwritten or free.
func (s *scan) renews(ino format.Ino, b []byte) bool {
	switch {
	case !s.isOwn(ino):
		return false
	case !format.TypeInode.Is(b):
		s.renew(ino, b, "it was overwritten")
	case format.DiMode.Get(b) == 0 && !leftover(b):
		s.renew(ino, b, "it said that it was free")
	default:
		return false
	}
	return true
}

// renew makes one of the volume's own inodes anew. What the blocks of the root directory hold comes
// back by rmapbt, and its other names by the parent pointers of what they led to.
func (s *scan) renew(ino format.Ino, b []byte, why string) {
	s.clear(ino, b)
	format.DiMode.Put(b, format.ModeReg)
	format.DiNLink.Put(b, 1)
	format.DiFormat.Put(b, format.FmtExtents)
	format.DiAFormat.Put(b, format.FmtExtents)
	s.report.inode(ino, "make one of the volume's own inodes anew", why)
	if ino == s.geo.RootIno {
		format.DiMode.Put(b, format.ModeDir|0o755)
		format.DiNLink.Put(b, 2)
		format.DiSize.Put(b, uint64(s.geo.DirBlockSize))
		s.report.lost(ino, -1, 0, "owner, permissions, times and attributes of the root directory")
		s.mu.Lock()
		s.remaps[forkID{ino: ino}] = &remap{}
		s.mu.Unlock()
	}
	inode.Seal(b)
}

// mendOwn makes one of the volume's own inodes what it should be. One that is free, or not there,
// comes with the inode trees.
func mendOwn(j *job, f check.Finding) error {
	ino, typ := j.geo.RootIno, uint16(format.ModeDir)
	switch f.Field {
	case "rbmino":
		ino, typ = ino+1, format.ModeReg
	case "rsumino":
		ino, typ = ino+2, format.ModeReg
	}
	f.Structure, f.Field, f.Place = format.TypeInode.Name, "core.mode", check.InInode(ino)
	return j.edit(f, func(_ *format.BlockType, b []byte) error {
		mode := format.DiMode.Get(b)
		if mode == 0 || mode&format.ModeType == typ || format.DiIno.Get(b) != ino {
			return nil
		}
		format.DiMode.Put(b, mode&^format.ModeType|typ)
		if typ == format.ModeReg {
			format.DiSize.Put(b, 0)
			format.DiNLink.Put(b, 1)
			format.DiForkOff.Put(b, 0)
			format.DiFormat.Put(b, format.FmtExtents)
			format.DiAFormat.Put(b, format.FmtExtents)
			format.DiNBlocks.Put(b, 0)
			format.PutNExtents(b, 0, 0)
			clear(b[format.Dinode.Size:])
		}
		return nil
	})
}
