package shell

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// setCommands change structures by name, past the log and whatever it does to the volume.
func setCommands() []*Command {
	return []*Command{
		{
			Name: "set", Args: "[--bad-crc] FIELD VALUE [FIELD VALUE]...", Summary: "change fields of what is at the position",
			Text: "Values are given as they are printed: numbers in any base, null, names of values or of flags\nwith commas between, text, times, UUIDs. The checksum is computed anew, unless it is what is\nset. The change is written in place at once, past the log: see \"Changing structures\" in the\nguide.",
			Examples: []Example{
				{"set core.size 4096", ""},
				{"set flcount 0 flfirst 1", "several at once"},
				{"set --bad-crc longest 1", "and leave a checksum that is wrong"},
			},
			setup: setupSet,
		},
		{
			Name: "fuzz", Args: "[--bad-crc] [--seed N] FIELD VERB", Summary: "damage a field of what is at the position",
			Text: "VERB is zeroes or ones (all bits), firstbit, middlebit or lastbit (that bit the other way), add\nor sub (a small number), or random. Equal seeds give equal numbers. Otherwise as set.",
			Examples: []Example{
				{"fuzz core.forkoff ones", ""},
				{"fuzz --seed 7 recs[0].startblock random", ""},
			},
			setup: setupFuzz,
		},
		{
			Name: "poke", Args: "[--bad-crc] OFFSET BYTES", Summary: "change bytes at the position",
			Text: "OFFSET counts from its start. BYTES are hexadecimal digits, or text in double quotes within\nsingle ones.",
			Examples: []Example{
				{"poke 0x10 00ff", "two bytes"},
				{`poke 0 '"XFSB"'`, "four letters"},
			},
			setup: setupPoke,
		},
		{
			Name: "crc", Args: "[-r|-i]", Summary: "print the checksum of what is at the position, or change it",
			Examples: []Example{{"crc", "is it right?"}, {"crc -r", "make it right"}, {"crc -i", "make it wrong"}},
			setup:    setupCRC,
		},
	}
}

// badCRC declares the flag that asks for a wrong checksum.
func badCRC(f *flag.FlagSet) func(sumMode) sumMode {
	bad := f.Bool("bad-crc", false, "leave a checksum that is wrong")
	return func(m sumMode) sumMode {
		if *bad {
			return sumWrong
		}
		return m
	}
}

func setupSet(f *flag.FlagSet) runFunc {
	sum := badCRC(f)
	return func(_ context.Context, s *Session, args []string) error {
		if len(args) == 0 || len(args)%2 != 0 {
			return usagef("each field needs a value")
		}
		return s.alterFields(args, sum, func(b []byte, v format.Value, i int) error {
			p, _ := s.walk.here()
			return p.form.table.Set(s.Vol.Geo, b, v.Name, args[2*i+1])
		})
	}
}

// alterFields changes the fields that every second of args names, and prints them.
func (s *Session) alterFields(args []string, sum func(sumMode) sumMode, change func(b []byte, v format.Value, i int) error) error {
	if err := s.mayAlter(); err != nil {
		return err
	}
	p, err := s.walk.here()
	if err != nil {
		return err
	}
	var names []string
	err = s.alter(&p, func(b []byte) (sumMode, error) {
		mode := sumRight
		for i := 0; i < len(args); i += 2 {
			v, err := p.form.one(s.Vol.Geo, b, args[i])
			if err != nil {
				return mode, err
			}
			if err := change(b, v, i/2); err != nil {
				return mode, usagef("%v", err)
			}
			if v.Kind == format.CRC {
				mode = sumKept
			}
			names = append(names, v.Name)
		}
		return sum(mode), nil
	})
	if err != nil {
		return err
	}
	return s.showSet(&p, names)
}

// showSet prints fields after they were set. That they make no sense is marked, but no error. A
// field that another one has made disappear is left out.
func (s *Session) showSet(p *position, names []string) error {
	b, err := s.bytes(p)
	if err != nil {
		return err
	}
	damage := p.form.verify(s.Vol.Geo, b, p.at)
	all, _ := p.form.table.All(s.Vol.Geo, b)
	var values format.Values
	for _, v := range all {
		for _, name := range names {
			if v.Name == name {
				values = append(values, v)
				break
			}
		}
	}
	mark(values, damage)
	doc := StructureDoc{Type: "structure", Structure: p.form.title(), Daddr: uint64(p.at.Daddr), Fields: values}
	if p.at.AG != format.NullAGNumber {
		doc.AG = (*uint32)(&p.at.AG)
	}
	if damage != nil {
		doc.Damage = damage.Error()
	}
	return s.emit(doc, func(w io.Writer) { io.WriteString(w, values.String()) })
}

