package inode

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// ForkEditor changes the extents of a fork. Its mappings never touch and agree in state: those
// that do are joined.
type ForkEditor struct {
	*Editor
	Which Which // Data or Attr
}

// Fork returns an editor of a fork.
func (e *Editor) Fork(w Which) *ForkEditor { return &ForkEditor{e, w} }

func (f *ForkEditor) attr() bool { return f.Which == Attr }

// bytes is the fork's part of the inode.
func (f *ForkEditor) bytes() []byte {
	data, attr := format.Forks(f.buf.Data)
	if f.attr() {
		return attr
	}
	return data
}

// Format says how the fork is stored.
func (f *ForkEditor) Format() format.ForkFormat {
	if f.attr() {
		return format.DiAFormat.Get(f.buf.Data)
	}
	return format.DiFormat.Get(f.buf.Data)
}

func (f *ForkEditor) setFormat(ff format.ForkFormat) {
	if f.attr() {
		format.DiAFormat.Put(f.Modify(), ff)
	} else {
		format.DiFormat.Put(f.Modify(), ff)
	}
}

// Extents is the number of the fork's mappings.
func (f *ForkEditor) Extents() uint64 {
	data, attr := format.NExtents(f.buf.Data)
	if f.attr() {
		return uint64(attr)
	}
	return data
}

func (f *ForkEditor) addExtents(n int) error {
	data, attr := format.NExtents(f.buf.Data)
	v := int64(f.Extents()) + int64(n)
	limit := int64(format.MaxExtents(f.buf.Data, f.attr()))
	switch {
	case v < 0:
		return f.corrupt("nextents", f.Extents(), fmt.Sprintf("at least %d", -n))
	case v > limit:
		return fmt.Errorf("inode %d: %v: %d extents are too many", f.Ino, f.Which, v)
	case f.attr():
		attr = uint32(v)
	default:
		data = uint64(v)
	}
	format.PutNExtents(f.Modify(), data, attr)
	return nil
}

// list decodes the mappings of a fork in extents format.
func (f *ForkEditor) list() []format.Mapping {
	b := f.bytes()
	out := make([]format.Mapping, 0, f.Extents()+2)
	for i := range int(f.Extents()) {
		out = append(out, format.UnpackMapping(b[i*format.BmbtRec.Size:]))
	}
	return out
}

// tree is the editor of a fork in B+tree format.
func (f *ForkEditor) tree() *btree.Editor {
	f.Modify()
	return f.look()
}

// look is tree for looking only.
func (f *ForkEditor) look() *btree.Editor {
	t := f.trees[f.Which]
	if t == nil {
		t = &btree.Editor{Kind: btree.Bmbt, Geo: f.geo, Owner: f.Ino, Pages: forkPages{f}}
		f.trees[f.Which] = t
	}
	t.Fork = f.bytes()
	return t
}

func pack(m format.Mapping) []byte {
	b := make([]byte, format.BmbtRec.Size)
	m.Pack(b)
	return b
}

// From gives the mapping that covers block off, or else the first one behind it.
func (f *ForkEditor) From(off format.FileOff) (m format.Mapping, ok bool, err error) {
	switch f.Format() {
	case format.FmtExtents:
		for _, m := range f.list() {
			if m.End() > off {
				return m, true, nil
			}
		}
		return m, false, nil
	case format.FmtBtree:
		return f.fromTree(off)
	}
	return m, false, nil
}

func (f *ForkEditor) fromTree(off format.FileOff) (m format.Mapping, ok bool, err error) {
	t := f.look()
	key := make([]byte, format.BmbtKey.Size)
	format.BmbtKeyStart.Put(key, off)
	rec, err := t.SeekLE(key)
	if err != nil {
		return m, false, err
	}
	if rec != nil {
		if m = format.UnpackMapping(rec); m.End() > off {
			return m, true, nil
		}
	}
	if rec, err = t.SeekGE(key); err != nil || rec == nil {
		return format.Mapping{}, false, err
	}
	return format.UnpackMapping(rec), true, nil
}

// Before gives the last mapping that starts below off.
func (f *ForkEditor) Before(off format.FileOff) (m format.Mapping, ok bool, err error) {
	switch f.Format() {
	case format.FmtExtents:
		for _, q := range f.list() {
			if q.Off < off {
				m, ok = q, true
			}
		}
	case format.FmtBtree:
		if off == 0 {
			return m, false, nil
		}
		key := make([]byte, format.BmbtKey.Size)
		format.BmbtKeyStart.Put(key, off-1)
		rec, err := f.look().SeekLE(key)
		if err != nil || rec == nil {
			return m, false, err
		}
		return format.UnpackMapping(rec), true, nil
	}
	return m, ok, nil
}

// Map adds a mapping of blocks that the fork has nothing at, joined with its neighbours. The
// blocks' owner is not the fork's business; see Grow.
func (f *ForkEditor) Map(m format.Mapping) error {
	_, err := f.mapIn(m)
	return err
}

