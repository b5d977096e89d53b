package space

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// blocks reads and changes the blocks of a tree in a group.
type blocks struct {
	tx  *txn.Tx
	ag  format.AGNumber
	typ *format.BlockType
}

func (p blocks) buf(block uint64) (*txn.Buf, error) {
	b := format.AGBlock(block)
	at := format.Place{AG: p.ag, Daddr: p.tx.Geo.AGToDaddr(p.ag, b), Ino: format.NullIno}
	return p.tx.Read(p.off(b), p.typ, at)
}

func (p blocks) off(b format.AGBlock) int64 { return p.tx.Geo.AGOffset(p.ag, b) }

// Read returns a block's content.
func (p blocks) Read(block uint64) ([]byte, error) {
	b, err := p.buf(block)
	if err != nil {
		return nil, err
	}
	return b.Data, nil
}

// Change announces a change of a block.
func (p blocks) Change(block uint64, off, n int) ([]byte, error) {
	b, err := p.buf(block)
	if err != nil {
		return nil, err
	}
	return p.tx.Change(b, off, n), nil
}

// Pages are the blocks of a tree in a group that gets them by allocation: refcountbt, inobt and
// finobt. They serve a btree.Editor.
type Pages struct {
	blocks
	groups   *Groups
	owner    uint64
	reserved bool
	count    func(n int)
}

// Pages returns the blocks of a tree of type t in group ag, which belong to owner in the
// reverse map. With reserved the tree may take the blocks that are held back for refcountbt and
// finobt. count is called with 1 or -1 for each block that the tree gains or loses; it may be
// nil.
func (s *Groups) Pages(tx *txn.Tx, ag format.AGNumber, t *format.BlockType, owner uint64, reserved bool, count func(n int)) *Pages {
	return &Pages{blocks{tx, ag, t}, s, owner, reserved, count}
}

// New takes a block for the tree.
func (p *Pages) New(near uint64) (uint64, []byte, error) {
	g := p.tx.Geo
	e, err := p.groups.Alloc(p.tx, Request{
		Min: 1, Near: g.FSB(p.ag, format.AGBlock(near)), Only: true,
		Owner: Owner{ID: p.owner}, Reserved: p.reserved,
	})
	if err != nil {
		return 0, nil, err
	}
	if p.count != nil {
		p.count(1)
	}
	b := p.tx.New(g.Offset(e.Start), g.BlockSize, p.typ)
	return uint64(g.AGB(e.Start)), b.Data, nil
}

// Free gives a block back.
func (p *Pages) Free(block uint64) error {
	e := Extent{p.tx.Geo.FSB(p.ag, format.AGBlock(block)), 1}
	if err := p.groups.Free(p.tx, e, Owner{ID: p.owner}, false); err != nil {
		return err
	}
	if p.count != nil {
		p.count(-1)
	}
	return nil
}
