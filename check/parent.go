package check

import (
	"encoding/binary"

	"github.com/cowfs/cowfs/format"
)

// Each name of an inode is written down twice: as an entry of a directory, and in the inode as a
// parent pointer. Both are hashed to the same number, which the entry adds to a sum in the node
// and the pointer takes away. Where the sum is zero at the end, both directions agree.

// name hashes the entry of a name in a directory of a generation.
func (k *keys) name(dir format.Ino, gen uint32, name []byte) uint64 {
	h, _ := k.hash(uint64(dir), uint64(gen)<<32|uint64(len(name)))
	for ; len(name) >= 8; name = name[8:] {
		h = fold(h^binary.LittleEndian.Uint64(name), k[2]) ^ h<<1
	}
	var rest uint64
	for i, c := range name {
		rest |= uint64(c) << (8 * i)
	}
	h, _ = k.hash(h, rest)
	return h | 1 // never none
}

// index hashes an entry of a directory's index.
func (k *keys) index(h format.Hash, addr uint32) uint64 {
	s, _ := k.hash(uint64(h), uint64(addr))
	return s
}

// judgePads reports padding in the header of a block that is not zero.
func (w *worker) judgePads(code *Code, typ *format.BlockType, b []byte, at Place) {
	for i := range typ.Table.Fields {
		f := &typ.Table.Fields[i]
		if f.Kind == format.Pad && f.When == nil && f.Bits == 0 && !isZero(b[f.Off:f.End()]) {
			w.report(Finding{Code: code, Structure: typ.Name, Field: f.Name, Place: at, Got: hex(sumBytes(b[f.Off:f.End()])), Want: "0"})
		}
	}
}

// sumBytes reads up to eight bytes as a number.
func sumBytes(b []byte) (n uint64) {
	for _, c := range b[:min(len(b), 8)] {
		n = n<<8 | uint64(c)
	}
	return n
}
