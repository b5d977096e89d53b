package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// trashCommands damage an image at random.
func trashCommands() []*Command {
	return []*Command{{
		Name: "blocktrash", Args: "[-n COUNT] [-x MIN] [-y MAX] [-s SEED] [-m MODE] [-t TYPE] [-z]", Summary: "damage random bits of random metadata",
		Text: "Each of COUNT times, a block of metadata is chosen, and in it a run of MIN to MAX bits, which\nMODE changes: 0 clears them, 1 sets them, 2 turns them over, 3 makes them random. Checksums\nare left as they are. Equal seeds damage equal images equally.",
		Examples: []Example{
			{"blocktrash -n 10 -s 42", "ten places"},
			{"blocktrash -t inode,bnobt -m 1", "only these types"},
			{"blocktrash -z", "what is at the position"},
		},
		setup: setupTrash,
	}}
}

// TrashDoc is a piece of damage.
type TrashDoc struct {
	Type string `json:"type"` // "trash"
	Form string `json:"form"`
	Byte int64  `json:"byte"` // of the structure, on the volume
	Bit  int    `json:"bit"`  // first bit of the run, from the start of the structure
	Bits int    `json:"bits"`
}

type trasher struct {
	n, min, max, mode int
	seed              uint64
	types             string
	here              bool
}

func setupTrash(f *flag.FlagSet) runFunc {
	var t trasher
	f.IntVar(&t.n, "n", 1, "how many `times`")
	f.IntVar(&t.min, "x", 1, "least `bits` of a run")
	f.IntVar(&t.max, "y", 1024, "most `bits` of a run")
	f.IntVar(&t.mode, "m", 2, "what becomes of them: a `mode`")
	f.Uint64Var(&t.seed, "s", 1, "where random numbers start: a `number`")
	f.StringVar(&t.types, "t", "", "only blocks of these `types`, with commas between")
	f.BoolVar(&t.here, "z", false, "the structure at the position, no other")
	return func(ctx context.Context, s *Session, args []string) error {
		if err := atMost(args, 0); err != nil {
			return err
		}
		if t.n < 1 || t.min < 1 || t.max < t.min || t.mode < 0 || t.mode > 3 {
			return usagef("there must be 1 or more times and bits, MIN not above MAX, and a mode from 0 to 3")
		}
		if err := s.mayAlter(); err != nil {
			return err
		}
		return t.run(ctx, s)
	}
}

func (t *trasher) run(ctx context.Context, s *Session) error {
	places, err := t.places(ctx, s)
	if err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(t.seed, 0))
	for range t.n {
		p := places[rnd.IntN(len(places))]
		doc := TrashDoc{Type: "trash", Form: p.form.name, Byte: p.start()}
		err := s.alter(&p, func(b []byte) (sumMode, error) {
			doc.Bits = min(t.min+rnd.IntN(t.max-t.min+1), 8*len(b))
			doc.Bit = rnd.IntN(8*len(b) - doc.Bits + 1)
			for i := doc.Bit; i < doc.Bit+doc.Bits; i++ {
				bit := byte(0x80) >> (i % 8)
				switch t.mode {
				case 0:
					b[i/8] &^= bit
				case 1:
					b[i/8] |= bit
				case 2:
					b[i/8] ^= bit
				case 3:
					b[i/8] ^= bit & byte(rnd.Uint32())
				}
			}
			return sumKept, nil
		})
		if err != nil {
			return err
		}
		err = s.emit(doc, func(w io.Writer) {
			fmt.Fprintf(w, "%s at byte %d: %d bits from bit %d\n", doc.Form, doc.Byte, doc.Bits, doc.Bit)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// places lists what can be damaged.
func (t *trasher) places(ctx context.Context, s *Session) ([]position, error) {
	if t.here {
		p, err := s.walk.here()
		return []position{p}, err
	}
	wanted := map[string]bool{}
	for _, name := range strings.FieldsFunc(t.types, func(r rune) bool { return r == ',' }) {
		f, err := formByName(name)
		if err != nil {
			return nil, err
		}
		wanted[f.name] = true
	}
	var out []position
	for m, err := range s.Vol.Metadata(ctx) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err != nil {
			continue // damaged already
		}
		b, err := s.Vol.ReadMeta(m)
		if err != nil {
			return nil, err
		}
		f := formOf(m.Detect(s.Vol.Geo, b))
		if len(wanted) > 0 && !wanted[f.name] {
			continue
		}
		p := position{form: f, at: m.At, ino: format.NullIno, attr: m.Attr}
		for _, r := range m.Ranges {
			p.pieces = append(p.pieces, piece{r.Off, r.Len})
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no such metadata on the volume")
	}
	return out, nil
}