func setupFuzz(f *flag.FlagSet) runFunc {
	sum := badCRC(f)
	seed := f.Uint64("seed", 1, "where random numbers start: a `number`")
	return func(_ context.Context, s *Session, args []string) error {
		if err := exactly(args, 2); err != nil {
			return err
		}
		rnd := rand.New(rand.NewPCG(*seed, 0))
		return s.alterFields(args, sum, func(b []byte, v format.Value, _ int) error {
			v, err := fuzz(b, v, args[1], rnd)
			if err != nil || v.Bits == 0 || v.Kind == format.CRC {
				return err
			}
			p, _ := s.walk.here()
			return p.form.table.Set(s.Vol.Geo, b, v.Name, v.String())
		})
	}
}

func setupPoke(f *flag.FlagSet) runFunc {
	sum := badCRC(f)
	return func(_ context.Context, s *Session, args []string) error {
		if err := exactly(args, 2); err != nil {
			return err
		}
		p, err := s.walk.here()
		if err != nil {
			return err
		}
		at, err := number("offset", args[0], 32)
		if err != nil {
			return err
		}
		text, quoted := strings.CutPrefix(args[1], `"`)
		data := []byte(strings.TrimSuffix(text, `"`))
		if !quoted {
			if data, err = hex.DecodeString(args[1]); err != nil {
				return usagef("%q: not bytes in hexadecimal", args[1])
			}
		}
		if n := p.size(); at > uint64(n) || len(data) > n-int(at) {
			return usagef("%d bytes from byte %d: the %s here has %d bytes", len(data), at, p.form.title(), n)
		}
		err = s.alter(&p, func(b []byte) (sumMode, error) {
			before, _, ok := p.form.sum(b)
			copy(b[at:], data)
			if after, _, _ := p.form.sum(b); ok && after != before {
				return sumKept, nil
			}
			return sum(sumRight), nil
		})
		if err != nil {
			return err
		}
		b, err := s.bytes(&p)
		if err != nil {
			return err
		}
		return s.showHex(&p, b, int(at), len(data))
	}
}

// CRCDoc is a checksum.
type CRCDoc struct {
	Type    string `json:"type"` // "crc"
	CRC     string `json:"crc"`
	Want    string `json:"want"`
	Correct bool   `json:"correct"`
}

func setupCRC(f *flag.FlagSet) runFunc {
	repair := f.Bool("r", false, "make it right")
	spoil := f.Bool("i", false, "make it wrong")
	return func(_ context.Context, s *Session, args []string) error {
		if err := atMost(args, 0); err != nil {
			return err
		}
		if *repair && *spoil {
			return usagef("only one of -r and -i")
		}
		p, err := s.walk.here()
		if err != nil {
			return err
		}
		if *repair || *spoil {
			err := s.alter(&p, func([]byte) (sumMode, error) {
				if *spoil {
					return sumWrong, nil
				}
				return sumRight, nil
			})
			if err != nil {
				return err
			}
		}
		b, err := s.bytes(&p)
		if err != nil {
			return err
		}
		if n := p.form.length(s.Vol.Geo, b); n > 0 && n <= len(b) {
			b = b[:n]
		}
		got, want, ok := p.form.sum(b)
		if !ok {
			return usagef("there is no checksum in %s", p.form.title())
		}
		show := func(sum uint32) string { return format.Value{Kind: format.CRC, Bits: 32, Num: uint64(sum)}.String() }
		doc := CRCDoc{"crc", show(got), show(want), got == want}
		return s.emit(doc, func(w io.Writer) {
			if doc.Correct {
				fmt.Fprintf(w, "crc = %s (correct)\n", doc.CRC)
			} else {
				fmt.Fprintf(w, "crc = %s (bad; wrong: should be %s)\n", doc.CRC, doc.Want)
			}
		})
	}
}
