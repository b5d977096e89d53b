package shell

import (
	"fmt"
	"io"

	"github.com/cowfs/cowfs/format"
)

// StructureDoc is a structure on the disk with all its fields.
type StructureDoc struct {
	Type      string        `json:"type"` // "structure"
	Structure string        `json:"structure"`
	AG        *uint32       `json:"ag,omitempty"`
	Daddr     uint64        `json:"daddr"` // 512-byte units from the volume's start
	Ino       *uint64       `json:"ino,omitempty"`
	Damage    string        `json:"damage,omitempty"` // what is wrong with it; empty: nothing found
	Fields    format.Values `json:"fields"`
}

// structure prints a structure of a type in b, which was found at a place, by the type's field
// table. Damage does not keep it from being printed: it is returned at the end.
func (s *Session) structure(t *format.BlockType, b []byte, at format.Place) error {
	g := s.Vol.Geo
	damage := format.Verify(g, t, b, at)
	if n := t.Len(g, b); n <= len(b) {
		b = b[:n]
	}
	values, err := t.Decode(g, b)
	if damage == nil {
		damage = err
	}
	doc := StructureDoc{Type: "structure", Structure: t.Name, Daddr: uint64(at.Daddr), Fields: values}
	if at.AG != format.NullAGNumber {
		doc.AG = (*uint32)(&at.AG)
	}
	if at.Ino != format.NullIno {
		doc.Ino = (*uint64)(&at.Ino)
	}
	if damage != nil {
		doc.Damage = damage.Error()
	}
	if err := s.emit(doc, func(w io.Writer) { io.WriteString(w, values.String()) }); err != nil {
		return err
	}
	return damage
}

// place is that of n bytes from byte off of the volume.
func (s *Session) place(off int64) format.Place {
	p := format.NullPlace
	p.Daddr = format.Daddr(off >> format.BasicBlockLog)
	if ag := off >> s.Vol.Geo.BlockLog / int64(s.Vol.Geo.AGBlocks); ag < int64(s.Vol.Geo.AGCount) {
		p.AG = format.AGNumber(ag)
	}
	return p
}

// read reads n bytes from byte off of the volume, fewer at its end.
func (s *Session) read(off int64, n int) ([]byte, error) {
	dev := s.Vol.Device()
	b := make([]byte, max(0, min(int64(n), dev.Size()-off)))
	if len(b) == 0 {
		return nil, fmt.Errorf("byte %d is behind the end of the image, which has %d", off, dev.Size())
	}
	_, err := dev.ReadAt(b, off)
	return b, err
}
