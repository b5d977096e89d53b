package repair

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// tree is what directories say of all inodes.
type tree struct {
	*names
	nodes map[format.Ino]*node
	order []format.Ino // of nodes
	// specials are the inodes that the superblock names: they have no entries.
	specials []format.Ino
	removed  map[format.Ino]bool // inodes without names, on the lists of such: they are freed
	lostTo   format.Ino          // where what nobody leads to is put; 0 until it is needed
}

// node is an inode in use.
type node struct {
	mode   uint16
	links  uint32 // that the inode says it has
	gen    uint32
	seen   uint32     // entries that lead to it
	parent format.Ino // of a directory: the one whose entry leads to it, 0 when none does
	dotdot format.Ino // of a directory: what it says itself
	subs   uint32     // of a directory: directories in it
}

func (n *node) isDir() bool { return n.mode&format.ModeType == format.ModeDir }

// connect makes entries, links and parent pointers agree: entries that lead nowhere go, and what
// no entry leads to comes back under the name that its parent pointer has, or else goes to
// lost+found under its number.
func (t *tree) connect(ctx context.Context) error {
	for _, step := range []func(context.Context) error{t.readInodes, t.readEntries, t.reach, t.recallRoot, t.adopt, t.pointers, t.setCounts} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readInodes lists all inodes in use.
func (t *tree) readInodes(ctx context.Context) error {
	for no := range format.AGNumber(t.geo.AGCount) {
		m := &model{geo: t.geo, dev: t.view}
		a := &groupModel{no: no}
		if err := m.readHeaders(a); err != nil {
			return err
		}
		if a.agi == nil {
			return fmt.Errorf("AG %d: its header can't be read after it was written anew", no)
		}
		if err := t.readLists(a); err != nil {
			return err
		}
		s := &salvage{model: m, kind: btree.Inobt, ag: no}
		var err error
		s.visit = func(rec []byte) {
			start, free := format.InoRecStart.Get(rec), format.InoRecFree.Get(rec)
			for i := range format.InodesPerChunk {
				if free>>i&1 == 0 && err == nil {
					err = t.readInode(t.geo.Ino(no, start+format.AGIno(i)))
				}
			}
		}
		s.root(uint64(format.AGIRoot.Get(a.agi)), int(format.AGILevel.Get(a.agi)))
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) readInode(ino format.Ino) error {
	i, err := t.src.Read(ino)
	if err != nil {
		return err
	}
	t.nodes[ino] = &node{mode: i.Mode(), links: i.NLink(), gen: i.Gen()}
	t.order = append(t.order, ino)
	return nil
}

// readLists notes the inodes on a group's lists of those without names.
func (t *tree) readLists(a *groupModel) error {
	for _, i := range a.unlinked {
		for i != format.NullAGIno {
			ino := t.geo.Ino(a.no, i)
			if t.removed[ino] {
				break
			}
			in, err := t.src.Read(ino)
			if err != nil {
				return err
			}
			t.removed[ino] = true
			i = format.DiNextUnlinked.Get(in.Raw)
		}
	}
	return nil
}

// dirs gives the directories, in order of number.
func (t *tree) dirs(f func(ino format.Ino, n *node) error) error {
	for _, ino := range t.order {
		if n := t.nodes[ino]; n != nil && n.isDir() {
			if err := f(ino, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// readEntries goes over all directories and removes entries that can't be.
func (t *tree) readEntries(ctx context.Context) error {
	// What directories say of where they are decides between two entries.
	err := t.dirs(func(ino format.Ino, n *node) (err error) {
		d, err := t.open(ino)
		if err == nil {
			n.dotdot, err = d.Parent()
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.dirs(func(ino format.Ino, n *node) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := t.open(ino)
		if err != nil {
			return err
		}
		var wrong []dir.Entry
		for e, err := range d.Entries() {
			if err != nil {
				return err
			}
			if !t.see(ino, n, e) {
				wrong = append(wrong, e)
			}
		}
		for _, e := range wrong {
			if err := t.removeEntry(ino, e.Name); err != nil {
				return err
			}
			t.r.inode(ino, "remove an entry", fmt.Sprintf("%q, of inode %d", e.Name, e.Ino))
			t.r.lostName(ino, e.Name, e.Ino)
		}
		return nil
	})
}

func (t *tree) open(ino format.Ino) (*dir.Dir, error) {
	i, err := t.src.Read(ino)
	if err != nil {
		return nil, err
	}
	return dir.Open(i)
}

// see counts an entry of directory d. It reports false when the entry has to go.
func (t *tree) see(ino format.Ino, d *node, e dir.Entry) bool {
	c := t.nodes[e.Ino]
	switch {
	case c == nil, e.Ino == t.geo.RootIno, t.special(e.Ino), t.removed[e.Ino]:
		return false
	case !c.isDir():
		c.seen++
		return true
	case c.parent != 0 && c.dotdot != ino:
		return false // another directory has it already
	case c.parent != 0:
		// The other entry was wrong after all: the directory itself knows this one.
		if c.parent == ino {
			return false // a second name in the same directory
		}
	case c.dotdot != ino && t.claims(c.dotdot, e.Ino):
		return false
	}
	c.parent = ino
	c.seen = 1
	return true
}

// claims reports whether a directory has an entry for another one.
func (t *tree) claims(parent, child format.Ino) bool {
	if p := t.nodes[parent]; p == nil || !p.isDir() {
		return false
	}
	d, err := t.open(parent)
	if err != nil {
		return false
	}
	for e, err := range d.Entries() {
		if err != nil {
			return false
		}
		if e.Ino == child {
			return true
		}
	}
	return false
}

// special reports whether an inode is one that the superblock names.
func (t *tree) special(ino format.Ino) bool { return slices.Contains(t.specials, ino) }

// reach finds directories that no path from the root leads to although each has an entry: they
// contain each other. One of them loses its entry, to come back elsewhere.
func (t *tree) reach(context.Context) error {
	known := map[format.Ino]bool{t.geo.RootIno: true}
	return t.dirs(func(ino format.Ino, _ *node) error {
		var path []format.Ino
		at := ino
		for !known[at] && !slices.Contains(path, at) {
			path = append(path, at)
			if at = t.nodes[at].parent; at == 0 {
				break
			}
		}
		if i := slices.Index(path, at); at != 0 && i >= 0 {
			if err := t.cutLoop(slices.Min(path[i:])); err != nil {
				return err
			}
		}
		for _, p := range path {
			known[p] = true
		}
		return nil
	})
}

// cutLoop takes a directory away from its parent.
func (t *tree) cutLoop(ino format.Ino) error {
	n := t.nodes[ino]
	d, err := t.open(n.parent)
	if err != nil {
		return err
	}
	for e, err := range d.Entries() {
		if err != nil {
			return err
		}
		if e.Ino == ino {
			t.r.inode(n.parent, "cut a loop of directories", fmt.Sprintf("%q, of inode %d", e.Name, ino))
			if err := t.removeEntry(n.parent, e.Name); err != nil {
				return err
			}
			break
		}
	}
	n.parent, n.seen = 0, 0
	return nil
}

// recallRoot gives a root directory that was made anew the generation that it had: parent pointers
// name it.
func (t *tree) recallRoot(context.Context) error {
	root := t.nodes[t.geo.RootIno]
	if !t.mended[t.geo.RootIno] || root == nil {
		return nil
	}
	votes := map[uint32]int{}
	for _, ino := range t.order {
		list, err := t.parents(ino)
		if err != nil {
			return err
		}
		for _, p := range list {
			if p.Dir == t.geo.RootIno {
				votes[p.Gen]++
			}
		}
	}
	gen := root.gen
	for g, n := range votes {
		if n > votes[gen] || n == votes[gen] && g < gen && votes[root.gen] < n {
			gen = g
		}
	}
	if gen == root.gen {
		return nil
	}
	root.gen = gen
	return t.change(t.geo.RootIno, func(_ *txn.Tx, ed *inode.Editor) error {
		format.DiGen.Put(ed.Modify(), gen)
		return nil
	})
}

// adopt gives inodes that no entry leads to a name.
func (t *tree) adopt(ctx context.Context) error {
	lost := slices.DeleteFunc(slices.Clone(t.order), func(ino format.Ino) bool {
		n := t.nodes[ino]
		return n.seen > 0 || ino == t.geo.RootIno || t.special(ino) || t.removed[ino]
	})
	// Directories first: files in them are not lost.
	slices.SortStableFunc(lost, func(a, b format.Ino) int {
		return cmp.Compare(btoi(!t.nodes[a].isDir()), btoi(!t.nodes[b].isDir()))
	})
	for _, ino := range lost {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := t.nodes[ino]
		found, err := t.recallNames(ino, n, func(format.Ino) bool { return true })
		if err != nil || found {
			if err != nil {
				return err
			}
			continue
		}
		if err := t.toLostFound(ino, n); err != nil {
			return err
		}
	}
	return nil
}

// recallNames makes the entries that an inode's parent pointers tell of and that are missing, in
// those directories that may have lost some.
func (t *tree) recallNames(ino format.Ino, n *node, may func(d format.Ino) bool) (found bool, err error) {
	list, err := t.parents(ino)
	if err != nil {
		return false, err
	}
	for _, p := range list {
		d := t.nodes[p.Dir]
		if d == nil || !d.isDir() || d.gen != p.Gen || !may(p.Dir) || t.below(p.Dir, ino) || n.isDir() && n.parent != 0 {
			continue
		}
		if err := t.addEntry(p.Dir, p.Name, ino, format.FTypeOf(n.mode)); err != nil {
			if isExist(err) {
				continue
			}
			return found, err
		}
		t.r.inode(p.Dir, "bring an entry back", fmt.Sprintf("%q, of inode %d, by its parent pointer", p.Name, ino))
		t.r.foundName(p.Dir, p.Name)
		t.named(ino, n, p.Dir)
		found = true
	}
	return found, nil
}

// named counts a new entry.
func (t *tree) named(ino format.Ino, n *node, d format.Ino) {
	n.seen++
	if n.isDir() {
		n.parent = d
	}
}

// below reports whether a directory lies in another one, or is it.
func (t *tree) below(d, top format.Ino) bool {
	for range len(t.order) {
		if d == top {
			return true
		}
		n := t.nodes[d]
		if n == nil || n.parent == 0 {
			return false
		}
		d = n.parent
	}
	return true
}

// parents lists an inode's parent pointers.
func (t *tree) parents(ino format.Ino) (list []attr.ParentPointer, err error) {
	if !t.geo.HasParent() {
		return nil, nil
	}
	i, err := t.src.Read(ino)
	if err != nil {
		return nil, err
	}
	r, err := attr.Open(i)
	if err != nil {
		return nil, err
	}
	for p, err := range r.Parents() {
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// setCounts corrects entries' types, links, and where directories say that they are.
func (t *tree) setCounts(context.Context) error {
	for _, ino := range t.order {
		if n := t.nodes[ino]; n.isDir() && n.parent != 0 {
			t.nodes[n.parent].subs++
		}
	}
	for _, ino := range slices.Sorted(maps.Keys(t.nodes)) {
		n := t.nodes[ino]
		want := n.seen
		if n.isDir() {
			want = 2 + n.subs
			parent := n.parent
			if ino == t.geo.RootIno {
				parent = ino
			}
			if parent != 0 && n.dotdot != parent {
				if err := t.setEntry(ino, "..", parent, format.FTDir); err != nil {
					return err
				}
				t.r.inode(ino, "correct ..", fmt.Sprintf("was %d, should be %d", n.dotdot, parent))
			}
		}
		if t.special(ino) {
			want = 1
		}
		if t.removed[ino] || n.links == want {
			continue
		}
		if err := t.setLinks(ino, want); err != nil {
			return err
		}
		t.r.inode(ino, "correct the number of links", fmt.Sprintf("was %d, should be %d", n.links, want))
	}
	return nil
}
