package dir

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Fork is the data fork of a directory in a transaction, and what of the inode goes with it.
type Fork interface {
	dabtree.Blocks

	// Local returns the fork's bytes while the directory is in shortform, else nil.
	Local() []byte
	// SetLocal makes the fork local with this content. It has no blocks then.
	SetLocal(b []byte) error
	// SetBlocks makes the fork one of blocks, none so far.
	SetBlocks()
	// Room is the number of bytes that a local fork can have.
	Room() int
	// SetSize stores the directory's size.
	SetSize(n uint64)
	Size() uint64
}

// Editor changes a directory. The entries "." and ".." are kept by it too.
type Editor struct {
	Geo  *format.Geometry
	Ino  format.Ino
	Fork Fork
	// hint is a data block below which the free space index has nothing to offer for entries
	// of hintSize bytes.
	hint     int
	hintSize int
}

// Errors of an Editor.
var (
	ErrExist    = fs.ErrExist
	ErrNotExist = fs.ErrNotExist
	errForm     = errors.New("directory is in a form that cannot be")
)

// form says how the directory is stored now.
func (e *Editor) form() (Form, error) {
	if e.Fork.Local() != nil {
		return Short, nil
	}
	at, ok, err := e.Fork.Mapped(leafOff(e.Geo))
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return Block, nil
	case at != leafOff(e.Geo):
		return 0, fmt.Errorf("inode %d: %w", e.Ino, errForm)
	}
	b, err := e.Fork.Read(at, format.TypeDirLeafN, format.TypeDirLeaf1, format.TypeDirNode)
	if err != nil {
		return 0, err
	}
	if b.Type == format.TypeDirLeaf1 {
		return Leaf, nil
	}
	return Node, nil
}

// Add adds a name. ErrExist when it is there.
func (e *Editor) Add(name string, ino format.Ino, t format.FType) error {
	f, err := e.form()
	if err != nil {
		return err
	}
	if _, err := e.find(f, name); err == nil {
		return fmt.Errorf("%q: %w", name, ErrExist)
	} else if !errors.Is(err, ErrNotExist) {
		return err
	}
	n := Entry{name, ino, t}
	switch f {
	case Short:
		return e.addShort(n)
	case Block:
		return e.addBlock(n)
	case Leaf:
		return e.addLeaf(n)
	}
	return e.addNode(n)
}

// Remove takes a name away. ErrNotExist when there is none.
func (e *Editor) Remove(name string) error {
	f, err := e.form()
	if err != nil {
		return err
	}
	p, err := e.find(f, name)
	if err != nil {
		return err
	}
	switch f {
	case Short:
		return e.removeShort(p)
	case Block:
		return e.removeBlock(name)
	case Leaf:
		return e.removeLeaf(p)
	}
	return e.removeNode(p)
}

// Replace makes a name, which may be "..", lead to another inode.
func (e *Editor) Replace(name string, ino format.Ino, t format.FType) error {
	f, err := e.form()
	if err != nil {
		return err
	}
	if f == Short {
		return e.replaceShort(name, ino, t)
	}
	p, err := e.find(f, name)
	if err != nil {
		return err
	}
	format.DirEntryIno.Put(e.Fork.Change(p.data, p.at, 8)[p.at:], ino)
	ft := p.at + format.DirEntry.Size + len(name)
	e.Fork.Change(p.data, ft, 1)[ft] = byte(t)
	return nil
}

// Init makes the empty directory of a new inode.
func (e *Editor) Init(parent format.Ino) error {
	b := make([]byte, format.DirSFSize(8))
	w := NewShort(b, parent, parent>>32 != 0)
	n := w.Finish()
	e.Fork.SetSize(uint64(n))
	return e.Fork.SetLocal(b[:n])
}

// place is where an entry was found.
type place struct {
	at   int      // of the entry in its block; in shortform the index of the entry
	data *txn.Buf // the data block
	db   int      // its number
	ent  int      // of the index entry in its block
	path *dabtree.Path
}

// find looks a name up.
func (e *Editor) find(f Form, name string) (*place, error) {
	switch f {
	case Short:
		for i, have := range e.short() {
			if e.same([]byte(have.Name), name) {
				return &place{at: i}, nil
			}
		}
		return nil, fmt.Errorf("%q: %w", name, ErrNotExist)
	case Block:
		return e.findBlock(name)
	case Leaf:
		return e.findLeaf(name)
	}
	return e.findNode(name)
}

// same compares names as the volume does.
func (e *Editor) same(a []byte, b string) bool {
	return string(a) == b || e.Geo.HasASCIICI() && equalFold(a, b)
}

func (e *Editor) corrupt(b *txn.Buf, field string, got, want any) error {
	return format.Corrupt(b.Type.Name, field, got, want).At(b.Place(e.Ino))
}

// Lookup finds a name.
func (e *Editor) Lookup(name string) (Entry, error) {
	f, err := e.form()
	if err != nil {
		return Entry{}, err
	}
	p, err := e.find(f, name)
	if err != nil {
		return Entry{}, err
	}
	if f == Short {
		return e.short()[p.at], nil
	}
	r := (&dataBlock{b: p.data.Data}).entry(p.at)
	return Entry{string(r.name), r.ino, r.ftype}, nil
}

// Contents lists the directory: its entries but "." and "..", and its parent.
func (e *Editor) Contents() (list []Entry, parent format.Ino, f Form, err error) {
	if f, err = e.form(); err != nil {
		return nil, 0, 0, err
	}
	if f == Short {
		return e.short(), e.parent(), f, nil
	}
	list, parent, err = e.list()
	return list, parent, f, err
}

// Parent is the directory above this one.
func (e *Editor) Parent() (format.Ino, error) {
	f, err := e.form()
	if err != nil {
		return 0, err
	}
	if f == Short {
		return e.parent(), nil
	}
	p, err := e.find(f, "..")
	if err != nil {
		return 0, err
	}
	return (&dataBlock{b: p.data.Data}).entry(p.at).ino, nil
}

// ToBlocks makes a directory in shortform one of blocks, so that the inode has room for other
// things.
func (e *Editor) ToBlocks() error {
	if e.Fork.Local() == nil {
		return nil
	}
	list, parent := e.short(), e.parent()
	z := NewSizer(e.Geo)
	for i := range list {
		z.Add(len(list[i].Name))
	}
	e.Fork.SetBlocks()
	return e.write(list, parent, z.Shape(0, 8))
}
