package shell

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

func bmapCommand() *Command {
	return &Command{
		Name: "bmap", Args: "[-d|-a|-c] [NUMBER|/PATH]", Summary: "print where the blocks of a file lie",
		Text: "Offsets and lengths are in filesystem blocks. Holes are left out. Behind the blocks stands\n\"shared\" when other files have them too, and \"unwritten\" when they read as zeroes; \"delalloc\"\nis what was written and has no blocks yet. Without a path or number, of the current inode.",
		Examples: []Example{
			{"bmap /bin/ls", "the data"},
			{"bmap -a /bin/ls", "the extended attributes"},
			{"bmap -c /disk.img", "writes on their way"},
		},
		setup: setupBmap,
	}
}

// MappingDoc is an extent of a fork.
type MappingDoc struct {
	Type      string `json:"type"` // "mapping"
	Ino       uint64 `json:"ino"`
	Fork      string `json:"fork"` // "data", "attr" or "cow"
	Offset    uint64 `json:"offset"`
	Count     uint64 `json:"count"`
	FSBlock   uint64 `json:"fsblock"`
	AG        uint32 `json:"ag"`
	AGBlock   uint32 `json:"agblock"`
	Byte      int64  `json:"byte"` // on the volume
	Unwritten bool   `json:"unwritten"`
	Shared    bool   `json:"shared"`
	Delalloc  bool   `json:"delalloc"` // then there are no blocks
}

func (d MappingDoc) write(w io.Writer) {
	var flags strings.Builder
	for _, f := range []struct {
		is   bool
		name string
	}{{d.Shared, "shared"}, {d.Unwritten, "unwritten"}, {d.Delalloc, "delalloc"}} {
		if f.is {
			flags.WriteString(" " + f.name)
		}
	}
	if d.Delalloc {
		fmt.Fprintf(w, "%12d %8d %14s %6s %10s%s\n", d.Offset, d.Count, "-", "-", "-", flags.String())
		return
	}
	fmt.Fprintf(w, "%12d %8d %14d %6d %10d%s\n", d.Offset, d.Count, d.FSBlock, d.AG, d.AGBlock, flags.String())
}

func setupBmap(f *flag.FlagSet) runFunc {
	choose := forkFlags(f)
	return func(ctx context.Context, s *Session, args []string) error {
		args, err := s.orCurrent(args)
		if err == nil {
			err = atMost(args, 1)
		}
		if err != nil {
			return err
		}
		which, err := choose()
		if err != nil {
			return err
		}
		i, err := s.inodeArg(args[0])
		if err != nil {
			return err
		}
		m := mapper{s: s, ctx: ctx, g: s.Vol.Geo, doc: MappingDoc{Type: "mapping", Ino: uint64(i.Ino), Fork: [...]string{"data", "attr", "cow"}[which]}}
		if which == inode.Cow {
			return m.cow(i)
		}
		return m.fork(i, which)
	}
}

// mapper prints the mappings of a fork.
type mapper struct {
	s   *Session
	ctx context.Context
	g   *format.Geometry
	doc MappingDoc
}

func (m *mapper) title(what any) {
	m.s.title("inode %d, %v", m.doc.Ino, what)
	m.s.title("%12s %8s %14s %6s %10s", "OFFSET", "COUNT", "FSBLOCK", "AG", "AGBLOCK")
}

// cow prints the CoW fork, what of it is in memory too.
func (m *mapper) cow(i *inode.Inode) error {
	list, err := m.s.Vol.CowFork(i)
	if err != nil {
		return err
	}
	m.title(inode.Cow)
	for _, x := range list {
		d := m.at(x.Off, x.Start, x.Blocks())
		d.Unwritten, d.Delalloc = x.State == cow.Allocated, x.State == cow.Reserved
		if err := m.give(d); err != nil {
			return err
		}
	}
	return nil
}

// fork prints a fork that is on disk, and what is delayed of it.
func (m *mapper) fork(i *inode.Inode, which inode.Which) error {
	fork, err := i.Fork(which)
	if err != nil {
		return err
	}
	if fork.Format == format.FmtDev || fork.Format == format.FmtLocal {
		m.s.title("inode %d, %v in %v format", i.Ino, fork.Which, fork.Format)
		return nil
	}
	m.title(fmt.Sprintf("%v in %v format", fork.Which, fork.Format))
	var delayed []cow.Extent
	if which == inode.Data {
		delayed = m.s.Vol.Delayed(i.Ino)
	}
	for d, err := range m.docs(i, fork) {
		if err != nil {
			return err
		}
		n, _ := slices.BinarySearchFunc(delayed, d.Offset, func(x cow.Extent, at uint64) int { return cmp.Compare(uint64(x.Off), at) })
		if err := m.delayed(delayed[:n]); err != nil {
			return err
		}
		delayed = delayed[n:]
		if err := m.give(d); err != nil {
			return err
		}
	}
	return m.delayed(delayed)
}

func (m *mapper) delayed(list []cow.Extent) error {
	for _, x := range list {
		d := m.doc
		d.Offset, d.Count, d.Delalloc = uint64(x.Off), x.Blocks(), true
		if err := m.give(d); err != nil {
			return err
		}
	}
	return nil
}

// docs describes the mappings of a fork, divided by whether they are shared.
func (m *mapper) docs(i *inode.Inode, fork *inode.Fork) iter.Seq2[MappingDoc, error] {
	shares := fork.Which == inode.Data && i.IsRegular() && i.Flags2()&format.Flag2Reflink != 0
	return func(yield func(MappingDoc, error) bool) {
		for x, err := range fork.All() {
			if err != nil {
				yield(MappingDoc{}, err)
				return
			}
			d := m.at(x.Off, x.Start, uint64(x.Count))
			d.Unwritten = x.Unwritten
			if !shares {
				if !yield(d, nil) {
					return
				}
				continue
			}
			err = m.s.Vol.Refs(x.Start, x.Count, func(start format.FSBlock, count, refs uint32) error {
				p := m.at(x.Off+format.FileOff(start-x.Start), start, uint64(count))
				p.Unwritten, p.Shared = x.Unwritten, refs > 1
				if !yield(p, nil) {
					return errEnough
				}
				return nil
			})
			if err != nil {
				if err != errEnough {
					yield(MappingDoc{}, err)
				}
				return
			}
		}
	}
}

// errEnough ends an enumeration that nobody listens to any more.
var errEnough = errors.New("no more is wanted")

// at describes blocks at an offset.
func (m *mapper) at(off format.FileOff, start format.FSBlock, count uint64) MappingDoc {
	d := m.doc
	d.Offset, d.Count = uint64(off), count
	d.FSBlock, d.AG, d.AGBlock, d.Byte = uint64(start), uint32(m.g.AG(start)), uint32(m.g.AGB(start)), m.g.Offset(start)
	return d
}

func (m *mapper) give(d MappingDoc) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	return m.s.emit(d, d.write)
}
