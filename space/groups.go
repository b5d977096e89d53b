package space

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Groups is the allocation groups of a volume that is open for writing. It belongs to whoever
// has the open transaction, which each call names.
type Groups struct {
	geo     *format.Geometry
	heights heights
	open    map[format.AGNumber]*group
}

// New returns the groups of a volume. There must be one Groups for a volume only.
func New(g *format.Geometry) *Groups {
	return &Groups{geo: g, heights: heightsOf(g), open: map[format.AGNumber]*group{}}
}

// group is one group. It is made at the first use and kept; at each use it takes from the AGF
// what may have changed, or was never changed because the transaction was cancelled.
type group struct {
	s    *Groups
	no   format.AGNumber
	tx   *txn.Tx
	agf  *txn.Buf
	bno  tree
	cnt  tree
	rmap tree // without a Kind on volumes without rmapbt
	// holds says that blocks are held back for the growth of trees. When there are not enough
	// of them at first, none are: the kernel does the same at mount.
	holds bool
}

// tree is a tree of a group that lives off the free list. Its root is where the AGF says.
type tree struct {
	btree.Editor
	a      *group
	root   format.U32[format.AGBlock]
	levels format.U32[uint32]
}

func (s *Groups) group(tx *txn.Tx, no format.AGNumber) (*group, error) {
	agf, err := readAGF(tx, no)
	if err != nil {
		return nil, err
	}
	a := s.open[no]
	first := a == nil
	if first {
		a = s.newGroup(no)
	}
	a.tx, a.agf = tx, agf
	if err := a.checkList(); err != nil {
		return nil, err
	}
	for _, t := range []*tree{&a.bno, &a.cnt, &a.rmap} {
		if t.Kind != nil {
			t.load()
		}
	}
	if first {
		held, err := a.held(false)
		if err != nil {
			return nil, err
		}
		a.holds = held <= int64(a.freeBlocks()+a.listLen())
		s.open[no] = a
	}
	return a, nil
}

func (s *Groups) newGroup(no format.AGNumber) *group {
	a := &group{s: s, no: no, holds: true}
	a.bno = a.newTree(btree.Bnobt, format.TypeBnobt, format.AGFBnoRoot, format.AGFBnoLevel)
	a.cnt = a.newTree(btree.Cntbt, format.TypeCntbt, format.AGFCntRoot, format.AGFCntLevel)
	if s.geo.HasRmapbt() {
		a.rmap = a.newTree(btree.Rmapbt, format.TypeRmapbt, format.AGFRmapRoot, format.AGFRmapLevel)
	}
	return a
}

func (a *group) newTree(k *btree.Kind, t *format.BlockType, root format.U32[format.AGBlock], levels format.U32[uint32]) tree {
	return tree{Editor: btree.Editor{Kind: k, Geo: a.s.geo, AG: a.no, Pages: &listPages{a: a, typ: t}}, a: a, root: root, levels: levels}
}

// groupOf returns the group of an extent, which must lie within it and behind its headers.
func (s *Groups) groupOf(tx *txn.Tx, e Extent) (*group, run, error) {
	if err := Check(s.geo, e); err != nil {
		return nil, run{}, err
	}
	a, err := s.group(tx, s.geo.AG(e.Start))
	return a, run{s.geo.AGB(e.Start), e.Count}, err
}

// Check judges whether an extent can be used for anything: it must not be empty, lie within one
// group, and leave the group's headers and the log alone. Errors are of class
// format.ErrCorrupt.
func Check(g *format.Geometry, e Extent) error {
	bad := func(want string) error {
		return format.Corrupt("extent", "", e, want).At(format.Place{AG: g.AG(e.Start), Daddr: format.NullPlace.Daddr, Ino: format.NullIno})
	}
	switch {
	case e.Count == 0 || !g.ValidFSB(e.Start, uint64(e.Count)):
		return bad("blocks of one group")
	case g.AGB(e.Start) < g.HeaderBlocks():
		return bad("blocks behind the headers")
	case g.LogStart != 0 && e.Start < g.LogStart+format.FSBlock(g.LogBlocks) && g.LogStart < e.End():
		return bad("blocks outside the log")
	}
	return nil
}

// readAGF reads the AGF of a group.
func readAGF(tx *txn.Tx, no format.AGNumber) (*txn.Buf, error) {
	return readHeader(tx, no, 1, format.TypeAGF)
}

