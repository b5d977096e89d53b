package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// quotaInodes are the inodes that hold quotas.
func (c *checker) quotaInodes() (list []format.Ino) {
	for _, q := range format.Quotas {
		if ino := q.Ino.Get(c.sb); ino != 0 && ino != format.NullIno {
			list = append(list, ino)
		}
	}
	return list
}

// judgeSpecial judges the inodes that the superblock names. That the root is a directory, and what
// is in it, is judged with the others.
func (c *checker) judgeSpecial(w *worker) {
	for _, q := range format.Quotas {
		c.judgeQuota(w, q.Name, q.Ino.Get(c.sb), format.SBQFlags.Get(c.sb)&q.Kept != 0)
	}
	w.judgeOwn(SpecialInode, "rootino", c.geo.RootIno, format.ModeDir)
	w.judgeOwn(SpecialInode, "rbmino", format.SBRbmIno.Get(c.sb), format.ModeReg)
	w.judgeOwn(SpecialInode, "rsumino", format.SBRsumIno.Get(c.sb), format.ModeReg)
}

// judgeQuota judges whether there is an inode for quotas of one sort, if they are kept.
func (c *checker) judgeQuota(w *worker, field string, ino format.Ino, kept bool) {
	say := func(got, want string) {
		w.report(Finding{Code: QuotaInode, Structure: "superblock", Field: field, Place: NullPlace, Got: got, Want: want})
	}
	switch {
	case ino == 0 || ino == format.NullIno:
		if kept && c.geo.Version&format.VersionQuota != 0 {
			say("none", "an inode for the quotas that qflags speaks of")
		}
		return
	case ino == c.geo.RootIno, ino == format.SBRbmIno.Get(c.sb), ino == format.SBRsumIno.Get(c.sb):
		say(fmt.Sprint(ino), "another inode than those that the volume has anyway")
		return
	}
	w.judgeOwn(QuotaInode, field, ino, format.ModeReg)
	w.report(Finding{Code: QuotaUnchecked, Structure: "superblock", Field: field, Place: InInode(ino)})
	w.incomplete()
}

// judgeOwn judges an inode of the volume's own, which should be a file of a type.
func (w *worker) judgeOwn(code *Code, field string, ino format.Ino, typ uint16) {
	say := func(got string) {
		w.report(Finding{
			Code: code, Structure: "superblock", Field: field, Place: NullPlace, Got: got,
			Want: fmt.Sprintf("an inode of type %s", format.FTypeOf(typ)),
		})
	}
	if !w.geo.ValidIno(ino) {
		if ino == format.NullIno {
			say("null")
		} else {
			say(fmt.Sprintf("%d, which can't be", ino))
		}
		return
	}
	s, ok := w.inodes.spotOf(w.geo, ino)
	if !ok {
		if no, _ := w.geo.SplitIno(ino); w.inodes.groups[no].known {
			say(fmt.Sprintf("%d, which does not exist", ino))
		}
		return
	}
	if s.chunk.free>>s.index&1 != 0 {
		say(fmt.Sprintf("%d, which is free", ino))
		return
	}
	raw := make([]byte, w.geo.InodeSize)
	if !w.read(raw, w.geo.InoOffset(ino), InInode(ino)) || !format.TypeInode.Is(raw) || !format.ChecksumOK(raw, format.DiCRC) {
		return // is reported with all inodes
	}
	switch mode := format.DiMode.Get(raw); {
	case mode == 0:
		say(fmt.Sprintf("%d, which is free", ino))
		return
	case mode&format.ModeType != typ:
		say(fmt.Sprintf("%d, of type %s", ino, format.FTypeOf(mode)))
		return
	}
	// Quotas are not counted in the size, and without a realtime section there is nothing to map.
	if n := format.DiSize.Get(raw); typ == format.ModeReg && n != 0 && (code == QuotaInode || !w.hasRealtime()) {
		w.report(Finding{
			Code: InodeSize, Structure: format.TypeInode.Name, Field: "core.size", Place: InInode(ino),
			Got: fmt.Sprint(n), Want: "0", Note: "of " + field,
		})
	}
	// No entry leads to the files among them, and each has one link all the same.
	if n := format.DiNLink.Get(raw); typ == format.ModeReg && n != 1 {
		w.report(Finding{
			Code: LinkCount, Structure: format.TypeInode.Name, Field: "core.nlinkv2", Place: InInode(ino),
			Got: fmt.Sprint(n), Want: "1",
		})
	}
}
