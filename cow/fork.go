package cow

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Fork is the CoW fork of a file, on disk, open for change in a transaction: a map from offsets of
// the file to staged blocks. A mapping is unwritten as long as the data for it are not in its
// blocks. Mappings never touch and agree in state: those that do are joined.
//
// The fork says nothing of the blocks that it maps: the caller stages them before Map, and gives
// them an owner or frees them after Unmap (refcount.Counts). It sees to the blocks of its own
// tree, to the inode's pointer to the root, and to the superblock.
type Fork struct {
	s    *Forks
	tx   *txn.Tx
	e    *inode.Editor
	tree btree.Editor
}

func newFork(s *Forks, tx *txn.Tx, e *inode.Editor) *Fork {
	f := &Fork{s: s, tx: tx, e: e}
	f.tree = btree.Editor{Kind: btree.Bmbt, Geo: s.geo, Owner: e.Ino, Pages: forkPages{f}}
	return f
}

// root is the block with the root of the tree, 0 when there is no fork.
func (f *Fork) root() format.FSBlock {
	if !f.s.geo.HasCowForks() {
		return 0
	}
	return format.DiCowRoot.Get(f.e.Raw())
}

// Empty reports whether nothing is mapped; then the inode has no CoW fork.
func (f *Fork) Empty() bool { return f.root() == 0 }

// open finds the tree, which must be there. Only the root knows how high it is.
func (f *Fork) open() error {
	root := uint64(f.root())
	b, err := forkPages{f}.Read(root)
	if err != nil {
		return f.wrap(err)
	}
	f.tree.Root, f.tree.Levels = root, int(format.LongLevel.Get(b))+1
	return nil
}

// close stores where the tree has its root.
func (f *Fork) close() {
	if root := format.FSBlock(f.tree.Root); root != f.root() {
		format.DiCowRoot.Put(f.e.Modify(), root)
	}
}

func (f *Fork) wrap(err error) error {
	if err != nil {
		err = fmt.Errorf("inode %d: %v: %w", f.e.Ino, inode.Cow, err)
	}
	return err
}

// From gives the mapping that covers block off, or else the first one behind it.
func (f *Fork) From(off format.FileOff) (m format.Mapping, ok bool, err error) {
	m, ok, err = f.Before(off + 1)
	if err != nil || ok && m.End() > off || f.Empty() {
		return m, ok, err
	}
	rec, err := f.tree.SeekGE(key(off))
	return f.unpack(rec, err)
}

// Before gives the last mapping that starts below off.
func (f *Fork) Before(off format.FileOff) (m format.Mapping, ok bool, err error) {
	if f.Empty() || off == 0 {
		return m, false, nil
	}
	if err := f.open(); err != nil {
		return m, false, err
	}
	rec, err := f.tree.SeekLE(key(off - 1))
	return f.unpack(rec, err)
}

func key(off format.FileOff) []byte {
	b := make([]byte, format.BmbtKey.Size)
	format.BmbtKeyStart.Put(b, off)
	return b
}

func pack(m format.Mapping) []byte {
	b := make([]byte, format.BmbtRec.Size)
	m.Pack(b)
	return b
}

// unpack checks a record that was found; there may be none.
func (f *Fork) unpack(rec []byte, err error) (m format.Mapping, ok bool, _ error) {
	if err != nil || rec == nil {
		return m, false, f.wrap(err)
	}
	m = format.UnpackMapping(rec)
	if m.Count == 0 || m.End() > format.MaxFileOff || !f.s.geo.Allocatable(m.Start, uint64(m.Count)) {
		return m, false, f.corrupt(fmt.Sprintf("%d blocks at %d from block %d", m.Count, m.Off, m.Start), "blocks within one group of the volume")
	}
	return m, true, nil
}

func (f *Fork) corrupt(got, want any) error {
	return format.Corrupt(inode.Cow.String(), "mapping", got, want).At(format.InInode(f.e.Ino))
}

// Map adds a mapping of staged blocks at offsets that have none, joined with its neighbours.
func (f *Fork) Map(m format.Mapping) error {
	if m.Count == 0 || m.Count > format.MaxExtentLen || m.End() > format.MaxFileOff {
		return fmt.Errorf("inode %d: %v: a mapping of %d blocks at %d is not possible", f.e.Ino, inode.Cow, m.Count, m.Off)
	}
	if f.Empty() {
		return f.begin(m)
	}
	left, hasLeft, err := f.Before(m.Off)
	if err != nil {
		return err
	}
	right, hasRight, err := f.From(m.Off)
	if err != nil {
		return err
	}
	if hasLeft && left.End() > m.Off || hasRight && right.Off < m.End() {
		return f.corrupt(fmt.Sprintf("blocks from %d mapped already", m.Off), "a hole")
	}
	var old []format.Mapping
	if hasLeft && left.Joins(m) {
		m = format.Mapping{Off: left.Off, Start: left.Start, Count: left.Count + m.Count, Unwritten: m.Unwritten}
		old = append(old, left)
	}
	if hasRight && m.Joins(right) {
		m.Count += right.Count
		old = append(old, right)
	}
	return f.exchange(old, []format.Mapping{m})
}

