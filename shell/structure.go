package shell

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// StructureDoc is a structure on the disk with its fields.
type StructureDoc struct {
	Type      string        `json:"type"` // "structure"
	Structure string        `json:"structure"`
	AG        *uint32       `json:"ag,omitempty"`
	Daddr     uint64        `json:"daddr"` // 512-byte units from the volume's start
	Ino       *uint64       `json:"ino,omitempty"`
	Damage    string        `json:"damage,omitempty"` // what is wrong with it; empty: nothing found
	Fields    format.Values `json:"fields"`           // all, or those that were asked for
}

// HexDoc is bytes of no known meaning.
type HexDoc struct {
	Type   string `json:"type"` // "hex"
	Daddr  uint64 `json:"daddr"`
	Offset int    `json:"offset"` // of the first byte from there
	Hex    string `json:"hex"`
}

// show prints what is at a position: the fields named, or everything.
func (s *Session) show(p *position, fields []string) error {
	b, err := s.bytes(p)
	if err != nil {
		return err
	}
	if p.form.table == nil {
		if len(fields) > 0 {
			return usagef("bytes without a known structure have no fields; see type")
		}
		return s.showHex(p, b, 0, len(b))
	}
	return s.structure(p.form, b, p.at, fields)
}

// structure prints a structure of a form in b, which was found at a place, by the form's field
// table: the fields named, or all. Damage does not keep it from being printed: it is marked, and
// returned at the end unless only some fields were asked for.
func (s *Session) structure(f *form, b []byte, at format.Place, fields []string) error {
	g := s.Vol.Geo
	damage := f.verify(g, b, at)
	if n := f.length(g, b); n > 0 && n <= len(b) {
		b = b[:n]
	}
	var values format.Values
	var err error
	whole := len(fields) == 0
	if whole {
		values, err = f.decode(g, b)
		if damage == nil {
			damage = err
		}
	} else {
		for _, name := range fields {
			picked, err := f.pick(g, b, name)
			if err != nil {
				return err
			}
			values = append(values, picked...)
		}
		if damage != nil && !concerns(damage, values) {
			damage = nil
		}
	}
	if damage != nil {
		mark(values, damage)
	}
	doc := StructureDoc{Type: "structure", Structure: f.title(), Daddr: uint64(at.Daddr), Fields: values}
	if at.AG != format.NullAGNumber {
		doc.AG = (*uint32)(&at.AG)
	}
	if at.Ino != format.NullIno {
		doc.Ino = (*uint64)(&at.Ino)
	}
	if damage != nil {
		doc.Damage = damage.Error()
	}
	if err := s.emit(doc, func(w io.Writer) { io.WriteString(w, values.String()) }); err != nil || !whole {
		return err
	}
	return damage
}

// concerns reports whether damage is in one of some values.
func concerns(damage error, values format.Values) bool {
	var c *format.CorruptError
	if !errors.As(damage, &c) {
		return true
	}
	for _, v := range values {
		if isField(v, c) {
			return true
		}
	}
	return false
}

// showHex prints n bytes from byte from of what is at a position.
func (s *Session) showHex(p *position, b []byte, from, n int) error {
	b = b[from : from+n]
	doc := HexDoc{"hex", uint64(p.start() >> format.BasicBlockLog), int(p.start()%format.BasicBlock) + from, hex.EncodeToString(b)}
	return s.emit(doc, func(w io.Writer) { writeHex(w, b, from) })
}

// writeHex is hex.Dump with offsets that count from first.
func writeHex(w io.Writer, b []byte, first int) {
	for len(b) > 0 {
		line := b[:min(16-first%16, len(b))]
		text := []byte(strings.Repeat(" ", 16))
		fmt.Fprintf(w, "%08x  %s", first&^15, strings.Repeat("   ", first%16))
		for i, c := range line {
			fmt.Fprintf(w, "%02x ", c)
			if (first+i)%16 == 7 {
				fmt.Fprint(w, " ")
			}
			text[first%16+i] = '.'
			if c >= ' ' && c <= '~' {
				text[first%16+i] = c
			}
		}
		rest := 16 - first%16 - len(line)
		fmt.Fprintf(w, "%s |%s|\n", strings.Repeat("   ", rest), text[first%16:first%16+len(line)])
		first += len(line)
		b = b[len(line):]
	}
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

// read reads n bytes from byte off of the volume, fewer at its end. They are not to be changed.
// What was read last is kept as long as nothing can change it: commands mostly look at the same
// place again, or at the one beside it.
func (s *Session) read(off int64, n int) ([]byte, error) {
	if rel := off - s.seen.off; rel >= 0 && rel+int64(n) <= int64(len(s.seen.b)) {
		return s.seen.b[rel : rel+int64(n) : rel+int64(n)], nil
	}
	dev := s.Vol.Device()
	b := make([]byte, max(0, min(int64(n), dev.Size()-off)))
	if len(b) == 0 {
		return nil, fmt.Errorf("byte %d is behind the end of the image, which has %d", off, dev.Size())
	}
	_, err := dev.ReadAt(b, off)
	if err == nil && s.Writer == nil && s.Raw == nil {
		s.seen = extract{off, b}
	}
	return b, err
}

// extract is bytes of the volume from byte off on.
type extract struct {
	off int64
	b   []byte
}
