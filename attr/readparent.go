package attr

import (
	"errors"
	"fmt"
	"iter"

	"github.com/cowfs/cowfs/format"
)

// ParentPointer says that an inode has a name in a directory.
type ParentPointer struct {
	Dir  format.Ino
	Gen  uint32 // of the directory
	Name string
}

// Parents gives the parent pointers. An inode without any, on a volume that has the feature, is
// the root or has no name. An error ends the sequence.
func (r *Reader) Parents() iter.Seq2[ParentPointer, error] {
	return func(yield func(ParentPointer, error) bool) {
		for a, err := range r.All() {
			if err == nil && a.Flags != format.AttrParent {
				continue
			}
			var p ParentPointer
			if err == nil {
				p, err = r.parent(a)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// parent decodes a parent pointer.
func (r *Reader) parent(a Ref) (ParentPointer, error) {
	bad := func(what string, got, want any) error {
		return format.Corrupt("parent pointer", fmt.Sprintf("%s of %q", what, a.Name), got, want).At(format.InInode(r.ino.Ino))
	}
	if a.remote != 0 || a.Size != format.ParentRec.Size {
		return ParentPointer{}, bad("value", fmt.Sprintf("%d bytes", a.Size), format.ParentRec.Size)
	}
	p := ParentPointer{Dir: format.ParentIno.Get(a.value), Gen: format.ParentGen.Get(a.value), Name: a.Name}
	if !r.geo.ValidIno(p.Dir) {
		return p, bad("inumber", p.Dir, "an inode of the volume")
	}
	return p, nil
}

// FindParent reports whether there is a parent pointer for a name in directory dir of
// generation gen.
func (r *Reader) FindParent(name string, dir format.Ino, gen uint32) (bool, error) {
	want := Parent(name, dir, gen)
	_, err := r.find(want.Hash(), func(a *rawAttr) bool {
		return a.flags&format.AttrNamespace == format.AttrParent && string(a.name) == name && string(a.value) == string(want.Value)
	})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
