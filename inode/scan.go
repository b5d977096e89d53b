package inode

import (
	"fmt"
	"iter"
	"math/bits"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// Raw is an inode's bytes as they are on disk, unchecked.
type Raw struct {
	Ino   format.Ino
	Bytes []byte // valid until the next one is asked for
}

// Used gives all inodes of the volume that are in use, in order. They are read in chunks and not
// checked; Decode does that. An error ends the sequence.
func (s Source) Used() iter.Seq2[Raw, error] {
	return func(yield func(Raw, error) bool) {
		for no := range format.AGNumber(s.Geo.AGCount) {
			if more, err := s.usedIn(no, yield); err != nil {
				yield(Raw{}, err)
				return
			} else if !more {
				return
			}
		}
	}
}

// usedIn gives the inodes of a group. more is false when nothing further is wanted.
func (s Source) usedIn(no format.AGNumber, yield func(Raw, error) bool) (more bool, err error) {
	g := s.Geo
	agi := make([]byte, g.SectSize)
	off := g.SectorOffset(no, 2)
	if _, err := s.Dev.ReadAt(agi, off); err != nil {
		return false, fmt.Errorf("read the AGI of group %d: %w", no, err)
	}
	at := format.Place{AG: no, Daddr: format.Daddr(off >> format.BasicBlockLog), Ino: format.NullIno}
	if err := format.Verify(g, format.TypeAGI, agi, at); err != nil {
		return false, err
	}
	t := btree.Tree{Kind: btree.Inobt, Geo: g, Dev: s.Dev, AG: no, Root: uint64(format.AGIRoot.Get(agi)), Levels: int(format.AGILevel.Get(agi))}
	buf := make([]byte, format.InodesPerChunk<<g.InodeLog)
	for rec, err := range t.All() {
		if err != nil {
			return false, err
		}
		c := unpackChunk(g, rec)
		if !g.ValidIno(g.Ino(no, c.start)) || c.start%format.InodesPerChunk != 0 {
			return false, format.Corrupt("inobt", "startino", c.start, "an inode of the group").At(format.InGroup(no))
		}
		if more, err := s.usedOf(no, c, buf, yield); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// usedOf gives the inodes of a chunk, which is read into buf.
func (s Source) usedOf(no format.AGNumber, c chunk, buf []byte, yield func(Raw, error) bool) (more bool, err error) {
	used := c.exist() &^ c.free
	if used == 0 {
		return true, nil
	}
	n := bits.Len64(used)
	if last := s.Geo.Ino(no, c.start+format.AGIno(n-1)); !s.Geo.ValidIno(last) {
		return false, format.Corrupt("inobt", "inode", last, "one of the group").At(format.InGroup(no))
	}
	if _, err := s.Dev.ReadAt(buf[:n<<s.Geo.InodeLog], s.Geo.InoOffset(s.Geo.Ino(no, c.start))); err != nil {
		return false, fmt.Errorf("read inodes from %d: %w", s.Geo.Ino(no, c.start), err)
	}
	for i := range n {
		if used>>i&1 == 0 {
			continue
		}
		raw := Raw{s.Geo.Ino(no, c.start+format.AGIno(i)), buf[i<<s.Geo.InodeLog:][:s.Geo.InodeSize]}
		if !yield(raw, nil) {
			return false, nil
		}
	}
	return true, nil
}
