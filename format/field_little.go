package format

import "encoding/binary"

// LE16, LE32 and LE64 read and write one little-endian field, as U16 and its sisters do for
// big-endian ones. The log's items are little-endian.
type (
	LE16[T ~uint16] int
	LE32[T ~uint32] int
	LE64[T ~uint64] int
)

// Get returns the field's value in b.
func (f LE16[T]) Get(b []byte) T { return T(binary.LittleEndian.Uint16(b[f:])) }

// Put sets the field's value in b.
func (f LE16[T]) Put(b []byte, v T) { binary.LittleEndian.PutUint16(b[f:], uint16(v)) }

// Get returns the field's value in b.
func (f LE32[T]) Get(b []byte) T { return T(binary.LittleEndian.Uint32(b[f:])) }

// Put sets the field's value in b.
func (f LE32[T]) Put(b []byte, v T) { binary.LittleEndian.PutUint32(b[f:], uint32(v)) }

// Get returns the field's value in b.
func (f LE64[T]) Get(b []byte) T { return T(binary.LittleEndian.Uint64(b[f:])) }

// Put sets the field's value in b.
func (f LE64[T]) Put(b []byte, v T) { binary.LittleEndian.PutUint64(b[f:], uint64(v)) }

func l16[T ~uint16](s *Struct, name string, off int, k Kind) LE16[T] {
	s.add(Field{Name: name, Off: off, Size: 2, Kind: k, Little: true})
	return LE16[T](off)
}

func l32[T ~uint32](s *Struct, name string, off int, k Kind) LE32[T] {
	s.add(Field{Name: name, Off: off, Size: 4, Kind: k, Little: true})
	return LE32[T](off)
}

func l64[T ~uint64](s *Struct, name string, off int, k Kind) LE64[T] {
	s.add(Field{Name: name, Off: off, Size: 8, Kind: k, Little: true})
	return LE64[T](off)
}