// readHeader reads a header sector of a group.
func readHeader(tx *txn.Tx, no format.AGNumber, sector int, t *format.BlockType) (*txn.Buf, error) {
	at := format.Place{AG: no, Daddr: format.NullPlace.Daddr, Ino: format.NullIno}
	if uint32(no) >= tx.Geo.AGCount {
		return nil, format.Corrupt(t.Name, "group", no, "a group of the volume").At(at)
	}
	off := tx.Geo.SectorOffset(no, sector)
	at.Daddr = format.Daddr(off >> format.BasicBlockLog)
	return tx.Read(off, t, at)
}

// AGF reads the AGF of a group, for the fields that are the refcount tree's.
func (s *Groups) AGF(tx *txn.Tx, no format.AGNumber) (*txn.Buf, error) { return readAGF(tx, no) }

// get and set are for the AGF's counters.
func (a *group) get(f format.U32[uint32]) uint32 { return f.Get(a.agf.Data) }

func (a *group) set(f format.U32[uint32], v uint32) { f.Put(a.tx.Change(a.agf, int(f), 4), v) }

// add changes a counter.
func (a *group) add(f format.U32[uint32], n int64) error {
	v := int64(a.get(f)) + n
	if v < 0 || v > int64(a.s.geo.AGLen(a.no)) {
		return a.corrupt("AGF", agfName(f), a.get(f), fmt.Sprintf("a count that can change by %d", n))
	}
	a.set(f, uint32(v))
	return nil
}

func agfName(f format.U32[uint32]) string {
	i := slices.IndexFunc(format.AGF.Fields, func(x format.Field) bool { return x.Off == int(f) })
	return format.AGF.Fields[i].Name
}

func (a *group) freeBlocks() uint32 { return a.get(format.AGFFreeBlks) }
func (a *group) longest() uint32    { return a.get(format.AGFLongest) }

// held is the number of blocks held back in the group for those who don't have a claim on them.
func (a *group) held(reserved bool) (int64, error) {
	trees, rmap := reservations(a.s.geo, a.no)
	n := int64(0)
	if rmap > 0 {
		n = max(0, int64(rmap)-int64(a.get(format.AGFRmapBlks)))
	}
	if reserved {
		return n, nil
	}
	used, err := a.reservedUse()
	return n + max(0, int64(trees)-used), err
}

// reservedUse is the number of blocks that refcountbt and finobt have. Where the number isn't
// kept it is counted as that of fresh trees, so that rather too much is held back.
func (a *group) reservedUse() (n int64, err error) {
	g := a.s.geo
	if g.HasReflink() {
		n = int64(a.get(format.AGFRefcntBlks))
	}
	if !g.HasFinobt() {
		return n, nil
	}
	if !g.HasInobtCount() {
		return n + 1, nil
	}
	agi, err := readHeader(a.tx, a.no, 2, format.TypeAGI)
	if err != nil {
		return 0, err
	}
	return n + int64(format.AGIFBlocks.Get(agi.Data)), nil
}

// room is the number of blocks that a request may take from the group, or less than 0.
func (a *group) room(reserved bool) (int64, error) {
	need := int64(a.minFreelist())
	n := int64(a.freeBlocks()) + min(int64(a.listLen()), need) - need
	if !reserved {
		n -= setAside
	}
	if !a.holds {
		return n, nil
	}
	held, err := a.held(reserved)
	return n - held, err
}

// corrupt is an error about the group as a whole.
func (a *group) corrupt(structure, field string, got, want any) error {
	return format.Corrupt(structure, field, got, want).At(format.InGroup(a.no))
}

func (t *tree) load() {
	agf := t.a.agf.Data
	t.Root, t.Levels = uint64(t.root.Get(agf)), int(t.levels.Get(agf))
}

// store writes root and height back to the AGF if they are new.
func (t *tree) store() {
	agf := t.a.agf
	if root := format.AGBlock(t.Root); root != t.root.Get(agf.Data) {
		t.root.Put(t.a.tx.Change(agf, int(t.root), 4), root)
	}
	if levels := uint32(t.Levels); levels != t.levels.Get(agf.Data) {
		t.a.set(t.levels, levels)
	}
}

func (t *tree) insert(rec []byte) error { return t.done(t.Insert(rec)) }
func (t *tree) remove(rec []byte) error { return t.done(t.Delete(rec)) }

func (t *tree) replace(was, rec []byte) error { return t.done(t.Update(was, rec)) }

// done ends a change. Records are looked for before they are changed, so that one which is
// missing, or there already, means that two trees contradict each other.
func (t *tree) done(err error) error {
	switch {
	case err == nil:
		t.store()
		return nil
	case errors.Is(err, btree.ErrNotFound), errors.Is(err, btree.ErrExists):
		return t.a.corrupt(t.Kind.Name, "record", err, "what the other trees say")
	}
	return err
}
