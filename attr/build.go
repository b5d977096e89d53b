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
	remote int // next block for a remote value
}

// Build writes all blocks of the layout.
func (b *Builder) Build(l *Layout) error {
	f := &dabtree.Fork{Geo: b.Geo, Owner: b.Ino, Size: b.Geo.BlockSize, Daddr: b.Daddr, Write: b.Write}
	b.buf = make([]byte, b.Geo.BlockSize)
	b.remote = l.nodes + len(l.leaves) - 1
	leaves := len(l.leaves) - 1
	high := make([]format.Hash, leaves)
	for i := range leaves {
		attrs, hashes := l.attrs[l.leaves[i]:l.leaves[i+1]], l.hashes[l.leaves[i]:l.leaves[i+1]]
		high[i] = hashes[len(hashes)-1]
		first := b.remote
		b.leaf(attrs, hashes)
		off := f.Off(l.nodes + i)
		left, right := f.Siblings(l.nodes+i, l.nodes, leaves)
		f.PutInfo(b.buf, format.AttrLeafMagic, off, left, right)
		format.SetChecksum(b.buf, format.DaCRC)
		if err := b.Write(off, b.buf); err != nil {
			return err
		}
		if err := b.values(attrs, first); err != nil {
			return err
		}
	}
	return f.WriteNodes(high)
}

// leaf fills the buffer with a leaf of attrs, but for the header that all tree blocks share.
// Remote values get the next blocks of the fork, in order.
func (b *Builder) leaf(attrs []Attr, hashes []format.Hash) {
	clear(b.buf)
	used := len(b.buf)
	for i := range attrs {
		a := &attrs[i]
		used -= leafSize(b.Geo, a)
		e := b.buf[format.AttrLeaf.Size+i*format.AttrEntry.Size:]
		format.AttrEntryHash.Put(e, hashes[i])
		format.AttrEntryNameIdx.Put(e, uint16(used))
		n := b.buf[used:]
		if isRemote(b.Geo, a) {
			format.AttrEntryFlags.Put(e, a.Flags)
			format.AttrRemoteBlk.Put(n, uint32(b.remote))
			format.AttrRemoteValueLen.Put(n, uint32(len(a.Value)))
			format.AttrRemoteNameLen.Put(n, uint8(len(a.Name)))
			copy(n[format.AttrRemoteName.Size:], a.Name)
			b.remote += format.RemoteBlocks(b.Geo.BlockSize, len(a.Value))
			continue
		}
		format.AttrEntryFlags.Put(e, a.Flags|format.AttrLocal)
		format.AttrLocalValueLen.Put(n, uint16(len(a.Value)))
		format.AttrLocalNameLen.Put(n, uint8(len(a.Name)))
		k := copy(n[format.AttrLocalName.Size:], a.Name)
		copy(n[format.AttrLocalName.Size+k:], a.Value)
	}
	entries := format.AttrLeaf.Size + len(attrs)*format.AttrEntry.Size
	format.AttrLeafCount.Put(b.buf, uint16(len(attrs)))
	format.AttrLeafUsedBytes.Put(b.buf, uint16(len(b.buf)-used))
	format.AttrLeafFirstUsed.Put(b.buf, uint16(used))
	format.AttrLeafFreeBase0.Put(b.buf, uint16(entries))
	format.AttrLeafFreeSize0.Put(b.buf, uint16(used-entries))
}

// values writes the remote values of a leaf's attributes, from block next of the fork on.
func (b *Builder) values(attrs []Attr, next int) error {
	for i := range attrs {
		a := &attrs[i]
		if !isRemote(b.Geo, a) {
			continue
		}
		for k := range format.RemoteBlocks(b.Geo.BlockSize, len(a.Value)) {
			off := format.FileOff(next)
			format.PutRemote(b.buf, format.AttrRmtMagic, b.Geo.MetaUUID, b.Ino, b.Daddr(off), k, a.Value)
			if err := b.Write(off, b.buf); err != nil {
				return err
			}
			next++
		}
	}
	return nil
}
