package volume

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// splitDirs is the directory blocks of a volume that do not lie in one run: what a filesystem block
// that belongs to one is a piece of.
type splitDirs map[format.FSBlock]*splitBlock

// splitBlock is the pieces of a directory block, in order.
type splitBlock struct{ pieces []txn.Piece }

// splitDirs looks at all directories of a volume. What is damaged is left out: nobody has changed it.
func (v *Volume) splitDirs() splitDirs {
	out := splitDirs{}
	for raw, err := range v.src.Used() {
		if err != nil {
			break
		}
		if format.DiMode.Get(raw.Bytes)&format.ModeType != format.ModeDir || format.DiFormat.Get(raw.Bytes) == format.FmtLocal {
			continue
		}
		i, err := v.src.Decode(raw.Ino, raw.Bytes)
		if err != nil {
			continue
		}
		if f, err := i.Fork(inode.Data); err == nil {
			out.add(v.Geo, f)
		}
	}
	return out
}

// add takes note of a directory.
func (s splitDirs) add(g *format.Geometry, f *inode.Fork) {
	var at *splitBlock
	var off format.FileOff // of the block that at is
	per := format.FileOff(g.DirBlocks())
	for m, err := range f.All() {
		if err != nil {
			return
		}
		// Only the ends of an extent can be parts of blocks.
		for _, b := range []format.FileOff{m.Off / per * per, (m.End() - 1) / per * per} {
			lo, hi := max(m.Off, b), min(m.End(), b+per)
			first := m.Start + format.FSBlock(lo-m.Off)
			if hi-lo == per || s[first] != nil {
				continue
			}
			if at == nil || b != off {
				at, off = &splitBlock{}, b
			}
			at.pieces = append(at.pieces, txn.Piece{Off: g.Offset(first), Len: int(hi-lo) << g.BlockLog})
			for i := range format.FSBlock(hi - lo) {
				s[first+i] = at
			}
		}
	}
}

// joinDirs replaces the changes of pieces of directory blocks by changes of the blocks as a whole.
// Without knowing the directories a piece looks like file data.
func (u *Unit) joinDirs(list []Change) ([]Change, error) {
	g := u.Geo
	looksLikeData := false
	for i := range list {
		looksLikeData = looksLikeData || list[i].Type == nil && list[i].Was == nil
	}
	if g.DirBlocks() == 1 || !looksLikeData {
		return list, nil
	}
	is, was := u.splitDirs(), splitDirs{}
	if u.base != nil {
		was = u.base.splitDirs()
	}
	d := differ{g: g, old: u.under(), new: u.over}
	var out []Change
	joined := map[*splitBlock]bool{}
	for _, c := range list {
		fsb := d.fsb(c.Off)
		b := is[fsb]
		switch {
		case c.Type != nil:
		case b == nil:
			c.wasSplit = was[fsb] != nil
		case joined[b]:
			continue
		default:
			joined[b] = true
			var err error
			if c, err = d.joined(b); err != nil {
				return nil, err
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// joined is the change of a directory block in pieces.
func (d *differ) joined(b *splitBlock) (Change, error) {
	c := Change{Off: b.pieces[0].Off, Pieces: b.pieces, At: d.place(b.pieces[0].Off)}
	for _, p := range b.pieces {
		old, new, err := d.read(p.Off, p.Len)
		if err != nil {
			return c, err
		}
		c.Old, c.New = append(c.Old, old...), append(c.New, new...)
	}
	c.Type, c.Was = d.typeOf(c.Off, c.New), d.typeOf(c.Off, c.Old)
	return c, nil
}
