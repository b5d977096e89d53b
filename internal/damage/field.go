package damage

import (
	"math/big"
	"math/rand/v2"

	"github.com/cowfs/cowfs/format"
)

// Field is one field of one structure, or one element of it where it is an array.
type Field struct {
	Name string // "recs[].startblock": without indices, so that elements have the same name
	Kind format.Kind

	bit, width int // from the most significant bit of the structure's first byte; in bits
	little     bool
}

// Fields lists the fields of a structure, whose bytes b are, and of all that is in it. Padding is
// among them; a variant of a union is, if it is the one that the structure has.
func Fields(g *format.Geometry, t *format.BlockType, b []byte) []Field {
	return appendFields(nil, g, "", t.Table, b, 0)
}

func appendFields(out []Field, g *format.Geometry, prefix string, s *format.Struct, b []byte, off int) []Field {
	for i := range s.Fields {
		if f := &s.Fields[i]; f.When == nil || f.When(b) {
			out = appendField(out, prefix, f, off)
		}
	}
	if s.Parts == nil {
		return out
	}
	parts, _ := s.Parts(g, b) // a sound structure has no damage
	for _, p := range parts {
		name := join(prefix, p.Name)
		if p.Index >= 0 {
			name += "[]"
		}
		out = appendFields(out, g, name, p.Table, b[p.Off:p.Off+p.Len], off+p.Off)
	}
	return out
}

// appendField adds the elements of a field of a table that is laid over byte off.
func appendField(out []Field, prefix string, f *format.Field, off int) []Field {
	one := Field{Name: join(prefix, f.Name), Kind: f.Kind, bit: 8*(off+f.Off) + f.Bit, width: 8 * f.Size, little: f.Little}
	switch {
	case f.Bits != 0:
		one.width = f.Bits
	case f.Kind == format.Pad || f.Kind == format.Text || f.Kind == format.Raw || f.Kind == format.UUIDKind:
		one.width *= f.Count
	default:
		if f.Count > 1 {
			one.Name += "[]"
		}
		for range f.Count - 1 {
			out = append(out, one)
			one.bit += one.width
		}
	}
	return append(out, one)
}

func join(prefix, name string) string {
	if prefix == "" || name == "" {
		return prefix + name
	}
	return prefix + "." + name
}

// Verb is a way to change a field.
type Verb int

// The verbs.
const (
	Zeroes    Verb = iota
	Ones           // all bits set
	FirstBit       // the most significant bit flipped
	MiddleBit      // the one in the middle
	LastBit        // the least significant one
	Add            // a small number added
	Sub            // and subtracted
	Random         // any value
	Verbs          // how many there are
)

// String is what xfs_db calls the verb.
func (v Verb) String() string {
	return [...]string{"zeroes", "ones", "firstbit", "middlebit", "lastbit", "add", "sub", "random"}[v]
}

// Change applies a verb to the field in the structure b and sets b's checksum, unless the field is
// the checksum. It reports whether b is another one now.
func (f Field) Change(t *format.BlockType, b []byte, v Verb, rng *rand.Rand) bool {
	old := f.get(b)
	to := new(big.Int)
	all := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(f.width)), big.NewInt(1))
	switch v {
	case Zeroes:
	case Ones:
		to.Set(all)
	case FirstBit:
		to.Xor(old, new(big.Int).Lsh(big.NewInt(1), uint(f.width-1)))
	case MiddleBit:
		to.Xor(old, new(big.Int).Lsh(big.NewInt(1), uint(f.width/2)))
	case LastBit:
		to.Xor(old, big.NewInt(1))
	case Add:
		to.Add(old, big.NewInt(2+rng.Int64N(14)))
	case Sub:
		to.Sub(old, big.NewInt(2+rng.Int64N(14)))
	case Random:
		for range f.width {
			to.Lsh(to, 1).Or(to, big.NewInt(rng.Int64N(2)))
		}
	}
	to.And(to, all)
	if to.Cmp(old) == 0 {
		return false
	}
	f.put(b, to)
	if f.Kind != format.CRC {
		t.SetChecksum(b)
	}
	return true
}

// place is the bit of b that holds bit i of the value, 0 being the most significant one.
func (f Field) place(i int) (at int, mask byte) {
	if f.little {
		last := f.bit/8 + f.width/8 - 1
		return last - i/8, 1 << (7 - i%8)
	}
	return (f.bit + i) / 8, 1 << (7 - (f.bit+i)%8)
}

func (f Field) get(b []byte) *big.Int {
	v := new(big.Int)
	for i := range f.width {
		if at, mask := f.place(i); b[at]&mask != 0 {
			v.SetBit(v, f.width-1-i, 1)
		}
	}
	return v
}

func (f Field) put(b []byte, v *big.Int) {
	for i := range f.width {
		at, mask := f.place(i)
		b[at] &^= mask
		if v.Bit(f.width-1-i) != 0 {
			b[at] |= mask
		}
	}
}
