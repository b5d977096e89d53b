package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// shapeCommands show how B+trees are built.
func shapeCommands() []*Command {
	return []*Command{{
		Name: "tree", Args: "[-a|-c] [--svg FILE] KIND AG | [-a|-c] [--svg FILE] bmbt NUMBER|/PATH", Summary: "print the blocks of a B+tree, level by level",
		Text: "With how full each is and where its records begin; KIND as in btdump. What is damaged is marked,\nand the rest of the tree printed. --svg draws the tree to a file of the host.",
		Examples: []Example{
			{"tree rmapbt 0", ""},
			{"tree --svg tree.svg bmbt /var/db", "a picture"},
		},
		setup: setupTree,
	}}
}

// NodeDoc is a block of a B+tree.
type NodeDoc struct {
	Type   string  `json:"type"` // "node"
	Tree   string  `json:"tree"`
	AG     *uint32 `json:"ag,omitempty"`
	Ino    *uint64 `json:"ino,omitempty"`
	Level  int     `json:"level"` // 0 is a leaf
	Block  *uint64 `json:"block"` // fsblock in bmbt, else agblock; null: the root in the inode
	Parent *uint64 `json:"parent,omitempty"`
	Recs   int     `json:"records"`
	Max    int     `json:"max"`
	First  string  `json:"first"` // first key, as its fields
	Damage string  `json:"damage,omitempty"`

	children []*NodeDoc
}

// treeReader reads the blocks of a tree, as far as they can be read.
type treeReader struct {
	s    *Session
	ctx  context.Context
	t    *btree.Tree
	seen map[uint64]bool
}

func setupTree(f *flag.FlagSet) runFunc {
	fork := forkFlags(f)
	svg := f.String("svg", "", "draw the tree to a `file`")
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
		r := &treeReader{s, ctx, t, map[uint64]bool{}}
		root, err := r.root()
		if err != nil {
			return err
		}
		if *svg != "" {
			return drawTree(*svg, fmt.Sprintf("%s of %s", t.Kind.Name, r.of()), root)
		}
		return r.print(root)
	}
}

// of is whose tree it is.
func (r *treeReader) of() string {
	if r.t.Kind.Long {
		return fmt.Sprintf("inode %d", r.t.Owner)
	}
	return fmt.Sprintf("group %d", r.t.AG)
}

func (r *treeReader) doc(level int) *NodeDoc {
	d := &NodeDoc{Type: "node", Tree: r.t.Kind.Name, Level: level}
	if r.t.Kind.Long {
		d.Ino = (*uint64)(&r.t.Owner)
	} else {
		d.AG = (*uint32)(&r.t.AG)
	}
	return d
}

func (r *treeReader) root() (*NodeDoc, error) {
	if r.t.Fork == nil {
		return r.block(r.t.Root, r.t.Levels-1, nil)
	}
	n := r.t.Kind.RootOf(r.t.Fork)
	d := r.doc(n.Level)
	d.Max = format.RootMaxRecs(len(r.t.Fork))
	return d, r.below(d, n)
}

// block reads a block of the tree and what is below it. Damage is noted in what is returned.
func (r *treeReader) block(no uint64, level int, parent *uint64) (*NodeDoc, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	k, g := r.t.Kind, r.t.Geo
	d := r.doc(level)
	d.Block, d.Parent, d.Max = &no, parent, k.MaxRecs(g.BlockSize, level)
	fsb := format.FSBlock(no)
	at := format.InInode(r.t.Owner)
	if !k.Long {
		if no >= uint64(g.AGLen(r.t.AG)) {
			d.Damage = fmt.Sprintf("block %d: not in the group", no)
			return d, nil
		}
		fsb, at = g.FSB(r.t.AG, format.AGBlock(no)), format.InGroup(r.t.AG)
	}
	switch {
	case !g.ValidFSB(fsb, 1):
		d.Damage = fmt.Sprintf("block %d: not in any group of the volume", no)
		return d, nil
	case r.seen[no]:
		d.Damage = "reached a second time"
		return d, nil
	}
	r.seen[no] = true
	b, err := r.s.read(g.Offset(fsb), g.BlockSize)
	if err != nil {
		d.Damage = err.Error()
		return d, nil
	}
	at.Daddr = g.ToDaddr(fsb)
	bt := treeForm(k).block
	if err := format.Verify(g, bt, b, at); err != nil {
		d.Damage = err.Error()
		if !bt.Is(b) {
			return d, nil
		}
	}
	n := k.NodeOf(b)
	if n.Level != level {
		d.Damage = fmt.Sprintf("level %d, should be %d", n.Level, level)
		return d, nil
	}
	return d, r.below(d, n)
}

// below fills in what a block holds, and reads its children.
func (r *treeReader) below(d *NodeDoc, n btree.Node) error {
	d.Recs = n.Len()
	if d.Recs > 0 {
		d.First = r.firstKey(n)
	}
	if n.Level == 0 || n.Level >= format.MaxBtreeLevels {
		return nil
	}
	for i := range n.Len() {
		child, err := r.block(n.Ptr(i), n.Level-1, d.Block)
		if err != nil {
			return err
		}
		d.children = append(d.children, child)
	}
	return nil
}

// firstKey prints the fields of the first record or key of a block, by their table.
func (r *treeReader) firstKey(n btree.Node) string {
	table, b := r.t.Kind.Key, []byte(nil)
	if n.Level > 0 {
		b = n.Key(0)
	} else {
		table, b = r.t.Kind.Rec, n.Rec(0)
		if table == format.InobtRec && !r.t.Geo.HasSparse() {
			table = format.InobtRecFull
		}
	}
	values, err := table.Decode(r.t.Geo, b)
	if err != nil {
		return ""
	}
	var out []string
	for _, v := range values[:min(3, len(values))] {
		if !strings.HasSuffix(v.Name, "_hi") {
			out = append(out, v.Name+" "+v.String())
		}
	}
	return strings.Join(out, ", ")
}

// print prints a block and those below it.
func (r *treeReader) print(root *NodeDoc) error {
	r.s.title("%s of %s: %d levels", r.t.Kind.Name, r.of(), root.Level+1)
	var node func(d *NodeDoc, depth int) error
	node = func(d *NodeDoc, depth int) error {
		err := r.s.emit(d, func(w io.Writer) {
			where := "root in the inode"
			if d.Block != nil {
				where = fmt.Sprintf("block %d", *d.Block)
			}
			what := "records"
			if d.Level > 0 {
				what = "children"
			}
			fmt.Fprintf(w, "%s%s: %d of %d %s", strings.Repeat("  ", depth), where, d.Recs, d.Max, what)
			if d.First != "" {
				fmt.Fprintf(w, ", from %s", d.First)
			}
			if d.Damage != "" {
				fmt.Fprintf(w, "  <- %s", d.Damage)
			}
			fmt.Fprintln(w)
		})
		for _, c := range d.children {
			if err == nil {
				err = node(c, depth+1)
			}
		}
		return err
	}
	return node(root, 0)
}
