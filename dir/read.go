package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// ErrNotDir says that an inode is no directory.
var ErrNotDir = errors.New("not a directory")

// Entry is one name of a directory.
type Entry struct {
	Name string // any bytes but "/" and NUL
	Ino  format.Ino
	Type format.FType
}

// Dir is a directory to be read. It is safe for concurrent use.
//
// What is wrong in the image gives an error of class format.ErrCorrupt; whatever the blocks
// hold, listing and looking up end.
type Dir struct {
	Form Form // Leaf stands for Node as well: only the index tells, and listing needs none

	geo  *format.Geometry
	ino  *inode.Inode
	fork *inode.Fork
}

// Open opens a directory.
func Open(i *inode.Inode) (*Dir, error) {
	if !i.IsDir() {
		return nil, fmt.Errorf("inode %d: %w", i.Ino, ErrNotDir)
	}
	fork, err := i.Fork(inode.Data)
	if err != nil {
		return nil, err
	}
	d := &Dir{Form: Block, geo: i.Source().Geo, ino: i, fork: fork}
	if fork.Format == format.FmtLocal {
		d.Form = Short
		return d, nil
	}
	for _, err := range fork.From(leafOff(d.geo)) {
		if err != nil {
			return nil, err
		}
		d.Form = Leaf
		break
	}
	return d, nil
}

// Entries gives the names in the order in which they are stored, without "." and "..". An
// error ends the sequence.
func (d *Dir) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		visit := func(e rawEntry) bool {
			if string(e.name) == "." || string(e.name) == ".." {
				return true
			}
			return yield(Entry{string(e.name), e.ino, e.ftype}, nil)
		}
		var err error
		if d.Form == Short {
			eachShort(d.fork.Local, visit)
		} else {
			err = d.eachData(visit)
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// Parent is the directory that this one is in; the root is its own.
func (d *Dir) Parent() (format.Ino, error) {
	if d.Form == Short {
		return d.shortParent(), nil
	}
	e, err := d.Lookup("..")
	if errors.Is(err, fs.ErrNotExist) {
		err = d.corrupt("directory", "..", "no entry", "one")
	}
	return e.Ino, err
}

// Lookup finds a name through the directory's index; "." and ".." are found too. The error is
// fs.ErrNotExist when the name is not there. On volumes with the ASCII-CI feature names match
// without regard to the case of A to Z.
func (d *Dir) Lookup(name string) (Entry, error) {
	m := matcher{name: name, fold: d.geo.HasASCIICI()}
	var err error
	switch {
	case name == "" || len(name) > format.MaxNameLen:
	case d.Form == Short:
		d.findShort(&m)
	case d.Form == Block:
		err = d.findBlock(&m)
	default:
		err = d.findIndex(&m)
	}
	if err == nil && !m.found {
		err = fs.ErrNotExist
	}
	return m.entry, err
}

// tree is the index of leaf and node form.
func (d *Dir) tree() *dabtree.Tree {
	return &dabtree.Tree{
		Geo: d.geo, Owner: d.ino.Ino, Base: leafOff(d.geo), Size: d.geo.DirBlockSize,
		Node: format.TypeDirNode, Leaf: format.TypeDirLeafN, Lone: format.TypeDirLeaf1, Read: d.fork.ReadBlocks,
	}
}

func (d *Dir) corrupt(structure, field string, got, want any) error {
	return format.Corrupt(structure, field, got, want).At(d.place(format.NullPlace.Daddr))
}

// place is that of a block of the directory.
func (d *Dir) place(daddr format.Daddr) format.Place {
	return format.BlockOf(d.ino.Ino, daddr)
}

// matcher looks for one name among entries.
type matcher struct {
	name  string
	fold  bool // the case of A to Z does not matter
	found bool
	exact bool // found in the very same spelling
	entry Entry
}

// try takes e if it is the name wanted and returns false when nothing better can come. Where
// case does not matter, the very same spelling is better than another.
func (m *matcher) try(e rawEntry) bool {
	exact := string(e.name) == m.name
	if exact || m.fold && !m.found && equalFold(e.name, m.name) {
		m.found, m.exact = true, exact
		m.entry = Entry{string(e.name), e.ino, e.ftype}
	}
	return !m.exact
}

func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
