package attr

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
)

// Fork is the attribute fork of an inode in a transaction.
type Fork interface {
	dabtree.Blocks

	// WriteRemote allocates n blocks at off, which have none, and writes each as fill makes it.
	// ReadRemote reads a value of n bytes from off on, FreeRemote gives its blocks back.
	WriteRemote(off format.FileOff, n int, fill func(i int, bno format.Daddr, b []byte)) error
	ReadRemote(off format.FileOff, n int) ([]byte, error)
	FreeRemote(off format.FileOff, n int) error

	// Local returns the fork's bytes while the attributes are in shortform, nil while they are
	// in blocks, and an empty slice when there are none.
	Local() []byte
	// SetLocal stores attributes in shortform, which take so many bytes. It reports false, and
	// does nothing, when the inode has no room for them.
	SetLocal(b []byte) (bool, error)
	// SetBlocks makes the fork one of blocks, none so far. SetNone takes the fork away.
	SetBlocks() error
	SetNone() error
}

// Editor changes the attributes of an inode.
type Editor struct {
	Geo  *format.Geometry
	Ino  format.Ino
	Fork Fork
}

// Errors of an Editor; ErrNotFound is another.
var (
	ErrExist = fs.ErrExist
	ErrSize  = errors.New("names have 1 to 255 bytes, values 65536 at most")
)

// is reports whether an attribute is the one asked for: parent pointers go by their value too.
func (s *stored) is(a *Attr) bool {
	return s.Flags&format.AttrNamespace == a.Flags&format.AttrNamespace && s.Name == a.Name &&
		(a.Flags&format.AttrParent == 0 || bytes.Equal(s.Value, a.Value))
}

func copyOf(a *rawAttr) stored {
	s := stored{size: a.size, remote: a.remote}
	s.Flags, s.Name = a.flags&^format.AttrLocal, string(a.name)
	if a.remote == 0 {
		s.Value = bytes.Clone(a.value)
	}
	return s
}

// Set adds an attribute, or gives it a new value. create and replace tell what it must not, and
// what it must be: there before.
func (e *Editor) Set(a Attr, create, replace bool) error {
	if len(a.Name) == 0 || len(a.Name) > format.MaxNameLen || len(a.Value) > format.MaxAttrValue {
		return fmt.Errorf("attribute with a name of %d bytes and a value of %d: %w", len(a.Name), len(a.Value), ErrSize)
	}
	err := e.remove(&a, create)
	switch {
	case err == nil:
	case !errors.Is(err, ErrNotFound):
		return err
	case replace:
		return err
	}
	return e.add(a)
}

// Remove takes an attribute away. Of a parent pointer the value counts as well.
func (e *Editor) Remove(a Attr) error {
	if err := e.remove(&a, false); err != nil {
		return err
	}
	return e.shrink()
}

// remove takes an attribute away, or with keep only reports ErrExist when it is there.
func (e *Editor) remove(a *Attr, keep bool) error {
	if local := e.Fork.Local(); local != nil {
		list := e.short()
		i := slices.IndexFunc(list, func(s Attr) bool { return (&stored{Attr: s}).is(a) })
		switch {
		case i < 0:
			return fmt.Errorf("%q: %w", a.Name, ErrNotFound)
		case keep:
			return fmt.Errorf("%q: %w", a.Name, ErrExist)
		}
		return e.setShort(slices.Delete(list, i, i+1))
	}
	path, list, i, err := e.find(a)
	if err != nil {
		return err
	}
	if keep {
		return fmt.Errorf("%q: %w", a.Name, ErrExist)
	}
	if s := list[i]; s.remote != 0 {
		if err := e.Fork.FreeRemote(s.remote, format.RemoteBlocks(e.Geo.BlockSize, s.size)); err != nil {
			return err
		}
	}
	list = slices.Delete(list, i, i+1)
	t := e.tree()
	if len(list) == 0 {
		if err := t.Remove(path); err != nil {
			return err
		}
		if path.Off != 0 {
			return nil
		}
	}
	e.put(path.Leaf, list)
	if len(list) > 0 {
		t.SetHigh(path, list[len(list)-1].Hash())
	}
	return nil
}

// add adds an attribute that isn't there.
func (e *Editor) add(a Attr) error {
	if local := e.Fork.Local(); local != nil {
		list := append(e.short(), a)
		if size, ok := ShortSize(list); ok {
			b := make([]byte, size)
			PutShort(b, list)
			if done, err := e.Fork.SetLocal(b); done || err != nil {
				return err
			}
		}
		return e.toBlocks(list)
	}
	return e.insert(stored{Attr: a, size: len(a.Value)})
}

// short lists the attributes in shortform.
func (e *Editor) short() (list []Attr) {
	local := e.Fork.Local()
	if len(local) == 0 {
		return nil
	}
	eachShort(local, func(a *rawAttr) bool {
		s := copyOf(a)
		list = append(list, s.Attr)
		return true
	})
	return list
}

// setShort stores a list that is no longer than the one before.
func (e *Editor) setShort(list []Attr) error {
	if len(list) == 0 {
		return e.Fork.SetNone()
	}
	size, _ := ShortSize(list)
	b := make([]byte, size)
	PutShort(b, list)
	_, err := e.Fork.SetLocal(b)
	return err
}

// toBlocks moves the attributes from the inode to a leaf, one after the other.
func (e *Editor) toBlocks(list []Attr) error {
	if err := e.Fork.SetBlocks(); err != nil {
		return err
	}
	b, err := e.Fork.New(0, format.TypeAttrLeaf)
	if err != nil {
		return err
	}
	b.Type.Stamp(e.Geo, b.Data, b.Place(e.Ino))
	e.put(b, nil)
	for _, a := range list {
		if err := e.insert(stored{Attr: a, size: len(a.Value)}); err != nil {
			return err
		}
	}
	return nil
}

// shrink brings attributes back into the inode when all of them fit there for a while.
func (e *Editor) shrink() error {
	if e.Fork.Local() != nil {
		return nil
	}
	b, err := e.Fork.Read(0, format.TypeAttrLeaf, format.TypeAttrNode)
	if err != nil || b.Type == format.TypeAttrNode {
		return err
	}
	list := leafList(b)
	var attrs []Attr
	for i := range list {
		if list[i].remote != 0 {
			return nil
		}
		attrs = append(attrs, list[i].Attr)
	}
	size, ok := ShortSize(attrs)
	if !ok || size > e.Geo.LiteralSize()/4 && len(attrs) > 0 {
		return nil
	}
	if err := e.Fork.Free(0); err != nil {
		return err
	}
	if err := e.Fork.SetNone(); err != nil || len(attrs) == 0 {
		return err
	}
	short := make([]byte, size)
	PutShort(short, attrs)
	if done, err := e.Fork.SetLocal(short); done || err != nil {
		return err
	}
	return e.toBlocks(attrs)
}

// List gives all attributes with their values.
func (e *Editor) List() (list []Attr, err error) {
	if e.Fork.Local() != nil {
		return e.short(), nil
	}
	t := e.tree()
	path, err := t.Find(0)
	for more := true; err == nil && more; more, err = t.Next(path) {
		for _, s := range leafList(path.Leaf) {
			if s.remote != 0 {
				if s.Value, err = e.Fork.ReadRemote(s.remote, s.size); err != nil {
					return nil, err
				}
			}
			list = append(list, s.Attr)
		}
	}
	return list, err
}
