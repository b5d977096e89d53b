package repair

import (
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// salvage reads a B+tree as far as it can be read. Whatever the blocks hold, it ends: no block
// is read twice.
type salvage struct {
	*model
	kind  *btree.Kind
	ag    format.AGNumber // of a tree of a group
	owner format.Ino      // of a tree of a fork

	visit func(rec []byte)
	block func(block uint64) // may be nil

	seen    map[uint64]bool
	damaged bool // something was not as it should be
}

// root reads a tree whose root is a block.
func (s *salvage) root(block uint64, levels int) {
	s.seen = map[uint64]bool{}
	if levels < 1 || levels > format.MaxBtreeLevels {
		s.damaged = true
		return
	}
	s.child(block, levels-1, levels == 1)
}

// fork reads a tree whose root lies in an inode.
func (s *salvage) fork(fork []byte) {
	s.seen = map[uint64]bool{}
	if len(fork) < format.RootBlock.Size {
		s.damaged = true
		return
	}
	n := s.kind.RootOf(fork)
	if n.Level < 1 || n.Level > format.MaxBtreeLevels || n.Len() == 0 {
		s.damaged = true
		return
	}
	s.node(n)
}

func (s *salvage) node(n btree.Node) {
	for i := range n.Len() {
		s.child(n.Ptr(i), n.Level-1, false)
	}
}

// child reads a block and what is below it. empty says that it may have no records.
func (s *salvage) child(block uint64, level int, empty bool) {
	if !s.valid(block) || s.seen[block] {
		s.damaged = true
		return
	}
	s.seen[block] = true
	b := make([]byte, s.geo.BlockSize)
	if _, err := s.dev.ReadAt(b, s.offset(block)); err != nil || !s.trusted(b, level, empty) {
		s.damaged = true
		return
	}
	if s.block != nil {
		s.block(block)
	}
	n := s.kind.NodeOf(b)
	if level > 0 {
		s.node(n)
		return
	}
	for i := range n.Len() {
		s.visit(n.Rec(i))
	}
}

// trusted reports whether a block is one of this tree's. A wrong checksum alone is forgiven when
// everything that the block says of itself is right and its entries are in order: then it is more
// likely that a few bits are wrong than that the block is another's.
func (s *salvage) trusted(b []byte, level int, empty bool) bool {
	t := s.kind.Type()
	if !t.Is(b) || int(format.ShortLevel.Get(b)) != level {
		return false
	}
	if s.kind.Long && format.LongOwner.Get(b) != s.owner || !s.kind.Long && format.ShortOwner.Get(b) != s.ag {
		return false
	}
	n, most := int(format.ShortNumRecs.Get(b)), s.kind.MaxRecs(len(b), level)
	if n > most || n == 0 && !empty {
		return false
	}
	if !format.ChecksumOK(b, t.CRC) {
		s.damaged = true
		return t.UUID.Get(b) == s.geo.MetaUUID && s.kind.NodeOf(b).Unsorted(1) < 0
	}
	return true
}

func (s *salvage) valid(block uint64) bool {
	if s.kind.Long {
		return s.geo.Allocatable(format.FSBlock(block), 1)
	}
	return block < uint64(s.geo.AGLen(s.ag)) && s.geo.AllocatableAG(s.ag, format.AGBlock(block))
}

func (s *salvage) offset(block uint64) int64 {
	if s.kind.Long {
		return s.geo.Offset(format.FSBlock(block))
	}
	return s.geo.AGOffset(s.ag, format.AGBlock(block))
}
