package format

import (
	"fmt"
	"strconv"
)

// Value is one field of a structure as read from a buffer.
type Value struct {
	Name  string // full name, such as "recs[3].startblock"
	Kind  Kind
	Bits  int    // width of the number; 0 when Bytes holds the value
	Num   uint64 // the number
	Bytes []byte // the byte string, a view into the buffer
	Note  string // what the number stands for: the names of its bits, a checksum's verdict

	Off  int // of the field's first byte, from the start of the structure that was decoded
	Size int // bytes that the field touches
	Bit  int // of a field of bits: how far its first one is below the top of byte Off
}

// IsNull reports whether the value is a pointer that says "none".
func (v Value) IsNull() bool { return v.Bits != 0 && v.Kind.pointer() && v.Num == null(v.Bits) }

// String prints the value as xfs_db does, without its name; Set reads it back.
func (v Value) String() string {
	if v.Bits == 0 {
		return v.Kind.formatBytes(v.Bytes)
	}
	return v.Kind.formatNumber(v.Num, v.Bits)
}

// slot is one element of a field of the structure that b starts with.
type slot struct {
	name string // full name
	f    *Field
	i    int // element
	b    []byte
	off  int // of b in what was decoded
}

func (s slot) value() Value {
	v := Value{Name: s.name, Kind: s.f.Kind, Off: s.off + s.f.Off, Bit: s.f.Bit}
	if s.f.isBytes() {
		v.Bytes = s.f.span(s.b)
		v.Size = len(v.Bytes)
		return v
	}
	v.Off += s.i * s.f.Size
	v.Size = (v.Bit + s.f.width() + 7) / 8
	v.Num, v.Bits = s.f.number(s.b, s.i), s.f.width()
	if s.f.Names != nil {
		v.Note = s.f.Names.describe(v.Num)
	}
	return v
}

// zeroPad reports whether the slot is padding that is as it must be.
func (s slot) zeroPad() bool {
	if s.f.Kind != Pad {
		return false
	}
	if s.f.Bits != 0 {
		return s.f.number(s.b, 0) == 0
	}
	for _, c := range s.f.span(s.b) {
		if c != 0 {
			return false
		}
	}
	return true
}

// walk visits every field of the structure in b, in the table's order, then those of its
// parts. b starts off bytes into what is decoded as a whole. It stops when visit returns false. Damage in the parts is returned as an error after
// what could be read was visited. The structure's table may have fields without a name: their
// name is that of the part.
func (s *Struct) walk(g *Geometry, prefix string, b []byte, off int, visit func(slot) bool) (more bool, err error) {
	if err := checkRange(0, s.Size, len(b)); err != nil {
		return true, fmt.Errorf("%s: %w", s.Name, err)
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		if !f.present(b) {
			continue
		}
		if !f.visit(prefix, b, off, visit) {
			return false, nil
		}
	}
	if s.Parts == nil {
		return true, nil
	}
	parts, damage := s.Parts(g, b)
	for _, p := range parts {
		if err := checkRange(p.Off, p.Len, len(b)); err != nil {
			return true, fmt.Errorf("%s: %s: %w", s.Name, p.Name, err)
		}
		more, err := p.Table.walk(g, join(prefix, p.name()), b[p.Off:p.Off+p.Len], off+p.Off, visit)
		if err != nil && damage == nil {
			damage = err
		}
		if !more {
			return false, nil
		}
	}
	return true, damage
}

// visit visits the elements of one field.
func (f *Field) visit(prefix string, b []byte, off int, visit func(slot) bool) bool {
	name := join(prefix, f.Name)
	if f.Count == 1 || f.isBytes() {
		return visit(slot{name, f, 0, b, off})
	}
	for i := range f.Count {
		if !visit(slot{name + index(i), f, i, b, off}) {
			return false
		}
	}
	return true
}

// name is the part's name with its index.
func (p Part) name() string {
	if p.Index < 0 {
		return p.Name
	}
	return p.Name + index(p.Index)
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

func join(prefix, name string) string {
	if prefix == "" || name == "" {
		return prefix + name
	}
	return prefix + "." + name
}

// Decode lists the fields of the structure in b and of all that it contains. Padding is left
// out when it is zero. An error about damaged contents comes together with the values that
// could be read.
func (s *Struct) Decode(g *Geometry, b []byte) (Values, error) {
	var out Values
	_, err := s.walk(g, "", b, 0, func(at slot) bool {
		if !at.zeroPad() {
			out = append(out, at.value())
		}
		return true
	})
	return out, err
}

// All is Decode with padding that is zero, too: every field that the structure has.
func (s *Struct) All(g *Geometry, b []byte) (Values, error) {
	var out Values
	_, err := s.walk(g, "", b, 0, func(at slot) bool {
		out = append(out, at.value())
		return true
	})
	return out, err
}

// CheckPadding returns an error that names the first padding in the structure, or in what it
// contains, that is not zero.
func (s *Struct) CheckPadding(g *Geometry, b []byte) error {
	var bad error
	_, err := s.walk(g, "", b, 0, func(at slot) bool {
		if at.f.Kind == Pad && !at.zeroPad() {
			bad = Corrupt(s.Name, at.name, at.value().String(), 0)
		}
		return bad == nil
	})
	if bad != nil {
		return bad
	}
	return err
}
