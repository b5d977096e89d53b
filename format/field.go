package format

import (
	"fmt"
	"math/bits"
	"slices"
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
	Names     *Names              // what single values or bits are called; nil: nothing
	When      func(b []byte) bool // nil: always there. Variants of a union each have one

	cond   *fieldCond // what When looks at
	inWord int        // bytes from the start of the word of bits that the field is in
}

// End is the offset in bytes of the first byte behind the field.
func (f *Field) End() int {
	if f.Bits != 0 {
		return f.Off + (f.Bit+f.Bits+7)/8
	}
	return f.Off + f.Size*f.Count
}

// present reports whether the structure in b has the field.
func (f *Field) present(b []byte) bool { return f.When == nil || f.When(b) }

// width is the number of bits of one element; meaningless for fields of bytes.
func (f *Field) width() int {
	if f.Bits != 0 {
		return f.Bits
	}
	return 8 * f.Size
}

// isBytes reports whether the field's value is a byte string, not a number.
func (f *Field) isBytes() bool { return f.Bits == 0 && (f.Kind.bytes() || f.Kind == Pad) }

// span returns the bytes of a field that holds a byte string.
func (f *Field) span(b []byte) []byte { return b[f.Off : f.Off+f.Size*f.Count] }

// number returns element i of the field in b.
func (f *Field) number(b []byte, i int) uint64 {
	var v uint64
	switch {
	case f.Bits != 0:
		for n := f.Bit; n < f.Bit+f.Bits; n++ {
			v = v<<1 | uint64(b[f.Off+n/8]>>(7-n%8)&1)
		}
	case f.Little:
		for n := f.Size - 1; n >= 0; n-- {
			v = v<<8 | uint64(b[f.Off+i*f.Size+n])
		}
		if f.Kind == Time { // two words, seconds first
			v = bits.RotateLeft64(v, 32)
		}
	default:
		for n := range f.Size {
			v = v<<8 | uint64(b[f.Off+i*f.Size+n])
		}
	}
	return v
}

// putNumber sets element i of the field in b to v, which must fit.
func (f *Field) putNumber(b []byte, i int, v uint64) {
	switch {
	case f.Bits != 0:
		for n := f.Bit + f.Bits - 1; n >= f.Bit; n-- {
			mask := byte(1) << (7 - n%8)
			b[f.Off+n/8] = b[f.Off+n/8]&^mask | byte(v&1)<<(7-n%8)
			v >>= 1
		}
	case f.Little:
		if f.Kind == Time {
			v = bits.RotateLeft64(v, 32)
		}
		for n := range f.Size {
			b[f.Off+i*f.Size+n] = byte(v)
			v >>= 8
		}
	default:
		for n := f.Size - 1; n >= 0; n-- {
			b[f.Off+i*f.Size+n] = byte(v)
			v >>= 8
		}
	}
}

// Struct is the field table of one on-disk structure: the one place where its layout is
// written down. Typed accessors (U32 and its sisters) are made together with their entry here.
type Struct struct {
	Name   string
	Size   int // bytes of the fixed part
	Fields []Field
	// Parts lists what follows the fixed part of the structure in b: records, entries, slots.
	// Nil when nothing does. All parts lie within b. Where the structure is damaged, the
	// parts before the damage come together with the error.
	Parts func(g *Geometry, b []byte) ([]Part, error)

	newest int // index of the field declared last
}

// Part is one structure inside another one, at Off bytes from the outer one's start.
type Part struct {
	Name  string
	Index int // position in the array called Name, from 0; -1 when there is just one
	Off   int
	Len   int // bytes that belong to the part, its own Parts included
	Table *Struct
}

// newStruct starts a table; size is that of the fixed part in bytes.
func newStruct(name string, size int) *Struct {
	return &Struct{Name: name, Size: size, Fields: make([]Field, 0, 16)}
}

