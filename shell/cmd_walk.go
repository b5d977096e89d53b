package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// walkCommands look at the current position, and go on from it.
func walkCommands() []*Command {
	return []*Command{
		{
			Name: "print", Aliases: []string{"p"}, Args: "[FIELD]...", Summary: "print fields of what is at the position",
			Text: "Without a field, all of them. A field within a part is PART.FIELD, one of an array FIELD[N],\ncounted from 0, some of them FIELD[N-M]; what comes before a dot may be left out where only one\nfield is meant. The name of a part or an array prints all that is in it.",
			Examples: []Example{
				{"print", "everything"},
				{"print core.size", "one field"},
				{"print recs[3] bmx[0].startblock", "a record, and a field of an extent"},
				{"print recs[10-19]", "ten records"},
			},
			setup: noFlags(printHere),
		},
		{
			Name: "type", Args: "[-q] [NAME]", Summary: "read what is at the position as another type of structure",
			Text:     "Without a name, print the type and list all of them.",
			Examples: []Example{{"type", ""}, {"type agf", "where the magic number is damaged"}, {"type data", "in hexadecimal"}},
			setup:    setupType,
		},
		{
			Name: "follow", Args: "[-q] FIELD", Summary: "go to where a field points",
			Text: "To a block, an inode, a disk address, a block of a fork, or a record of the log, according to\nwhat the field is.",
			Examples: []Example{
				{"follow bnoroot", "from an AGF to the tree of free space"},
				{"follow ptrs[2]", "to the third child"},
				{"follow bmx[0].startblock", "from an inode to its data"},
			},
			setup: moving(follow),
		},
		{
			Name: "back", Args: "[-q]", Summary: "go to the position before", Examples: []Example{{"back", ""}},
			setup: stepping(-1),
		},
		{
			Name: "forward", Args: "[-q]", Summary: "go to the position that back came from", Examples: []Example{{"forward", ""}},
			setup: stepping(1),
		},
		{
			Name: "push", Args: "[COMMAND [ARGS]...]", Summary: "put the position on the stack, then run a command",
			Examples: []Example{{"push inode 128", "pop returns to where one is now"}},
			setup:    setupPush,
		},
		{
			Name: "pop", Args: "[-q]", Summary: "go to the position on top of the stack, and take it off", Examples: []Example{{"pop", ""}},
			setup: moving(func(_ context.Context, s *Session, args []string) (position, []string, error) {
				n := len(s.walk.stack) - 1
				if n < 0 {
					return position{}, nil, fmt.Errorf("the stack is empty; see push")
				}
				p := s.walk.stack[n]
				s.walk.stack = s.walk.stack[:n]
				return p, args, nil
			}),
		},
		{
			Name: "stack", Args: "", Summary: "list the positions on the stack, the top first", Examples: []Example{{"stack", ""}},
			setup: noFlags(func(_ context.Context, s *Session, args []string) error {
				if err := atMost(args, 0); err != nil {
					return err
				}
				for n := len(s.walk.stack) - 1; n >= 0; n-- {
					if err := s.address(&s.walk.stack[n]); err != nil {
						return err
					}
				}
				return nil
			}),
		},
		{
			Name: "hexdump", Aliases: []string{"hex"}, Args: "[FIELD]", Summary: "print the bytes at the position, or of a field",
			Examples: []Example{{"hexdump", ""}, {"hexdump crc", "where a field lies, and what is in it"}},
			setup:    noFlags(hexdump),
		},
		{
			Name: "addr", Args: "[FIELD]", Summary: "print where the position is, or where in it a field lies",
			Examples: []Example{{"addr", ""}, {"addr core.forkoff", "its first byte and its length"}},
			setup:    noFlags(printAddress),
		},
	}
}

func printHere(_ context.Context, s *Session, args []string) error {
	p, err := s.walk.here()
	if err != nil {
		return err
	}
	return s.show(&p, args)
}

// TypeDoc is a type of structure.
type TypeDoc struct {
	Type      string   `json:"type"` // "form"
	Name      string   `json:"name"`
	Structure string   `json:"structure"`
	Known     []string `json:"known"`
}

func setupType(f *flag.FlagSet) runFunc {
	quiet := f.Bool("q", false, "only set the type, print nothing")
	return func(_ context.Context, s *Session, args []string) error {
		if err := atMost(args, 1); err != nil {
			return err
		}
		p, err := s.walk.here()
		if err != nil {
			return err
		}
		if len(args) == 0 {
			doc := TypeDoc{"form", p.form.name, p.form.title(), formNames()}
			return s.emit(doc, func(w io.Writer) {
				fmt.Fprintf(w, "%s (%s)\nknown types: %s\n", doc.Name, doc.Structure, strings.Join(doc.Known, " "))
			})
		}
		next, err := s.retype(p, args[0])
		if err != nil {
			return err
		}
		s.walk.goTo(next)
		if *quiet {
			return nil
		}
		return s.show(&next, nil)
	}
}

