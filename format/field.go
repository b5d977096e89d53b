package format

import (
	"encoding/binary"
	"fmt"
)

// Field describes one field of an on-disk structure.
type Field struct {
	Name string // as in the field's own tools, e.g. "freeblks"
	Off  int    // bytes from the start of the structure
	Size int    // bytes of one element
	// Bit and Bits place a field that is no whole number of bytes: Bits wide, Bit bits below
	// the most significant bit of the structure's byte Off. Bits is 0 for ordinary fields.
	Bit, Bits int
	Count     int // elements; 1 unless the field is an array
	Kind      Kind
	Little    bool                // little-endian; checksums are
	When      func(b []byte) bool // nil: always there. Variants of a union each have one
}

// End is the offset in bytes of the first byte behind the field.
func (f *Field) End() int {
	if f.Bits != 0 {
		return f.Off + (f.Bit+f.Bits+7)/8
	}
	return f.Off + f.Size*f.Count
}

// Struct is the field table of one on-disk structure: the one place where its layout is
// written down. Typed accessors (U32 and its sisters) are made together with their entry here.
type Struct struct {
	Name   string
	Size   int // bytes of the fixed part
	Fields []Field
	// Parts lists what follows the fixed part: records, entries, slots. Nil when nothing does.
	Parts func(g *Geometry, b []byte) ([]Part, error)
}

// Part is one structure inside another one, at Off bytes from the outer one's start.
type Part struct {
	Name  string
	Index int // position in the array called Name, from 0; -1 when there is just one
	Off   int
	Len   int // bytes that belong to the part, its own Parts included
	Table *Struct
}

func newStruct(name string, size int) *Struct { return &Struct{Name: name, Size: size} }

func (s *Struct) add(f Field) {
	if f.Count == 0 {
		f.Count = 1
	}
	s.Fields = append(s.Fields, f)
}

// pad declares bytes that must be zero.
func (s *Struct) pad(name string, off, n int) {
	s.add(Field{Name: name, Off: off, Size: 1, Count: n, Kind: Pad})
}

// bits declares a field of n bits that starts bit bits into the structure, counted from its
// most significant one.
func (s *Struct) bits(name string, bit, n int, k Kind) {
	s.add(Field{Name: name, Off: bit / 8, Bit: bit % 8, Bits: n, Kind: k})
}

// embed takes over the fields of another structure that lies at off in this one.
func (s *Struct) embed(prefix string, off int, inner *Struct) {
	for _, f := range inner.Fields {
		f.Name, f.Off = prefix+f.Name, f.Off+off
		s.add(f)
	}
}

// when makes the last n fields declared depend on a condition.
func (s *Struct) when(n int, cond func(b []byte) bool) {
	for i := range s.Fields[len(s.Fields)-n:] {
		s.Fields[len(s.Fields)-n+i].When = cond
	}
}

// U8, U16, U32 and U64 read and write one big-endian field of a structure; the value is the
// field's offset in bytes. The buffer must hold the structure's fixed part.
type (
	U8[T ~uint8]   int
	U16[T ~uint16] int
	U32[T ~uint32] int
	U64[T ~uint64] int
	// L32 is little-endian, as checksums are.
	L32 int
	// UUIDField holds a UUID, BytesField a byte string of the length given in the table.
	UUIDField  int
	BytesField struct{ Off, Len int }
)

// Get returns the field's value in b.
func (f U8[T]) Get(b []byte) T { return T(b[f]) }

// Put sets the field's value in b.
func (f U8[T]) Put(b []byte, v T) { b[f] = byte(v) }

// Get returns the field's value in b.
func (f U16[T]) Get(b []byte) T { return T(binary.BigEndian.Uint16(b[f:])) }

// Put sets the field's value in b.
func (f U16[T]) Put(b []byte, v T) { binary.BigEndian.PutUint16(b[f:], uint16(v)) }

// Get returns the field's value in b.
func (f U32[T]) Get(b []byte) T { return T(binary.BigEndian.Uint32(b[f:])) }

// Put sets the field's value in b.
func (f U32[T]) Put(b []byte, v T) { binary.BigEndian.PutUint32(b[f:], uint32(v)) }

// Get returns the field's value in b.
func (f U64[T]) Get(b []byte) T { return T(binary.BigEndian.Uint64(b[f:])) }

// Put sets the field's value in b.
func (f U64[T]) Put(b []byte, v T) { binary.BigEndian.PutUint64(b[f:], uint64(v)) }

// Get returns the field's value in b.
func (f L32) Get(b []byte) uint32 { return binary.LittleEndian.Uint32(b[f:]) }

// Put sets the field's value in b.
func (f L32) Put(b []byte, v uint32) { binary.LittleEndian.PutUint32(b[f:], v) }

// Get returns the field's value in b.
func (f UUIDField) Get(b []byte) UUID { return UUID(b[f : f+16]) }

// Put sets the field's value in b.
func (f UUIDField) Put(b []byte, v UUID) { copy(b[f:f+16], v[:]) }

// Get returns the field's bytes, a view into b.
func (f BytesField) Get(b []byte) []byte { return b[f.Off : f.Off+f.Len] }

// Put copies v into the field and fills the rest with zeroes; v must not be longer than it.
func (f BytesField) Put(b []byte, v []byte) {
	n := copy(b[f.Off:f.Off+f.Len], v)
	clear(b[f.Off+n : f.Off+f.Len])
}

func u8[T ~uint8](s *Struct, name string, off int, k Kind) U8[T] {
	s.add(Field{Name: name, Off: off, Size: 1, Kind: k})
	return U8[T](off)
}

func u16[T ~uint16](s *Struct, name string, off int, k Kind) U16[T] {
	s.add(Field{Name: name, Off: off, Size: 2, Kind: k})
	return U16[T](off)
}

func u32[T ~uint32](s *Struct, name string, off int, k Kind) U32[T] {
	s.add(Field{Name: name, Off: off, Size: 4, Kind: k})
	return U32[T](off)
}

func u64[T ~uint64](s *Struct, name string, off int, k Kind) U64[T] {
	s.add(Field{Name: name, Off: off, Size: 8, Kind: k})
	return U64[T](off)
}

// crc declares a structure's checksum.
func crc(s *Struct, name string, off int) L32 {
	s.add(Field{Name: name, Off: off, Size: 4, Kind: CRC, Little: true})
	return L32(off)
}

func uuid(s *Struct, name string, off int) UUIDField {
	s.add(Field{Name: name, Off: off, Size: 16, Kind: UUIDKind})
	return UUIDField(off)
}

func text(s *Struct, name string, off, n int) BytesField {
	s.add(Field{Name: name, Off: off, Size: n, Kind: Text})
	return BytesField{off, n}
}

// checkRange reports whether n bytes from off lie within size bytes; no argument can make it
// overflow.
func checkRange(off, n, size int) error {
	if off < 0 || n < 0 || off > size || n > size-off {
		return fmt.Errorf("bytes %d to %d+%d lie outside a structure of %d bytes", off, off, n, size)
	}
	return nil
}