// Unmap takes the part of one mapping away that lies at offsets off to end: the mapping must be
// there, and cover the part. With the last mapping the fork ends.
func (f *Fork) Unmap(m format.Mapping, off, end format.FileOff) error {
	if off >= end || off < m.Off || end > m.End() {
		return fmt.Errorf("inode %d: %v: offsets %d to %d are not in the mapping", f.e.Ino, inode.Cow, off, end)
	}
	if f.Empty() {
		return f.corrupt("none", fmt.Sprintf("one from %d", m.Off))
	}
	var rest []format.Mapping
	if off > m.Off {
		rest = append(rest, m.Part(m.Off, off))
	}
	if end < m.End() {
		rest = append(rest, m.Part(end, m.End()))
	}
	if err := f.exchange([]format.Mapping{m}, rest); err != nil || len(rest) > 0 {
		return err
	}
	last, err := f.tree.First()
	if err != nil || last != nil {
		return f.wrap(err)
	}
	if _, err := f.tree.Flatten(nil); err != nil {
		return f.wrap(err)
	}
	f.close()
	return f.s.end(f.tx, f.e.Ino)
}

// Convert makes the part of a mapping from off to end written or unwritten.
func (f *Fork) Convert(m format.Mapping, off, end format.FileOff, unwritten bool) error {
	part := m.Part(off, end)
	part.Unwritten = unwritten
	if m.Off == off && m.End() == end {
		// The fork must not end in between.
		if err := f.exchange([]format.Mapping{m}, []format.Mapping{part}); err != nil {
			return err
		}
		return f.join(part)
	}
	if err := f.Unmap(m, off, end); err != nil {
		return err
	}
	return f.Map(part)
}

// join joins a mapping that is there with its neighbours.
func (f *Fork) join(m format.Mapping) error {
	old, now := []format.Mapping{m}, m
	left, ok, err := f.Before(m.Off)
	if err != nil {
		return err
	}
	if ok && left.Joins(now) {
		old = []format.Mapping{left, m}
		now = format.Mapping{Off: left.Off, Start: left.Start, Count: left.Count + m.Count, Unwritten: m.Unwritten}
	}
	right, ok, err := f.From(m.End())
	if err != nil {
		return err
	}
	if ok && now.Joins(right) {
		old = append(old, right)
		now.Count += right.Count
	}
	if len(old) == 1 {
		return nil
	}
	return f.exchange(old, []format.Mapping{now})
}

// begin makes the fork, of one mapping.
func (f *Fork) begin(m format.Mapping) error {
	if err := f.s.began(f.tx, f.e.Ino); err != nil {
		return f.wrap(err)
	}
	if err := f.tree.Build(pack(m), uint64(m.Start)); err != nil {
		return f.wrap(err)
	}
	f.close()
	return nil
}

// exchange replaces mappings by others, both in order, in the same place.
func (f *Fork) exchange(old, now []format.Mapping) error {
	if err := f.open(); err != nil {
		return err
	}
	for i := 0; i < max(len(old), len(now)); i++ {
		var err error
		switch {
		case i >= len(now):
			err = f.tree.Delete(pack(old[i]))
		case i >= len(old):
			err = f.tree.Insert(pack(now[i]))
		default:
			err = f.tree.Update(pack(old[i]), pack(now[i]))
		}
		if err != nil {
			return f.wrap(err)
		}
	}
	f.close()
	return nil
}

// forkPages are the blocks of a CoW fork's tree. They are staged, like the blocks that it maps.
type forkPages struct{ *Fork }

func (p forkPages) buf(block uint64) (*txn.Buf, error) {
	g, fsb := p.s.geo, format.FSBlock(block)
	at := format.BlockOf(p.e.Ino, g.ToDaddr(fsb))
	if !g.Allocatable(fsb, 1) {
		return nil, format.Corrupt("bmbt", "pointer", fsb, "a block of the volume").At(format.InInode(p.e.Ino))
	}
	return p.tx.Read(g.Offset(fsb), format.TypeBmbt, at)
}

func (p forkPages) Read(block uint64) ([]byte, error) {
	b, err := p.buf(block)
	if err != nil {
		return nil, err
	}
	return b.Data, nil
}

func (p forkPages) Change(block uint64, off, n int) ([]byte, error) {
	b, err := p.buf(block)
	if err != nil {
		return nil, err
	}
	return p.tx.Change(b, off, n), nil
}

func (p forkPages) New(near uint64) (uint64, []byte, error) {
	x, err := p.s.counts.AllocStaging(p.tx, space.Request{Min: 1, Near: format.FSBlock(near)})
	if err != nil {
		return 0, nil, err
	}
	b := p.tx.New(p.s.geo.Offset(x.Start), p.s.geo.BlockSize, format.TypeBmbt)
	return uint64(x.Start), b.Data, nil
}

func (p forkPages) Free(block uint64) error {
	return p.s.counts.FreeStaging(p.tx, space.Extent{Start: format.FSBlock(block), Count: 1}, false)
}
