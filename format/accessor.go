package format

import "encoding/binary"

// U8, U16, U32 and U64 read and write one big-endian field of a structure; the value is the
// field's offset in bytes. The buffer must hold the structure's fixed part.
type (
	U8[T ~uint8]   int
	U16[T ~uint16] int
	U32[T ~uint32] int
	U64[T ~uint64] int
)

// LE16, LE32 and LE64 are their little-endian sisters: the log's items are little-endian. L32
// is a checksum, little-endian everywhere.
type (
	LE16[T ~uint16] int
	LE32[T ~uint32] int
	LE64[T ~uint64] int
	L32             int
)

// UUIDField holds a UUID, BytesField a byte string of the length given in the table, Array32 and
// Array64 arrays of Count big-endian fields of 32 and 64 bits from byte Off.
type (
	UUIDField          int
	BytesField         struct{ Off, Len int }
	Array32[T ~uint32] struct{ Off, Count int }
	Array64[T ~uint64] struct{ Off, Count int }
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

// At returns the accessor of element i.
func (a Array32[T]) At(i int) U32[T] { return U32[T](a.Off + 4*i) }

// At returns the accessor of element i.
func (a Array64[T]) At(i int) U64[T] { return U64[T](a.Off + 8*i) }

// number declares a field that holds a number of size bytes.
func number(s *Struct, name string, off, size int, k Kind, little bool) {
	s.add(Field{Name: name, Off: off, Size: size, Kind: k, Little: little})
}

func u8[T ~uint8](s *Struct, name string, off int, k Kind) U8[T] {
	number(s, name, off, 1, k, false)
	return U8[T](off)
}

func u16[T ~uint16](s *Struct, name string, off int, k Kind) U16[T] {
	number(s, name, off, 2, k, false)
	return U16[T](off)
}

func u32[T ~uint32](s *Struct, name string, off int, k Kind) U32[T] {
	number(s, name, off, 4, k, false)
	return U32[T](off)
}

func u64[T ~uint64](s *Struct, name string, off int, k Kind) U64[T] {
	number(s, name, off, 8, k, false)
	return U64[T](off)
}

func l16[T ~uint16](s *Struct, name string, off int, k Kind) LE16[T] {
	number(s, name, off, 2, k, true)
	return LE16[T](off)
}

func l32[T ~uint32](s *Struct, name string, off int, k Kind) LE32[T] {
	number(s, name, off, 4, k, true)
	return LE32[T](off)
}

func l64[T ~uint64](s *Struct, name string, off int, k Kind) LE64[T] {
	number(s, name, off, 8, k, true)
	return LE64[T](off)
}

// crc declares a structure's checksum.
func crc(s *Struct, name string, off int) L32 {
	number(s, name, off, 4, CRC, true)
	return L32(off)
}

func array32[T ~uint32](s *Struct, name string, off, n int, k Kind) Array32[T] {
	s.add(Field{Name: name, Off: off, Size: 4, Count: n, Kind: k})
	return Array32[T]{off, n}
}

func array64[T ~uint64](s *Struct, name string, off, n int, k Kind) Array64[T] {
	s.add(Field{Name: name, Off: off, Size: 8, Count: n, Kind: k})
	return Array64[T]{off, n}
}

func uuid(s *Struct, name string, off int) UUIDField {
	s.add(Field{Name: name, Off: off, Size: 16, Kind: UUIDKind})
	return UUIDField(off)
}

func text(s *Struct, name string, off, n int) BytesField {
	s.add(Field{Name: name, Off: off, Size: n, Kind: Text})
	return BytesField{off, n}
}
