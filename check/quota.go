package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// quotaFields are the superblock's fields that name the inodes of quotas.
var quotaFields = [...]struct {
	name string
	at   format.U64[format.Ino]
}{{"uquotino", format.SBUQuotIno}, {"gquotino", format.SBGQuotIno}, {"pquotino", format.SBPQuotIno}}

// quotaInodes are the inodes that hold quotas.
func (c *checker) quotaInodes() (list []format.Ino) {
	for _, f := range quotaFields {
		if ino := f.at.Get(c.sb); ino != 0 && ino != format.NullIno {
			list = append(list, ino)
		}
	}
	return list
}

// judgeSpecial judges the inodes that the superblock names. That the root is a directory, and what
// is in it, is judged with the others.
func (c *checker) judgeSpecial(w *worker) {
	quotas := false
	for _, f := range quotaFields {
		if ino := f.at.Get(c.sb); ino != 0 && ino != format.NullIno {
			quotas = true
			w.judgeOwn(QuotaInode, f.name, ino, format.ModeReg)
		}
	}
	if quotas {
		w.report(Finding{Code: QuotaUnchecked, Structure: "superblock", Place: NullPlace})
		w.incomplete()
	}
	w.judgeOwn(SpecialInode, "rootino", c.geo.RootIno, format.ModeDir)
	w.judgeOwn(SpecialInode, "rbmino", format.SBRbmIno.Get(c.sb), format.ModeReg)
	w.judgeOwn(SpecialInode, "rsumino", format.SBRsumIno.Get(c.sb), format.ModeReg)
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
	if !w.read(raw, w.geo.InoOffset(ino), InInode(ino)) || format.Verify(w.geo, format.TypeInode, raw, format.InInode(ino)) != nil {
		return // is reported with all inodes
	}
	if mode := format.DiMode.Get(raw); mode != 0 && mode&format.ModeType != typ {
		say(fmt.Sprintf("%d, of type %s", ino, format.FTypeOf(mode)))
		return
	}
	// No entry leads to the files among them, and each has one link all the same.
	if n := format.DiNLink.Get(raw); typ == format.ModeReg && n != 1 {
		w.report(Finding{
			Code: LinkCount, Structure: format.TypeInode.Name, Field: "core.nlinkv2", Place: InInode(ino),
			Got: fmt.Sprint(n), Want: "1",
		})
	}
}
