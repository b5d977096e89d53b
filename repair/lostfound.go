package repair

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// lostFound is the name of the directory in the root for what nobody leads to.
const lostFound = "lost+found"

func isExist(err error) bool { return errors.Is(err, fs.ErrExist) }

// toLostFound gives an inode its number as a name in lost+found.
func (t *tree) toLostFound(ino format.Ino, n *node) error {
	if t.lostTo == 0 {
		if err := t.openLostFound(); err != nil {
			return err
		}
	}
	name := strconv.FormatUint(uint64(ino), 10)
	for i := 1; ; i++ {
		err := t.addEntry(t.lostTo, name, ino, format.FTypeOf(n.mode))
		if err == nil {
			break
		}
		if !isExist(err) {
			return err
		}
		name = fmt.Sprintf("%d.%d", ino, i)
	}
	t.named(ino, n, t.lostTo)
	t.r.inode(ino, "put into lost+found", fmt.Sprintf("as %q", name))
	t.r.lost(ino, -1, 0, "its name; it is lost+found/"+name+" now")
	return nil
}

// openLostFound finds the directory, or makes it. Something else of that name stays what it is.
func (t *tree) openLostFound() error {
	d, err := t.open(t.geo.RootIno)
	if err != nil {
		return err
	}
	name := lostFound
	for i := 1; ; i++ {
		e, err := d.Lookup(name)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		if c := t.nodes[e.Ino]; c != nil && c.isDir() {
			t.lostTo = e.Ino
			return nil
		}
		name = fmt.Sprintf("%s.%d", lostFound, i)
	}
	return t.makeLostFound(name)
}

func (t *tree) makeLostFound(name string) error {
	var made *node
	err := t.change(t.geo.RootIno, func(tx *txn.Tx, root *inode.Editor) error {
		old := t.nodes[t.geo.RootIno]
		parent := attr.Parent(name, root.Ino, old.gen)
		n := inode.Node{Mode: format.ModeDir | 0o700, From: root}
		if t.geo.HasParent() {
			n.Attrs, _ = attr.ShortSize([]attr.Attr{parent})
		}
		ed, err := t.inodes.Create(tx, root.Ino, n)
		if err != nil {
			return err
		}
		t.lostTo, made = ed.Ino, &node{mode: ed.Mode(), gen: ed.Gen(), seen: 1, parent: root.Ino, dotdot: root.Ino}
		if err := t.dirOf(ed).Init(root.Ino); err != nil {
			return err
		}
		return t.dirOf(root).Add(name, ed.Ino, format.FTDir)
	})
	if err != nil {
		return err
	}
	t.nodes[t.lostTo] = made
	t.order = append(t.order, t.lostTo)
	return nil
}