// mapIn is Map. apart is false when a neighbour's blocks lie right beside those of m.
func (f *ForkEditor) mapIn(m format.Mapping) (apart bool, err error) {
	defer f.follow()()
	left, hasLeft, err := f.Before(m.Off)
	if err != nil {
		return false, err
	}
	right, hasRight, err := f.From(m.Off)
	if err != nil {
		return false, err
	}
	if hasLeft && left.End() > m.Off || hasRight && right.Off < m.End() {
		return false, f.corrupt("mapping", fmt.Sprintf("blocks from %d mapped already", m.Off), "a hole")
	}
	apart = !(hasLeft && left.End() == m.Off && left.Start+format.FSBlock(left.Count) == m.Start) &&
		!(hasRight && m.End() == right.Off && m.Start+format.FSBlock(m.Count) == right.Start)
	joined := m
	var old []format.Mapping
	if hasLeft && left.Joins(joined) {
		joined = format.Mapping{Off: left.Off, Start: left.Start, Count: left.Count + joined.Count, Unwritten: m.Unwritten}
		old = append(old, left)
	}
	if hasRight && joined.Joins(right) {
		joined.Count += right.Count
		old = append(old, right)
	}
	return apart, f.exchange(old, []format.Mapping{joined})
}

// Unmap takes the part of one mapping away that lies in blocks off to end: the mapping must be
// there, and cover the part.
func (f *ForkEditor) Unmap(m format.Mapping, off, end format.FileOff) error {
	var rest []format.Mapping
	if off > m.Off {
		rest = append(rest, m.Part(m.Off, off))
	}
	if end < m.End() {
		rest = append(rest, m.Part(end, m.End()))
	}
	defer f.follow()()
	return f.exchange([]format.Mapping{m}, rest)
}

// follow has the fork's tree, if it is one, followed until the function that it returns is called.
func (f *ForkEditor) follow() (end func()) {
	if f.Format() != format.FmtBtree {
		return func() {}
	}
	t := f.look()
	t.Follow(true)
	return func() { t.Follow(false) }
}

// exchange replaces mappings by others, both in order.
func (f *ForkEditor) exchange(old, new []format.Mapping) error {
	if f.Format() == format.FmtBtree {
		if err := f.addExtents(len(new) - len(old)); err != nil {
			return err
		}
		return f.exchangeInTree(old, new)
	}
	list := f.list()
	for _, m := range old {
		i := slices.Index(list, m)
		if i < 0 {
			return f.corrupt("mapping", "none", fmt.Sprintf("one of blocks from %d", m.Off))
		}
		list = slices.Delete(list, i, i+1)
	}
	list = append(list, new...)
	slices.SortFunc(list, func(a, b format.Mapping) int { return cmp.Compare(a.Off, b.Off) })
	if err := f.addExtents(len(new) - len(old)); err != nil {
		return err
	}
	return f.store(list)
}

// insertAll adds mappings, in order, that nothing joins.
func (f *ForkEditor) insertAll(list []format.Mapping) error {
	if f.Format() != format.FmtBtree {
		return f.exchange(nil, list)
	}
	if err := f.addExtents(len(list)); err != nil {
		return err
	}
	t := f.tree()
	t.Follow(true)
	defer t.Follow(false)
	rec := make([]byte, format.BmbtRec.Size)
	for _, m := range list {
		m.Pack(rec)
		if err := t.Insert(rec); err != nil {
			return err
		}
	}
	return nil
}

// In lists the mappings that have blocks from off up to end, in order, no more than most.
func (f *ForkEditor) In(off, end format.FileOff, most int) (list []format.Mapping, err error) {
	m, ok, err := f.From(off)
	inTree := f.Format() == format.FmtBtree
	for ok && err == nil && m.Off < end && len(list) < most {
		list = append(list, m)
		if inTree {
			m, ok, err = f.next()
		} else {
			m, ok, err = f.From(m.End())
		}
	}
	return list, err
}

// next is the mapping of a tree behind the one that was looked up last.
func (f *ForkEditor) next() (m format.Mapping, ok bool, err error) {
	rec, err := f.look().Next()
	if err != nil || rec == nil {
		return m, false, err
	}
	return format.UnpackMapping(rec), true, nil
}

// store writes a list of mappings into the inode, or makes it a tree when it is too long.
func (f *ForkEditor) store(list []format.Mapping) error {
	f.Modify()
	b := f.bytes()
	recs := make([]byte, len(list)*format.BmbtRec.Size)
	PutExtents(recs, list)
	if len(recs) <= len(b) {
		f.setFormat(format.FmtExtents)
		clear(b[copy(b, recs):])
		return nil
	}
	f.setFormat(format.FmtBtree)
	clear(b)
	return f.tree().Build(recs, uint64(list[0].Start))
}

func (f *ForkEditor) exchangeInTree(old, new []format.Mapping) error {
	t := f.tree()
	for len(old) > 0 && len(new) > 0 { // in place where keys allow
		if err := t.Update(pack(old[0]), pack(new[0])); err != nil {
			return err
		}
		old, new = old[1:], new[1:]
	}
	for _, m := range old {
		if err := t.Delete(pack(m)); err != nil {
			return err
		}
	}
	for _, m := range new {
		if err := t.Insert(pack(m)); err != nil {
			return err
		}
	}
	return f.settle()
}

// settle brings the mappings of a tree into the inode when they fit there: such a tree must not
// be.
func (f *ForkEditor) settle() error {
	b := f.bytes()
	if f.Format() != format.FmtBtree || int(f.Extents())*format.BmbtRec.Size > len(b) {
		return nil
	}
	recs, err := f.tree().Flatten(nil)
	if err != nil {
		return err
	}
	f.setFormat(format.FmtExtents)
	clear(b[copy(b, recs):])
	return nil
}
