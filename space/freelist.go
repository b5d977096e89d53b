package space

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// ErrShort says that a tree needed more blocks than its group had in its free list. It is no
// ErrNoSpace, after which one can go on: a change was broken off.
var ErrShort = errors.New("free list ran out of blocks")

// listPages are the blocks of a tree that lives off the free list.
type listPages struct {
	a   *group
	typ *format.BlockType
}

func (p *listPages) blocks() blocks { return blocks{p.a.tx, p.a.no, p.typ} }

func (p *listPages) Read(block uint64) ([]byte, error) { return p.blocks().Read(block) }

func (p *listPages) Change(block uint64, off, n int) ([]byte, error) {
	return p.blocks().Change(block, off, n)
}

// New takes the first block of the list. Near is nothing that it could heed.
func (p *listPages) New(uint64) (uint64, []byte, error) {
	block, err := p.a.pop()
	if err != nil {
		return 0, nil, err
	}
	if err := p.count(1); err != nil {
		return 0, nil, err
	}
	return uint64(block), p.a.tx.New(p.blocks().off(block), p.a.s.geo.BlockSize, p.typ).Data, nil
}

func (p *listPages) Free(block uint64) error {
	if err := p.count(-1); err != nil {
		return err
	}
	b := format.AGBlock(block)
	p.a.tx.Free(p.blocks().off(b), int64(p.a.s.geo.BlockSize), false)
	return p.a.push(b)
}

// count notes that the tree has n blocks more.
func (p *listPages) count(n int64) error {
	err := p.a.add(format.AGFBtreeBlks, n)
	if err == nil && p.typ == format.TypeRmapbt {
		err = p.a.add(format.AGFRmapBlks, n)
	}
	return err
}

func (a *group) listLen() uint32 { return a.get(format.AGFFlCount) }

func (a *group) list() (*txn.Buf, error) { return readHeader(a.tx, a.no, 3, format.TypeAGFL) }

// checkList compares the three numbers by which the AGF describes the ring.
func (a *group) checkList() error {
	size := uint32(format.AGFLSize(a.s.geo.SectSize))
	first, last, n := a.get(format.AGFFlFirst), a.get(format.AGFFlLast), a.listLen()
	if span := (last+size-first)%size + 1; n != 0 && n != span {
		return a.corrupt("AGF", "flcount", n, fmt.Sprintf("%d, from %d to %d", span, first, last))
	}
	return nil
}

// pop takes the first block off the list.
func (a *group) pop() (format.AGBlock, error) {
	if a.listLen() == 0 {
		return 0, fmt.Errorf("AG %d: %w", a.no, ErrShort)
	}
	list, err := a.list()
	if err != nil {
		return 0, err
	}
	first := a.get(format.AGFFlFirst)
	b := format.AGFLSlot(int(first)).Get(list.Data)
	if !a.canBeFree(run{b, 1}) {
		return 0, a.corrupt("AGFL", fmt.Sprintf("bno[%d]", first), b, "a block that can be free")
	}
	a.set(format.AGFFlFirst, (first+1)%uint32(format.AGFLSize(a.s.geo.SectSize)))
	a.set(format.AGFFlCount, a.listLen()-1)
	return b, nil
}

// push puts a block at the end of the list.
func (a *group) push(b format.AGBlock) error {
	size := uint32(format.AGFLSize(a.s.geo.SectSize))
	n := a.listLen()
	if n == size {
		return a.corrupt("AGF", "flcount", n, "room for another block")
	}
	list, err := a.list()
	if err != nil {
		return err
	}
	last := (a.get(format.AGFFlLast) + 1) % size
	if n == 0 {
		a.set(format.AGFFlFirst, last)
	}
	slot := format.AGFLSlot(int(last))
	slot.Put(a.tx.Change(list, int(slot), 4), b)
	a.set(format.AGFFlLast, last)
	a.set(format.AGFFlCount, n+1)
	return nil
}

func (a *group) minFreelist() uint32 {
	return a.s.heights.minFreelist(a.bno.Levels, a.cnt.Levels, a.rmap.Levels)
}

// fill brings the list to the length that the next change may need. It must be called before
// each change of the trees. When there isn't enough free space the list stays shorter, which
// those who take space must have ruled out, and those who give some back can live with.
func (a *group) fill() error {
	for a.listLen() > a.minFreelist() {
		b, err := a.pop()
		if err == nil {
			err = a.unmap(Rmap{b, 1, Owner{ID: format.OwnAG}}, true)
		}
		if err == nil {
			err = a.release(run{b, 1})
		}
		if err != nil {
			return err
		}
	}
	for need := a.minFreelist(); a.listLen() < need && a.freeBlocks() > 0; need = a.minFreelist() {
		if err := a.extend(need - a.listLen()); err != nil {
			return err
		}
	}
	return nil
}

// extend adds up to n blocks to the list, from the smallest free extent that will do.
func (a *group) extend(n uint32) error {
	from, err := a.bySize(n)
	if err != nil {
		return err
	}
	r := run{from.start, min(n, from.count)}
	if err := a.take(from, r); err != nil {
		return err
	}
	for b := r.start; b < r.end(); b++ {
		if err := a.push(b); err != nil {
			return err
		}
	}
	return a.mapNew(Rmap{r.start, r.count, Owner{ID: format.OwnAG}})
}

// bySize returns the smallest free extent of n blocks or more, or else the largest.
func (a *group) bySize(n uint32) (run, error) {
	var key [8]byte
	run{0, n}.put(key[:])
	rec, err := a.cnt.SeekGE(key[:])
	if err == nil && rec == nil {
		rec, err = a.cnt.Last()
	}
	switch {
	case err != nil:
		return run{}, err
	case rec == nil:
		return run{}, a.corrupt("AGF", "freeblks", a.freeBlocks(), "0, as cntbt is empty")
	}
	return a.checked(btree.Cntbt, unpackRun(rec))
}
