package shell

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// position is a place on the volume and how to read what is there.
type position struct {
	form *form
	// pieces are where the bytes lie, in order: several for a directory block whose filesystem
	// blocks are apart, and for a log record across the log's end.
	pieces []piece
	// at is what a structure here should say of its place: NullIno as inode means that its owner
	// is not known.
	at format.Place
	// ino is the inode that was last gone to, for ablock and dblock; NullIno before any.
	ino format.Ino
	// attr says that the bytes belong to an attribute fork.
	attr bool
}

// piece is a range of bytes of the volume.
type piece struct {
	off int64
	n   int
}

// walker is where a session is, where it has been, and what it has put aside.
type walker struct {
	ring  []position // places visited, in order
	now   int        // of the ring; meaningless while it is empty
	stack []position
}

// maxRing is how many places a session remembers.
const maxRing = 1000

// errNowhere says that a command needs a position and there is none.
var errNowhere = errors.New("no position yet; go to one with sb, agf, agi, agfl, inode, block, daddr, root or log")

// here is the current position.
func (w *walker) here() (position, error) {
	if len(w.ring) == 0 {
		return position{}, errNowhere
	}
	return w.ring[w.now], nil
}

// goTo makes p the current position. What was ahead after going back is forgotten.
func (w *walker) goTo(p position) {
	if p.ino == format.NullIno && len(w.ring) > 0 {
		p.ino = w.ring[w.now].ino
	}
	if len(w.ring) > 0 {
		w.ring = w.ring[:w.now+1]
	}
	if len(w.ring) == maxRing {
		w.ring = append(w.ring[:0], w.ring[1:]...)
	}
	w.ring = append(w.ring, p)
	w.now = len(w.ring) - 1
}

// size is the number of bytes at the position.
func (p *position) size() int {
	n := 0
	for _, s := range p.pieces {
		n += s.n
	}
	return n
}

// start is the byte of the volume that the position starts at.
func (p *position) start() int64 { return p.pieces[0].off }

// placeOf finds the byte of the volume that byte i of the position is.
func (p *position) placeOf(i int) int64 {
	for _, s := range p.pieces {
		if i < s.n {
			return s.off + int64(i)
		}
		i -= s.n
	}
	return -1
}

// bytes reads what is at the position.
func (s *Session) bytes(p *position) ([]byte, error) {
	if len(p.pieces) == 1 {
		return s.read(p.pieces[0].off, p.pieces[0].n)
	}
	var out []byte
	for _, piece := range p.pieces {
		b, err := s.read(piece.off, piece.n)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// at makes the position of what starts at byte off: of a form, or of the one that the magic
// number tells when f is nil. room is how many bytes to take when the form has no length.
func (s *Session) at(off int64, f *form, room int) (position, error) {
	b, err := s.read(off, f.reach(s.Vol.Geo))
	if err != nil {
		return position{}, err
	}
	if f == nil {
		f = formOf(format.Detect(s.Vol.Geo, b))
	}
	n := f.length(s.Vol.Geo, b)
	if n == 0 {
		n = room
	}
	return position{form: f, pieces: []piece{{off, min(n, len(b))}}, at: s.place(off), ino: format.NullIno}, nil
}

// atBlock is the position of a block of the volume.
func (s *Session) atBlock(fsb format.FSBlock, f *form) (position, error) {
	g := s.Vol.Geo
	if !g.ValidFSB(fsb, 1) {
		return position{}, fmt.Errorf("block %d: not in any group of the volume", fsb)
	}
	return s.at(g.Offset(fsb), f, g.BlockSize)
}

// atInode is the position of an inode, in use or free.
func (s *Session) atInode(ino format.Ino) (position, error) {
	g := s.Vol.Geo
	if !g.ValidIno(ino) {
		return position{}, fmt.Errorf("inode %d: no inode of the volume can have this number", ino)
	}
	p, err := s.at(g.InoOffset(ino), formOf(format.TypeInode), 0)
	p.at.Ino, p.ino = ino, ino
	return p, err
}

// atFork is the position of a block of a fork, of a directory's block as a whole.
func (s *Session) atFork(ino format.Ino, which inode.Which, off format.FileOff) (position, error) {
	g := s.Vol.Geo
	i, err := s.Vol.Inode(ino)
	if err != nil {
		return position{}, err
	}
	fork, err := i.Fork(which)
	if err != nil {
		return position{}, err
	}
	n := 1
	switch {
	case which == inode.Data && i.IsDir() && off%format.FileOff(g.DirBlocks()) == 0:
		n = g.DirBlocks()
	case which == inode.Data && i.IsLink(): // a header for each mapping
		if m, ok, err := fork.Find(off); err == nil && ok {
			n = int(m.End() - off)
		}
	}
	p := position{form: plain, at: format.NullPlace, ino: ino, attr: which == inode.Attr}
	for k := range n {
		m, ok, err := fork.Find(off + format.FileOff(k))
		switch {
		case err != nil:
			return p, err
		case !ok:
			return p, fmt.Errorf("inode %d: the %v has no block at offset %d", ino, which, off+format.FileOff(k))
		}
		at := g.Offset(m.Start) + int64(off+format.FileOff(k)-m.Off)<<g.BlockLog
		if last := len(p.pieces) - 1; k > 0 && p.pieces[last].off+int64(p.pieces[last].n) == at {
			p.pieces[last].n += g.BlockSize
		} else {
			p.pieces = append(p.pieces, piece{at, g.BlockSize})
		}
	}
	p.at = s.place(p.start())
	p.at.Ino = ino
	if which == inode.Data && i.IsRegular() && !s.isQuota(ino) {
		p.at.Ino = format.NullIno
		return p, nil // contents of a file are no metadata, whatever they look like
	}
	return p, s.detect(&p, i.IsDir())
}

// detect finds out what a block of a fork holds.
func (s *Session) detect(p *position, isDir bool) error {
	b, err := s.bytes(p)
	if err != nil {
		return err
	}
	t := format.Detect(s.Vol.Geo, b)
	if t == format.TypeAttrNode && isDir && !p.attr {
		t = format.TypeDirNode
	}
	p.form = formOf(t)
	if t == format.TypeDquot { // the first of the block
		p.pieces = []piece{{p.start(), format.Dquot.Size}}
	}
	return nil
}

// atLog is the position of the record in a block of the log.
func (s *Session) atLog(block uint32) (position, error) {
	g := s.Vol.Geo
	if g.LogStart == 0 {
		return position{}, errors.New("the log is on another device")
	}
	base, size := g.Offset(g.LogStart), int64(g.LogBlocks)<<g.BlockLog
	off := int64(block) << format.BasicBlockLog
	if off >= size {
		return position{}, fmt.Errorf("log block %d: the log has %d", block, size>>format.BasicBlockLog)
	}
	b, err := s.read(base+off, format.BasicBlock)
	if err != nil {
		return position{}, err
	}
	p := position{form: logForm, at: s.place(base + off), ino: format.NullIno}
	n := format.BasicBlock
	if format.LogMagicNo.Get(b) == format.LogMagic {
		n = min(logForm.length(g, b), int(size))
	} else {
		p.form = plain
	}
	first := int(min(int64(n), size-off))
	p.pieces = []piece{{base + off, first}}
	if first < n {
		p.pieces = append(p.pieces, piece{base, n - first})
	}
	return p, nil
}
