package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// treeCommands print B+trees and what they map.
func treeCommands() []*Command {
	return []*Command{
		{
			Name: "btdump", Args: "[-a|-c] KIND AG | [-a|-c] bmbt NUMBER|/PATH", Summary: "print the records of a B+tree in order",
			Text: "KIND is bnobt, cntbt, inobt, finobt, rmapbt or refcountbt, with the number of a group; or\nbmbt, with an inode whose fork is in B+tree format.",
			Examples: []Example{
				{"btdump rmapbt 0", "who owns what in group 0"},
				{"btdump bmbt /var/log/journal", "the mappings of a file with many extents"},
			},
			setup: setupBtdump,
		},
		bmapCommand(),
	}
}

// forkFlags declares the flags that choose a fork.
func forkFlags(f *flag.FlagSet) func() (inode.Which, error) {
	data := f.Bool("d", false, "the data fork; this is the default")
	attr := f.Bool("a", false, "the attribute fork")
	cow := f.Bool("c", false, "the CoW fork: staged writes")
	return func() (inode.Which, error) {
		switch {
		case *attr && *cow || *data && (*attr || *cow):
			return 0, usagef("only one of -d, -a and -c")
		case *attr:
			return inode.Attr, nil
		case *cow:
			return inode.Cow, nil
		}
		return inode.Data, nil
	}
}

// kinds are the B+trees of a group.
var kinds = []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Inobt, btree.Finobt, btree.Rmapbt, btree.Refcountbt}

func setupBtdump(f *flag.FlagSet) runFunc {
	fork := forkFlags(f)
	return func(ctx context.Context, s *Session, args []string) error {
		if err := exactly(args, 2); err != nil {
			return err
		}
		which, err := fork()
		if err != nil {
			return err
		}
		t, err := s.tree(which, args[0], args[1])
		if err != nil {
			return err
		}
		return s.dumpTree(ctx, t)
	}
}

// tree opens the tree that btdump's arguments name.
func (s *Session) tree(which inode.Which, kind, of string) (*btree.Tree, error) {
	if kind == btree.Bmbt.Name {
		i, err := s.inodeArg(of)
		if err != nil {
			return nil, err
		}
		fork, err := i.Fork(which)
		if err != nil {
			return nil, err
		}
		if fork.Tree() == nil {
			return nil, fmt.Errorf("inode %d: the %v is in %v format and has no B+tree; see bmap", i.Ino, which, fork.Format)
		}
		return fork.Tree(), nil
	}
	k, err := kindByName(kind)
	if err != nil {
		return nil, err
	}
	ag, err := s.groupArg([]string{of})
	if err != nil {
		return nil, err
	}
	return s.Vol.Tree(k, ag)
}

// RecordDoc is a record of a B+tree.
type RecordDoc struct {
	Type   string        `json:"type"` // "record"
	Tree   string        `json:"tree"`
	AG     *uint32       `json:"ag,omitempty"`
	Ino    *uint64       `json:"ino,omitempty"`
	Fields format.Values `json:"fields"`
}

func (s *Session) dumpTree(ctx context.Context, t *btree.Tree) error {
	doc := RecordDoc{Type: "record", Tree: t.Kind.Name}
	if t.Kind.Long {
		doc.Ino = (*uint64)(&t.Owner)
	} else {
		doc.AG = (*uint32)(&t.AG)
	}
	table := t.Kind.Rec
	if table == format.InobtRec && !s.Vol.Geo.HasSparse() {
		table = format.InobtRecFull
	}
	n := 0
	for rec, err := range t.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			doc.Fields, err = table.Decode(s.Vol.Geo, rec)
		}
		if err != nil {
			return err
		}
		err = s.emit(doc, func(w io.Writer) { writeRecord(w, n, doc.Fields) })
		if err != nil {
			return err
		}
		n++
	}
	return nil
}

// writeRecord writes a record on one line.
func writeRecord(w io.Writer, n int, values format.Values) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", n)
	for _, v := range values {
		fmt.Fprintf(&b, " %s=%v", v.Name, v)
		if v.Note != "" {
			fmt.Fprintf(&b, " (%s)", v.Note)
		}
	}
	fmt.Fprintln(w, b.String())
}
