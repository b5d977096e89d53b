package repair

import (
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// rewriteAttrs writes the attributes of an inode anew, as many as can be found.
func (n *names) rewriteAttrs(ino format.Ino) error {
	i, err := n.src.Read(ino)
	if err != nil {
		return err
	}
	f, err := i.Fork(inode.Attr)
	if err != nil {
		return err
	}
	s := attrSalvage{names: n, ino: i, fork: f, have: map[string]bool{}}
	if f.Local != nil {
		s.short(f.Local)
	} else if err := s.blocks(); err != nil {
		return err
	}
	if err := n.emptyFork(ino, inode.Attr); err != nil {
		return err
	}
	err = n.change(ino, func(_ *txn.Tx, ed *inode.Editor) error { return ed.AttrFork().SetNone() })
	if err != nil {
		return err
	}
	for _, a := range s.list {
		if err := n.change(ino, func(_ *txn.Tx, ed *inode.Editor) error { return n.setAttr(ed, a) }); err != nil {
			return err
		}
	}
	n.r.inode(ino, "write the attributes anew", "")
	return nil
}

// attrSalvage gathers the attributes of one inode.
type attrSalvage struct {
	*names
	ino  *inode.Inode
	fork *inode.Fork
	list []attr.Attr
	have map[string]bool
}

func (s *attrSalvage) add(a attr.Attr) {
	key := string(rune(a.Flags)) + a.Name
	if a.Flags&format.AttrParent != 0 {
		key += "\x00" + string(a.Value)
		if len(a.Value) != format.ParentRec.Size || !s.geo.ValidIno(format.ParentIno.Get(a.Value)) {
			return
		}
	}
	if strings.Contains(a.Name, "\x00") {
		s.r.lost(s.ino.Ino, -1, 0, fmt.Sprintf("an attribute whose name can't be: %q", a.Name))
		return
	}
	if a.Name == "" || s.have[key] || len(a.Value) > format.MaxAttrValue {
		return
	}
	s.have[key] = true
	s.list = append(s.list, a)
}

// short takes attributes in shortform.
func (s *attrSalvage) short(b []byte) {
	off := format.AttrSF.Size
	for off < len(b) {
		end, err := format.AttrSFEntryEnd(b, off)
		if err != nil {
			return
		}
		e := b[off:end]
		off = end
		name := e[format.AttrSFEntry.Size:][:format.AttrSFNameLen.Get(e)]
		if flags := format.AttrSFFlags.Get(e); flags.Valid() && flags&format.AttrIncomplete == 0 {
			s.add(attr.Attr{Flags: flags & format.AttrNamespace, Name: string(name), Value: append([]byte(nil), e[format.AttrSFEntry.Size+len(name):]...)})
		}
	}
}

// blocks takes the attributes of all leaves that the fork has, whatever leads there.
func (s *attrSalvage) blocks() error {
	b := make([]byte, s.geo.BlockSize)
	for m, err := range s.fork.All() {
		if err != nil {
			return err
		}
		for off := m.Off; off < m.End(); off++ {
			if _, err := s.fork.ReadBlocks(off, b); err != nil {
				return err
			}
			if format.TypeAttrLeaf.Is(b) {
				attr.Salvage(b, s.found)
			}
		}
	}
	return nil
}

// found takes an attribute of a leaf, and reads its value where that lies elsewhere.
func (s *attrSalvage) found(a attr.Found) {
	if a.Flags&format.AttrIncomplete != 0 {
		return
	}
	x := attr.Attr{Flags: a.Flags & format.AttrNamespace, Name: string(a.Name), Value: append([]byte(nil), a.Value...)}
	if a.Remote != 0 {
		if a.Size > format.MaxAttrValue {
			s.r.lost(s.ino.Ino, -1, 0, "the value of attribute "+x.Name)
			return
		}
		v, err := s.fork.ReadRemote(format.TypeAttrRmt, a.Remote, a.Size)
		if err != nil {
			s.r.lost(s.ino.Ino, -1, 0, "the value of attribute "+x.Name+": "+err.Error())
			return
		}
		x.Value = v
	}
	s.add(x)
}