// retype reads a position in another form. Names that stand for several, as xfs_db has them, are
// decided by the magic number.
func (s *Session) retype(p position, name string) (position, error) {
	b, err := s.read(p.start(), format.MaxBlockSize)
	if err != nil {
		return p, err
	}
	if name == "dir3" || name == "attr3" {
		name = formOf(format.Detect(s.Vol.Geo, b)).name
	}
	f, err := formByName(name)
	if err != nil {
		return p, err
	}
	if n := f.length(s.Vol.Geo, b); n > p.size() || n > 0 && len(p.pieces) == 1 {
		p.pieces = []piece{{p.start(), min(n, len(b))}}
	}
	p.form = f
	return p, nil
}

// stepping is the setup of a command that goes by places that were visited.
func stepping(by int) func(*flag.FlagSet) runFunc {
	return func(f *flag.FlagSet) runFunc {
		quiet := f.Bool("q", false, "only go there, print nothing")
		return func(_ context.Context, s *Session, args []string) error {
			if err := atMost(args, 0); err != nil {
				return err
			}
			w := &s.walk
			if _, err := w.here(); err != nil {
				return err
			}
			if w.now+by < 0 || w.now+by >= len(w.ring) {
				return fmt.Errorf("there is no position further that way")
			}
			w.now += by
			if *quiet {
				return nil
			}
			return s.show(&w.ring[w.now], nil)
		}
	}
}

func setupPush(*flag.FlagSet) runFunc {
	return func(ctx context.Context, s *Session, args []string) error {
		p, err := s.walk.here()
		if err != nil {
			return err
		}
		s.walk.stack = append(s.walk.stack, p)
		if len(args) == 0 {
			return nil
		}
		c, err := Find(args[0])
		if err != nil {
			return err
		}
		return c.run(ctx, s, args[1:])
	}
}

// fieldHere finds one field of what is at the position.
func (s *Session) fieldHere(p *position, name string) (format.Value, []byte, error) {
	b, err := s.bytes(p)
	if err != nil {
		return format.Value{}, nil, err
	}
	v, err := p.form.one(s.Vol.Geo, b, name)
	return v, b, err
}

func hexdump(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 1); err != nil {
		return err
	}
	p, err := s.walk.here()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		b, err := s.bytes(&p)
		if err != nil {
			return err
		}
		return s.showHex(&p, b, 0, len(b))
	}
	v, b, err := s.fieldHere(&p, args[0])
	if err != nil {
		return err
	}
	return s.showHex(&p, b, v.Off, v.Size)
}

// AddressDoc is where a position is.
type AddressDoc struct {
	Type    string  `json:"type"` // "address"
	Form    string  `json:"form"`
	Byte    int64   `json:"byte"`
	Length  int     `json:"length"`
	Daddr   uint64  `json:"daddr"`
	AG      *uint32 `json:"ag,omitempty"`
	AGBlock *uint32 `json:"agblock,omitempty"`
	FSBlock *uint64 `json:"fsblock,omitempty"`
	Offset  int64   `json:"offset"` // bytes from the start of the block
	Ino     *uint64 `json:"ino,omitempty"`
	Field   string  `json:"field,omitempty"`
	Bit     int     `json:"bit,omitempty"`
}

func printAddress(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 1); err != nil {
		return err
	}
	p, err := s.walk.here()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return s.address(&p)
	}
	v, _, err := s.fieldHere(&p, args[0])
	if err != nil {
		return err
	}
	doc := s.addressDoc(&p, p.placeOf(v.Off))
	doc.Length, doc.Field, doc.Bit = v.Size, v.Name, v.Bit
	return s.emit(doc, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %d bytes from byte %d of the structure", v.Name, v.Size, v.Off)
		if v.Bit > 0 {
			fmt.Fprintf(w, ", bit %d", v.Bit)
		}
		fmt.Fprintf(w, "; byte %d of the volume\n", doc.Byte)
	})
}

func (s *Session) addressDoc(p *position, off int64) AddressDoc {
	g := s.Vol.Geo
	doc := AddressDoc{
		Type: "address", Form: p.form.name, Byte: off, Length: p.size(), Daddr: uint64(off >> format.BasicBlockLog),
		Offset: off & int64(g.BlockSize-1),
	}
	block := off >> g.BlockLog
	if ag := block / int64(g.AGBlocks); ag < int64(g.AGCount) {
		no, b := uint32(ag), uint32(block%int64(g.AGBlocks))
		fsb := uint64(g.FSB(format.AGNumber(no), format.AGBlock(b)))
		doc.AG, doc.AGBlock, doc.FSBlock = &no, &b, &fsb
	}
	if p.at.Ino != format.NullIno {
		ino := uint64(p.at.Ino)
		doc.Ino = &ino
	}
	return doc
}

// address prints where a position is, on one line.
func (s *Session) address(p *position) error {
	doc := s.addressDoc(p, p.start())
	return s.emit(doc, func(w io.Writer) {
		fmt.Fprintf(w, "%s at byte %d, length %d: daddr %d", doc.Form, doc.Byte, doc.Length, doc.Daddr)
		if doc.AG != nil {
			fmt.Fprintf(w, ", fsblock %d (%d:%d)", *doc.FSBlock, *doc.AG, *doc.AGBlock)
		}
		if doc.Offset > 0 {
			fmt.Fprintf(w, " + %d", doc.Offset)
		}
		if doc.Ino != nil {
			fmt.Fprintf(w, ", inode %d", *doc.Ino)
		}
		fmt.Fprintln(w)
	})
}
