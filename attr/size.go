package attr

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
)

// Attr is one attribute as it is stored.
type Attr struct {
	Flags format.AttrFlag // namespace bits only
	Name  string
	Value []byte
}

// Parent returns the parent pointer of a name in directory dir, whose generation is gen.
func Parent(name string, dir format.Ino, gen uint32) Attr {
	v := make([]byte, format.ParentRec.Size)
	format.ParentIno.Put(v, dir)
	format.ParentGen.Put(v, gen)
	return Attr{Flags: format.AttrParent, Name: name, Value: v}
}

// Hash is the hash under which the attribute is found.
func (a *Attr) Hash() format.Hash {
	if a.Flags&format.AttrParent != 0 && len(a.Value) >= 8 {
		return format.ParentHash(a.Name, format.ParentIno.Get(a.Value))
	}
	return format.NameHash(a.Name)
}

// maxShort is the longest name or value, and the largest number of attributes, that shortform holds.
const maxShort = 255

// ShortSize is the size of the attributes in shortform, in bytes; ok is false when they can't
// be stored so.
func ShortSize(attrs []Attr) (size int, ok bool) {
	size = format.AttrSF.Size
	for i := range attrs {
		a := &attrs[i]
		if len(a.Name) > maxShort || len(a.Value) > maxShort {
			return 0, false
		}
		size += format.AttrSFEntry.Size + len(a.Name) + len(a.Value)
	}
	return size, len(attrs) <= maxShort
}

// PutShort encodes the attributes in shortform into an attribute fork.
func PutShort(fork []byte, attrs []Attr) {
	at := format.AttrSF.Size
	for i := range attrs {
		a := &attrs[i]
		e := fork[at:]
		format.AttrSFNameLen.Put(e, uint8(len(a.Name)))
		format.AttrSFValueLen.Put(e, uint8(len(a.Value)))
		format.AttrSFFlags.Put(e, a.Flags)
		n := copy(e[format.AttrSFEntry.Size:], a.Name)
		copy(e[format.AttrSFEntry.Size+n:], a.Value)
		at += format.AttrSFEntry.Size + n + len(a.Value)
	}
	format.AttrSFTotSize.Put(fork, uint16(at))
	format.AttrSFCount.Put(fork, uint8(len(attrs)))
}

// Layout says how attributes that don't stay in the inode are spread over blocks.
type Layout struct {
	attrs  []Attr // in order of hash
	leaves []int  // index in attrs of each leaf's first, and len(attrs) last
	nodes  int
	remote int // blocks of remote values
}

// Measure sorts the attributes and divides them over leaves.
func Measure(g *format.Geometry, attrs []Attr) *Layout {
	l := &Layout{attrs: slices.Clone(attrs)}
	slices.SortStableFunc(l.attrs, func(a, b Attr) int { return cmp.Compare(a.Hash(), b.Hash()) })
	room := 0
	for i := range l.attrs {
		a := &l.attrs[i]
		size := format.AttrEntry.Size + leafSize(g, a)
		if size > room {
			l.leaves = append(l.leaves, i)
			room = g.BlockSize - format.AttrLeaf.Size
		}
		room -= size
		if isRemote(g, a) {
			l.remote += format.RemoteBlocks(g.BlockSize, len(a.Value))
		}
	}
	l.nodes = dabtree.Nodes(len(l.leaves), g.BlockSize)
	l.leaves = append(l.leaves, len(attrs))
	return l
}

// Blocks is the number of filesystem blocks of the attribute fork, from offset 0 without holes.
func (l *Layout) Blocks() int { return l.nodes + len(l.leaves) - 1 + l.remote }

func isRemote(g *format.Geometry, a *Attr) bool {
	return format.AttrLocalSize(len(a.Name), len(a.Value)) > format.AttrLocalMax(g.BlockSize)
}

func leafSize(g *format.Geometry, a *Attr) int {
	if isRemote(g, a) {
		return format.AttrRemoteSize(len(a.Name))
	}
	return format.AttrLocalSize(len(a.Name), len(a.Value))
}
