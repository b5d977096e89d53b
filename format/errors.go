package format

import (
	"errors"
	"fmt"
	"strings"
)

// ErrCorrupt is the class of all errors that say an image's content is wrong, as opposed to
// an operation on it failing: errors.Is(err, ErrCorrupt).
var ErrCorrupt = errors.New("corrupt structure")

// ErrUnsupported is the class of errors about a valid image that uses what this code does not
// know: an unknown feature bit, a realtime section, an old format version.
var ErrUnsupported = errors.New("unsupported feature")

// Place says where on the image a structure lies. Fields that do not apply are null values.
type Place struct {
	AG    AGNumber
	Daddr Daddr // NullPlace.Daddr when unknown
	Ino   Ino
}

// NullPlace is a Place that says nothing.
var NullPlace = Place{AG: NullAGNumber, Daddr: Daddr(NullFSBlock), Ino: NullIno}

// InGroup is a place somewhere in a group.
func InGroup(ag AGNumber) Place { return Place{AG: ag, Daddr: NullPlace.Daddr, Ino: NullIno} }

// InInode is a place somewhere in an inode or its forks.
func InInode(ino Ino) Place { return Place{AG: NullAGNumber, Daddr: NullPlace.Daddr, Ino: ino} }

// BlockOf is the place of a block that belongs to an inode.
func BlockOf(ino Ino, daddr Daddr) Place { return Place{AG: NullAGNumber, Daddr: daddr, Ino: ino} }

// String names the known parts, e.g. "AG 1, daddr 8192, inode 131".
func (p Place) String() string {
	var s []string
	if p.AG != NullAGNumber {
		s = append(s, fmt.Sprintf("AG %d", p.AG))
	}
	if p.Daddr != NullPlace.Daddr {
		s = append(s, fmt.Sprintf("daddr %d", p.Daddr))
	}
	if p.Ino != NullIno {
		s = append(s, fmt.Sprintf("inode %d", p.Ino))
	}
	return strings.Join(s, ", ")
}

// CorruptError says which field of which structure is wrong, where, and what it should be.
type CorruptError struct {
	Structure string
	Field     string
	Place     Place
	Got, Want string // empty when there is no one value to name
}

func (e *CorruptError) Error() string {
	var b strings.Builder
	b.WriteString(e.Structure)
	if at := e.Place.String(); at != "" {
		b.WriteString(" at " + at)
	}
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString("got " + e.Got)
	if e.Want != "" {
		b.WriteString(", want " + e.Want)
	}
	return b.String()
}

// Is makes every CorruptError an ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Corrupt makes a CorruptError without a place; At adds one.
func Corrupt(structure, field string, got, want any) *CorruptError {
	return &CorruptError{Structure: structure, Field: field, Place: NullPlace, Got: show(got), Want: show(want)}
}

// At returns the error with its place set.
func (e *CorruptError) At(p Place) *CorruptError {
	e.Place = p
	return e
}

func show(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Wants of range checks.
func below(n uint32) string    { return fmt.Sprintf("below %d", n) }
func upTo(n uint32) string     { return fmt.Sprintf("%d at most", n) }
func fromTo(lo, hi int) string { return fmt.Sprintf("%d to %d", lo, hi) }

func inGroup(g *Geometry, ag AGNumber) string {
	return fmt.Sprintf("block %d to %d of the group", g.HeaderBlocks(), g.AGLen(ag)-1)
}

// hexed shows masks and magic numbers.
func hexed[T ~uint8 | ~uint16 | ~uint32 | ~uint64](v T) string { return fmt.Sprintf("%#x", uint64(v)) }

func byteAt(off int) string     { return fmt.Sprintf("byte %d", off) }
func rangeAt(off, n int) string { return fmt.Sprintf("byte %d, length %d", off, n) }

// showCRC shows a checksum as fields of kind CRC print.
func showCRC(v uint32) string { return CRC.formatNumber(uint64(v), 32) }