// add puts a field into the table, in the order of offsets, whatever the order in which Go
// initializes the variables that declare fields. The fields of a word of bits stay as declared.
func (s *Struct) add(f Field) {
	f.Count = max(f.Count, 1)
	at := len(s.Fields)
	for at > 0 && s.Fields[at-1].Off-s.Fields[at-1].inWord > f.Off-f.inWord {
		at--
	}
	s.Fields = slices.Insert(s.Fields, at, f)
	s.newest = at
}

// declared stands for a declaration made for its effect on a table only.
type declared struct{}

// padding declares bytes that must be zero. It is an expression, as all declarations are, so
// that a table can stay one var block.
func padding(s *Struct, name string, off, n int) declared {
	s.add(Field{Name: name, Off: off, Size: 1, Count: n, Kind: Pad})
	return declared{}
}

// bitfield declares a field of n bits that starts bit bits into the word at byte word, counted
// from its most significant one.
func bitfield(s *Struct, word int, name string, bit, n int, k Kind) declared {
	s.add(Field{Name: name, Off: word + bit/8, Bit: bit % 8, Bits: n, Kind: k, inWord: bit / 8})
	return declared{}
}

// contents says what follows the fixed part. It stands apart from newStruct because a parts
// function reads the structure's own fields.
func contents(s *Struct, parts func(g *Geometry, b []byte) ([]Part, error)) declared {
	s.Parts = parts
	return declared{}
}

// variant makes the field just declared depend on a condition and passes its accessor on.
func variant[A any](a A, s *Struct, c fieldCond) A {
	f := &s.Fields[s.newest]
	f.cond, f.When = &c, c.when(f.Little)
	return a
}

// named names the values or bits of the field just declared and passes its accessor on.
func named[A any](a A, s *Struct, n *Names) A {
	s.Fields[s.newest].Names = n
	return a
}

// fieldCond is the condition that some bits of a structure have a value, or have another one.
// Their word is big-endian, or little-endian in a structure that is.
type fieldCond struct {
	off, size  int // of the word, in bytes
	mask, want uint64
	negated    bool
}

// ifBits is the condition that all bits of a mask are set.
func ifBits(off, size int, mask uint64) fieldCond {
	return fieldCond{off: off, size: size, mask: mask, want: mask}
}

func (c fieldCond) not() fieldCond {
	c.negated = !c.negated
	return c
}

func (c fieldCond) when(little bool) func(b []byte) bool {
	word := Field{Off: c.off, Size: c.size, Count: 1, Little: little}
	return func(b []byte) bool { return (word.number(b, 0)&c.mask == c.want) != c.negated }
}

// littleCopy declares the little-endian twin of a structure, as the log's items hold it.
func littleCopy(name string, s *Struct) *Struct {
	c := newStruct(name, s.Size)
	for _, f := range s.Fields {
		f.Little = true
		if f.cond != nil {
			f.When = f.cond.when(true)
		}
		c.add(f)
	}
	return c
}

// repeat makes the parts of an array of n structures that starts at off.
func repeat(name string, off, n int, table *Struct) []Part {
	parts := make([]Part, n)
	for i := range parts {
		parts[i] = Part{Name: name, Index: i, Off: off + i*table.Size, Len: table.Size, Table: table}
	}
	return parts
}

// counted lists n structures behind a header, as many of them as there are bytes for.
func counted(structure, field, name string, header, table *Struct, n uint32, b []byte) ([]Part, error) {
	room := uint32((len(b) - header.Size) / table.Size)
	if n > room {
		return repeat(name, header.Size, int(room), table), Corrupt(structure, field, n, upTo(room))
	}
	return repeat(name, header.Size, int(n), table), nil
}

// checkRange returns a CorruptError unless n bytes from off lie within size bytes; no argument can
// make it overflow.
func checkRange(off, n, size int) error {
	if off < 0 || n < 0 || off > size || n > size-off {
		return Corrupt("range", "", rangeAt(off, n), fmt.Sprintf("a part of %d bytes", size))
	}
	return nil
}
