package attr

import "github.com/cowfs/cowfs/format"

// stored is an attribute as a leaf has it.
type stored struct {
	Attr
	size   int            // of the value
	remote format.FileOff // block where the value begins, if it has blocks of its own; else 0
}

// room is the size of an attribute in a leaf, with its entry.
func (s *stored) room(g *format.Geometry) int {
	if s.remote != 0 {
		return format.AttrEntry.Size + format.AttrRemoteSize(len(s.Name))
	}
	return format.AttrEntry.Size + leafSize(g, &s.Attr)
}

// putLeaf encodes a leaf of attributes, in order of hash, into b, a zeroed block: names and
// values from the end down. The header that all tree blocks share is not its business.
func putLeaf(g *format.Geometry, b []byte, list []stored) {
	used := len(b)
	for i := range list {
		s := &list[i]
		used -= s.room(g) - format.AttrEntry.Size
		e := b[format.AttrLeaf.Size+i*format.AttrEntry.Size:]
		format.AttrEntryHash.Put(e, s.Hash())
		format.AttrEntryNameIdx.Put(e, uint16(used))
		n := b[used:]
		if s.remote != 0 {
			format.AttrEntryFlags.Put(e, s.Flags)
			format.AttrRemoteBlk.Put(n, uint32(s.remote))
			format.AttrRemoteValueLen.Put(n, uint32(s.size))
			format.AttrRemoteNameLen.Put(n, uint8(len(s.Name)))
			copy(n[format.AttrRemoteName.Size:], s.Name)
			continue
		}
		format.AttrEntryFlags.Put(e, s.Flags|format.AttrLocal)
		format.AttrLocalValueLen.Put(n, uint16(len(s.Value)))
		format.AttrLocalNameLen.Put(n, uint8(len(s.Name)))
		k := copy(n[format.AttrLocalName.Size:], s.Name)
		copy(n[format.AttrLocalName.Size+k:], s.Value)
	}
	entries := format.AttrLeaf.Size + len(list)*format.AttrEntry.Size
	format.AttrLeafCount.Put(b, uint16(len(list)))
	format.AttrLeafUsedBytes.Put(b, uint16(len(b)-used))
	format.AttrLeafFirstUsed.Put(b, uint16(used))
	format.AttrLeafFreeBase0.Put(b, uint16(entries))
	format.AttrLeafFreeSize0.Put(b, uint16(used-entries))
}
