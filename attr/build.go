package attr

import (
	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
)

// Builder writes the blocks of an attribute fork in bulk.
type Builder struct {
	Geo *format.Geometry
	Ino format.Ino
	// Daddr is the disk address of a block of the fork.
	Daddr func(format.FileOff) format.Daddr
	// Write takes a finished block; b is valid during the call only.
	Write func(off format.FileOff, b []byte) error

	buf    []byte
	list   []stored // of the leaf at hand
	remote int      // next block for a remote value
}

// Build writes all blocks of the layout.
func (b *Builder) Build(l *Layout) error {
	f := &dabtree.Fork{Geo: b.Geo, Owner: b.Ino, Size: b.Geo.BlockSize, Daddr: b.Daddr, Write: b.Write}
	b.buf = make([]byte, b.Geo.BlockSize)
	b.remote = l.nodes + len(l.leaves) - 1
	leaves := len(l.leaves) - 1
	high := make([]format.Hash, leaves)
	for i := range leaves {
		attrs := l.attrs[l.leaves[i]:l.leaves[i+1]]
		high[i] = attrs[len(attrs)-1].Hash()
		b.leaf(attrs)
		off := f.Off(l.nodes + i)
		left, right := f.Siblings(l.nodes+i, l.nodes, leaves)
		f.PutInfo(b.buf, format.TypeAttrLeaf, off, left, right)
		format.SetChecksum(b.buf, format.DaCRC)
		if err := b.Write(off, b.buf); err != nil {
			return err
		}
		if err := b.values(); err != nil {
			return err
		}
	}
	return f.WriteNodes(high)
}

// leaf fills the buffer with a leaf of attrs, but for the header that all tree blocks share.
// Remote values get the next blocks of the fork, in order.
func (b *Builder) leaf(attrs []Attr) {
	b.list = b.list[:0]
	for _, a := range attrs {
		s := stored{Attr: a, size: len(a.Value)}
		if isRemote(b.Geo, &a) {
			s.remote = format.FileOff(b.remote)
			b.remote += format.RemoteBlocks(b.Geo.BlockSize, len(a.Value))
		}
		b.list = append(b.list, s)
	}
	clear(b.buf)
	putLeaf(b.Geo, b.buf, b.list)
}

// values writes the remote values of the leaf that was filled last.
func (b *Builder) values() error {
	for i := range b.list {
		s := &b.list[i]
		if s.remote == 0 {
			continue
		}
		for k := range format.RemoteBlocks(b.Geo.BlockSize, len(s.Value)) {
			off := s.remote + format.FileOff(k)
			format.PutRemote(b.buf, format.AttrRmtMagic, b.Geo.MetaUUID, b.Ino, b.Daddr(off), k, s.Value)
			if err := b.Write(off, b.buf); err != nil {
				return err
			}
		}
	}
	return nil
}
