package repair

import (
	"context"
	"fmt"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// pointer is what a parent pointer says, less the generation.
type pointer struct {
	child, dir format.Ino
	name       string
}

// pointers makes parent pointers and entries agree. Entries that are missing in a directory which
// was written anew come back by their pointers; of the rest the entries are right, and pointers
// without one go. The types that entries have are corrected on the way.
func (t *tree) pointers(ctx context.Context) error {
	have := map[pointer]bool{} // of inodes that were looked at: true until an entry is found
	strays := func(ino format.Ino) error {
		list, err := t.parents(ino)
		if err != nil {
			return err
		}
		for _, p := range list {
			if d := t.nodes[p.Dir]; d != nil && d.gen == p.Gen {
				have[pointer{ino, p.Dir, p.Name}] = true
			} else if err := t.dropPointer(ino, p); err != nil {
				return err
			}
		}
		return nil
	}
	if t.geo.HasParent() {
		for _, ino := range t.order {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := t.nodes[ino]
			if len(t.mended) > 0 {
				if _, err := t.recallNames(ino, n, func(d format.Ino) bool { return t.mended[d] }); err != nil {
					return err
				}
			}
			if err := strays(ino); err != nil {
				return err
			}
		}
	}
	if err := t.dirs(func(ino format.Ino, n *node) error { return t.entriesOf(ino, n, have) }); err != nil {
		return err
	}
	for p, left := range have {
		if !left {
			continue
		}
		if err := t.dropPointer(p.child, attr.ParentPointer{Dir: p.dir, Gen: t.nodes[p.dir].gen, Name: p.name}); err != nil {
			return err
		}
	}
	return nil
}

// entriesOf compares the entries of a directory with the parent pointers of what they lead to.
func (t *tree) entriesOf(ino format.Ino, n *node, have map[pointer]bool) error {
	d, err := t.open(ino)
	if err != nil {
		return err
	}
	type fix struct {
		name    string
		child   format.Ino
		pointer bool
	}
	var todo []fix
	for e, err := range d.Entries() {
		if err != nil {
			return err
		}
		c := t.nodes[e.Ino]
		if c == nil {
			continue // readEntries has removed those; this one is new and will be judged next time
		}
		if e.Type != format.FTypeOf(c.mode) {
			todo = append(todo, fix{e.Name, e.Ino, false})
		}
		p := pointer{e.Ino, ino, e.Name}
		if _, ok := have[p]; ok {
			have[p] = false
		} else if t.geo.HasParent() {
			todo = append(todo, fix{e.Name, e.Ino, true})
		}
	}
	for _, f := range todo {
		mode := t.nodes[f.child].mode
		if !f.pointer {
			if err := t.setEntry(ino, f.name, f.child, format.FTypeOf(mode)); err != nil {
				return err
			}
			t.r.inode(ino, "correct the file type of an entry", fmt.Sprintf("%q", f.name))
			continue
		}
		err := t.change(f.child, func(_ *txn.Tx, ed *inode.Editor) error {
			return t.setAttr(ed, attr.Parent(f.name, ino, n.gen))
		})
		if err != nil {
			return err
		}
		t.r.inode(f.child, "add a parent pointer", fmt.Sprintf("%q in inode %d", f.name, ino))
	}
	return nil
}

// dropPointer takes a parent pointer away that has no entry.
func (t *tree) dropPointer(ino format.Ino, p attr.ParentPointer) error {
	err := t.change(ino, func(_ *txn.Tx, ed *inode.Editor) error {
		return t.attrsOf(ed).Remove(attr.Parent(p.Name, p.Dir, p.Gen))
	})
	if err != nil {
		return err
	}
	t.r.inode(ino, "remove a parent pointer", fmt.Sprintf("%q in inode %d has no entry", p.Name, p.Dir))
	return nil
}
