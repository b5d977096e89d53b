package shell

import (
	"context"
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

func follow(_ context.Context, s *Session, args []string) (position, []string, error) {
	if len(args) == 0 {
		return position{}, nil, usagef("a field is missing")
	}
	p, err := s.walk.here()
	if err != nil {
		return p, nil, err
	}
	v, b, err := s.fieldHere(&p, args[0])
	if err != nil {
		return p, nil, err
	}
	next, err := s.target(&p, b, v)
	if err != nil {
		return p, nil, fmt.Errorf("%s = %v: %w", v.Name, v, err)
	}
	return next, args[1:], nil
}

// target is the position that a field of a structure in b points to. What is there is read as
// what the field says it is, where the field says so.
func (s *Session) target(p *position, b []byte, v format.Value) (position, error) {
	g := s.Vol.Geo
	if v.IsNull() {
		return position{}, fmt.Errorf("it points to nothing")
	}
	expect := expected(p, v)
	switch v.Kind {
	case format.AGBlockPtr:
		if p.at.AG == format.NullAGNumber || v.Num >= uint64(g.AGLen(p.at.AG)) {
			return position{}, fmt.Errorf("no block of group %d", p.at.AG)
		}
		return s.atBlock(g.FSB(p.at.AG, format.AGBlock(v.Num)), expect)
	case format.FSBlockPtr:
		if f := format.DiCowRoot; p.form.block == format.TypeInode && v.Off == int(f) && v.Num == 0 {
			return position{}, fmt.Errorf("there is no CoW fork")
		}
		next, err := s.atBlock(format.FSBlock(v.Num), expect)
		if p.form.block == format.TypeInode {
			next.attr = strings.HasPrefix(v.Name, "a.")
			if err == nil && expect == nil {
				err = s.followExtent(p, b, &next)
			}
		}
		return next, err
	case format.InoPtr:
		return s.atInode(format.Ino(v.Num))
	case format.AGInoPtr:
		return s.atInode(g.Ino(p.at.AG, format.AGIno(v.Num)))
	case format.Owner:
		if !format.OwnerIsInode(v.Num) {
			return position{}, fmt.Errorf("no inode")
		}
		return s.atInode(format.Ino(v.Num))
	case format.DaddrPtr:
		return s.at(int64(min(v.Num, 1<<53))<<format.BasicBlockLog, nil, g.BlockSize)
	case format.LSNKind:
		if v.Num == 0 || v.Num == uint64(format.RemoteLSNValue) {
			return position{}, fmt.Errorf("it was never logged")
		}
		return s.atLog(uint32(v.Num))
	case format.LogBlockPtr:
		return s.atLog(uint32(v.Num))
	case format.FileOffKind:
		return s.targetInFork(p, b, v)
	}
	return position{}, fmt.Errorf("a field of this kind (%v) leads nowhere", v.Kind)
}

// followExtent decides how to read the first block of an extent of an inode in b: contents of a
// file are plain bytes.
func (s *Session) followExtent(p *position, b []byte, next *position) error {
	mode := format.DiMode.Get(b) & format.ModeType
	if !next.attr && mode == format.ModeReg {
		next.form, next.pieces[0].n = plain, s.Vol.Geo.BlockSize
		return nil
	}
	next.at.Ino, next.ino = p.at.Ino, p.at.Ino
	return s.detect(next, mode == format.ModeDir)
}

// targetInFork is the block of a fork that a field holds the offset of: of the inode itself, or of
// the inode that the block in b belongs to.
func (s *Session) targetInFork(p *position, b []byte, v format.Value) (position, error) {
	if v.Num == 0 && strings.Contains(v.Name, "hdr.info.hdr.") { // no neighbour
		return position{}, fmt.Errorf("it points to nothing")
	}
	ino, which := p.at.Ino, inode.Data
	t := p.form.block
	if t != nil && t != format.TypeInode && t.OwnerIno != format.NoField {
		ino = t.OwnerIno.Get(b)
	}
	if ino == format.NullIno {
		return position{}, fmt.Errorf("the inode is not known")
	}
	switch {
	case t == format.TypeInode && strings.HasPrefix(v.Name, "a."), t == format.TypeAttrLeaf:
		which = inode.Attr
	case t == format.TypeAttrNode: // a directory's nodes look the same
		if i, err := s.Vol.Inode(ino); err != nil || !i.IsDir() || p.attr {
			which = inode.Attr
		}
	}
	return s.atFork(ino, which, format.FileOff(v.Num))
}

// expected is the form of what a field points to, nil when any may be there.
func expected(p *position, v format.Value) *form {
	t := p.form.block
	switch t {
	case format.TypeAGF:
		return formOf(map[string]*format.BlockType{
			"bnoroot": format.TypeBnobt, "cntroot": format.TypeCntbt, "rmaproot": format.TypeRmapbt, "refcntroot": format.TypeRefcount,
		}[v.Name])
	case format.TypeAGI:
		return formOf(map[string]*format.BlockType{"root": format.TypeInobt, "free_root": format.TypeFinobt}[v.Name])
	case format.TypeInode:
		if strings.Contains(v.Name, ".bmbt.ptrs") || v.Off == int(format.DiCowRoot) {
			return formOf(format.TypeBmbt)
		}
		return nil
	case format.TypeSuperblock:
		if v.Off == int(format.SBLogStart) {
			return logForm
		}
	}
	if t != nil && (t.Table == format.ShortBlock || t.Table == format.LongBlock) {
		switch name, _, _ := strings.Cut(v.Name, "["); name {
		case "ptrs", "leftsib", "rightsib":
			return p.form
		}
	}
	return nil
}
