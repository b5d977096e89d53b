package attr

import (
	"fmt"
	"slices"
	"sort"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// tree is the hash tree of an attribute fork.
func (e *Editor) tree() *dabtree.Editor {
	return &dabtree.Editor{
		Geo: e.Geo, Owner: e.Ino, Blocks: e.Fork, Node: format.TypeAttrNode, Leaf: format.TypeAttrLeaf,
	}
}

// leafList copies the attributes of a leaf.
func leafList(b *txn.Buf) (list []stored) {
	for i := range int(format.AttrLeafCount.Get(b.Data)) {
		a := leafAttr(b.Data, i)
		list = append(list, copyOf(&a))
	}
	return list
}

// find leads to an attribute: the leaf, all that it holds, and which of these it is.
func (e *Editor) find(a *Attr) (*dabtree.Path, []stored, int, error) {
	h := a.Hash()
	t := e.tree()
	path, err := t.Find(h)
	for err == nil {
		n := int(format.AttrLeafCount.Get(path.Leaf.Data))
		i := sort.Search(n, func(i int) bool { return leafAttr(path.Leaf.Data, i).hash >= h })
		for ; i < n; i++ {
			raw := leafAttr(path.Leaf.Data, i)
			if raw.hash != h {
				break
			}
			if s := copyOf(&raw); s.is(a) {
				return path, leafList(path.Leaf), i, nil
			}
		}
		if i < n {
			break
		}
		var more bool
		if more, err = t.Next(path); !more {
			break
		}
	}
	if err == nil {
		err = fmt.Errorf("%q: %w", a.Name, ErrNotFound)
	}
	return nil, nil, 0, err
}

func (e *Editor) fits(list []stored) bool {
	n := format.AttrLeaf.Size
	for i := range list {
		n += list[i].room(e.Geo)
	}
	return n <= e.Geo.BlockSize
}

// insert puts an attribute into its leaf. A leaf that overflows is split, around the new
// attribute if one half would still not fit.
func (e *Editor) insert(s stored) error {
	if isRemote(e.Geo, &s.Attr) {
		if err := e.writeValue(&s); err != nil {
			return err
		}
	}
	h := s.Hash()
	t := e.tree()
	path, err := t.Find(h)
	if err != nil {
		return err
	}
	list := leafList(path.Leaf)
	i := sort.Search(len(list), func(i int) bool { return list[i].Hash() > h })
	list = slices.Insert(list, i, s)
	for !e.fits(list) {
		k := e.cut(list)
		right, err := t.Split(path, list[k-1].Hash(), list[len(list)-1].Hash())
		if err != nil {
			return err
		}
		if left := list[:k]; e.fits(left) {
			e.put(path.Leaf, left)
			path, list = right, list[k:]
		} else {
			e.put(right.Leaf, list[k:])
			list = left
		}
	}
	e.put(path.Leaf, list)
	if len(list) > 0 {
		t.SetHigh(path, list[len(list)-1].Hash())
	}
	return nil
}

// cut divides a list that overflows a leaf in the middle of its bytes.
func (e *Editor) cut(list []stored) int {
	half := 0
	for i := range list {
		half += list[i].room(e.Geo)
	}
	half /= 2
	n := 0
	for i := range list {
		n += list[i].room(e.Geo)
		if n >= half {
			return min(max(i, 1), len(list)-1)
		}
	}
	return len(list) - 1
}

// writeValue gives a value blocks of its own.
func (e *Editor) writeValue(s *stored) error {
	n := format.RemoteBlocks(e.Geo.BlockSize, len(s.Value))
	off, err := e.Fork.Unmapped(1, n)
	if err != nil {
		return err
	}
	s.remote = off
	return e.Fork.WriteRemote(off, n, func(i int, bno format.Daddr, b []byte) {
		format.PutRemote(b, format.AttrRmtMagic, e.Geo.MetaUUID, e.Ino, bno, i, s.Value)
	})
}

// put writes a list of attributes that fits into a leaf. Only what differs counts as changed.
func (e *Editor) put(leaf *txn.Buf, list []stored) {
	b := make([]byte, len(leaf.Data))
	putLeaf(e.Geo, b, list)
	copy(b, leaf.Data[:format.DaInfo.Size])
	dabtree.Rewrite(e.Fork, leaf, b)
}
