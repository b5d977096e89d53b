package format

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoField is the class of errors about names that no field of a structure has.
var ErrNoField = errors.New("no such field")

// Get returns one field of the structure in b, by its full name, such as "core.size",
// "recs[3].startblock" or "unlinked[5]". A name may be cut short at its beginning, at a dot,
// where only one field ends so: "size". Indices count from 0.
func (s *Struct) Get(g *Geometry, b []byte, name string) (Value, error) {
	at, err := s.find(g, b, name)
	if err != nil {
		return Value{}, err
	}
	return at.value(), nil
}

// Set changes one field of the structure in b; the name is as for Get, the value as Decode
// prints it. Numbers may be decimal or, with 0x or 0 in front, hexadecimal or octal; "null" is
// the null value of a pointer; names of values and of bits, with commas between, are
// understood, too. Text shorter than its field is filled up with NUL bytes. Checksums are left as they are:
// see BlockType.SetChecksum.
func (s *Struct) Set(g *Geometry, b []byte, name, value string) error {
	at, err := s.find(g, b, name)
	if err != nil {
		return err
	}
	if err := at.set(value); err != nil {
		return fmt.Errorf("%s: %s: %w", s.Name, at.name, err)
	}
	return nil
}

func (s slot) set(value string) error {
	if s.f.isBytes() {
		raw, err := s.f.Kind.parseBytes(value, s.f.Size*s.f.Count)
		if err != nil {
			return err
		}
		copy(s.f.span(s.b), raw)
		return nil
	}
	n, err := s.parse(value)
	if err != nil {
		return err
	}
	s.f.putNumber(s.b, s.i, n)
	return nil
}

// parse reads a number for the slot: by name where the field names its values.
func (s slot) parse(value string) (uint64, error) {
	if s.f.Names != nil {
		if n, ok := s.f.Names.parse(value); ok {
			return n, nil
		}
	}
	n, err := s.f.Kind.parseNumber(value, s.f.width())
	if err != nil && s.f.Names != nil {
		err = fmt.Errorf("%w; names are %s", err, strings.Join(s.f.Names.List(), ", "))
	}
	return n, err
}

// find looks a name up: a full one first, else the one field that ends with it.
func (s *Struct) find(g *Geometry, b []byte, name string) (slot, error) {
	var exact, short slot
	var others int
	_, err := s.walk(g, "", b, 0, func(at slot) bool {
		switch {
		case at.name == name:
			exact = at
			return false
		case strings.HasSuffix(at.name, "."+name):
			if short.f == nil {
				short = at
			} else {
				others++
			}
		}
		return true
	})
	switch {
	case exact.f != nil:
		return exact, nil
	case short.f != nil && others == 0:
		return short, nil
	case short.f != nil:
		return slot{}, fmt.Errorf("%s: %q: %w: %s and %d others end so", s.Name, name, ErrNoField, short.name, others)
	case err != nil:
		return slot{}, fmt.Errorf("%s: %q: %w: %w", s.Name, name, ErrNoField, err)
	}
	return slot{}, fmt.Errorf("%s: %q: %w", s.Name, name, ErrNoField)
}
