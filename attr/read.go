package attr

import (
	"errors"
	"fmt"
	"iter"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// ErrNotFound says that an inode has no attribute of a name.
var ErrNotFound = errors.New("no such attribute")

// Reader reads the attributes of one inode. It is safe for concurrent use.
//
// What is wrong in the image gives an error of class format.ErrCorrupt; whatever the blocks
// hold, listing and looking up end. Attributes that were only being written when the volume was
// last used (format.AttrIncomplete) are passed over.
type Reader struct {
	geo  *format.Geometry
	ino  *inode.Inode
	fork *inode.Fork
}

// Open opens the attributes of an inode; there need not be any.
func Open(i *inode.Inode) (*Reader, error) {
	fork, err := i.Fork(inode.Attr)
	if err != nil {
		return nil, err
	}
	return &Reader{geo: i.Source().Geo, ino: i, fork: fork}, nil
}

// Ref is an attribute as a listing finds it, with a value that may not be read yet.
type Ref struct {
	Flags format.AttrFlag // namespace bits only
	Name  string
	Size  int // of the value, in bytes

	value  []byte         // a value beside its name
	remote format.FileOff // block of the fork where a remote value begins; 0: not remote
}

// All gives the attributes in the order in which they are stored, those of a hash tree in order
// of hash; parent pointers are among them. An error ends the sequence.
func (r *Reader) All() iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		visit := func(a *rawAttr) bool { return yield(a.ref(), nil) }
		var err error
		switch {
		case r.fork.Format == format.FmtLocal:
			eachShort(r.fork.Local, visit)
		case r.fork.Extents > 0:
			err = r.eachLeaf(0, visit)
		}
		if err != nil {
			yield(Ref{}, err)
		}
	}
}

// Find looks an attribute up; namespace is one of format.AttrNamespace's bits or 0. The error is
// ErrNotFound when there is none. Parent pointers can have a name in common, so that it takes
// FindParent to tell one from another.
func (r *Reader) Find(namespace format.AttrFlag, name string) (Ref, error) {
	return r.find(format.NameHash(name), func(a *rawAttr) bool {
		return a.flags&format.AttrNamespace == namespace && string(a.name) == name
	})
}

// find returns the first attribute of hash h that match accepts.
func (r *Reader) find(h format.Hash, match func(*rawAttr) bool) (found Ref, err error) {
	err = ErrNotFound
	visit := func(a *rawAttr) bool {
		if !match(a) {
			return true
		}
		found, err = a.ref(), nil
		return false
	}
	var readErr error
	switch {
	case r.fork.Format == format.FmtLocal:
		eachShort(r.fork.Local, visit)
	case r.fork.Extents > 0:
		readErr = r.eachLeaf(h, func(a *rawAttr) bool {
			return a.hash < h || a.hash == h && visit(a)
		})
	}
	if readErr != nil {
		err = readErr
	}
	return found, err
}

// Value reads the value of an attribute of this inode.
func (r *Reader) Value(a Ref) ([]byte, error) {
	if a.remote == 0 {
		return a.value, nil
	}
	v, err := r.fork.ReadRemote(format.TypeAttrRmt, a.remote, a.Size)
	if err != nil {
		return nil, fmt.Errorf("value of attribute %q: %w", a.Name, err)
	}
	return v, nil
}

// Get is Find and Value.
func (r *Reader) Get(namespace format.AttrFlag, name string) ([]byte, error) {
	a, err := r.Find(namespace, name)
	if err != nil {
		return nil, err
	}
	return r.Value(a)
}

// tree is the hash tree of an attribute fork in blocks.
func (r *Reader) tree() *dabtree.Tree {
	return &dabtree.Tree{
		Geo: r.geo, Owner: r.ino.Ino, Size: r.geo.BlockSize,
		Node: format.TypeAttrNode, Leaf: format.TypeAttrLeaf, Read: r.fork.ReadBlocks,
	}
}
