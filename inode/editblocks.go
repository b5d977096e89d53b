package inode

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Blocks is a fork as blocks of metadata, Unit filesystem blocks each: those of a directory, or
// of attributes. A block lies in one run where there is room for that, else in pieces.
type Blocks struct {
	*ForkEditor
	Unit int
}

// find returns the mapping of the part of a block that begins at an offset. whole says that it is the
// mapping of all of the block.
func (b Blocks) find(off, end format.FileOff) (m format.Mapping, whole bool, err error) {
	m, ok, err := b.From(off)
	if err == nil && (!ok || m.Off > off) {
		err = b.corrupt("mapping", fmt.Sprintf("a hole at block %d", off), "a block")
	}
	return m, m.End() >= end, err
}

func (b Blocks) end(off format.FileOff) format.FileOff { return off + format.FileOff(b.Unit) }

// place is where block off of a mapping lies, in bytes.
func (b Blocks) place(m format.Mapping, off format.FileOff) int64 {
	return b.geo.Offset(m.Start + format.FSBlock(off-m.Off))
}

// pieces is where the block at an offset lies, in order.
func (b Blocks) pieces(off format.FileOff) (out []txn.Piece, err error) {
	for end := b.end(off); off < end; {
		m, _, err := b.find(off, end)
		if err != nil {
			return nil, err
		}
		to := min(end, m.End())
		out = append(out, txn.Piece{Off: b.place(m, off), Len: int(to-off) << b.geo.BlockLog})
		off = to
	}
	return out, nil
}

// Read returns the block at an offset, which holds one of the types.
func (b Blocks) Read(off format.FileOff, types ...*format.BlockType) (*txn.Buf, error) {
	m, whole, err := b.find(off, b.end(off))
	if err != nil {
		return nil, err
	}
	at := b.place(m, off)
	owner := format.BlockOf(b.Ino, format.Daddr(at>>format.BasicBlockLog))
	if whole {
		return b.tx.ReadOneOf(at, owner, types...)
	}
	pieces, err := b.pieces(off)
	if err != nil {
		return nil, err
	}
	return b.tx.ReadPieces(pieces, owner, types...)
}

// Change announces changes of a block; see txn.Tx.Change.
func (b Blocks) Change(buf *txn.Buf, off, n int) []byte { return b.tx.Change(buf, off, n) }

// New gives the fork a zeroed block of a type at an offset that has none.
func (b Blocks) New(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	_, err := b.Grow(off, uint32(b.Unit), uint32(b.Unit), false, false)
	if errors.Is(err, space.ErrNoSpace) && b.Unit > 1 {
		err = b.growPieces(off)
	}
	if err != nil {
		return nil, err
	}
	return b.Replace(off, t)
}

// growPieces allocates the block at an offset where free space has no run as long as it.
func (b Blocks) growPieces(off format.FileOff) error {
	for end := b.end(off); off < end; {
		m, err := b.Grow(off, 1, uint32(end-off), false, false)
		if err != nil {
			return err
		}
		off += format.FileOff(m.Count)
	}
	return nil
}

// Replace makes the block at an offset a zeroed one of another type.
func (b Blocks) Replace(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	pieces, err := b.pieces(off)
	switch {
	case err != nil:
		return nil, err
	case len(pieces) == 1:
		return b.tx.New(pieces[0].Off, pieces[0].Len, t), nil
	}
	return b.tx.NewPieces(pieces, t), nil
}

// Free takes the block at an offset away from the fork.
func (b Blocks) Free(off format.FileOff) error {
	for end := b.end(off); off < end; {
		m, _, err := b.find(off, end)
		if err != nil {
			return err
		}
		to := min(end, m.End())
		if err := b.Shrink(m, off, to, false); err != nil {
			return err
		}
		off = to
	}
	return nil
}

// Mapped gives the offset of the first block from off on.
func (b Blocks) Mapped(off format.FileOff) (at format.FileOff, ok bool, err error) {
	m, ok, err := b.From(off)
	return max(m.Off, off), ok, err
}

// Unmapped gives the first of n blocks' offsets in a row, from off on, that have none.
func (b Blocks) Unmapped(off format.FileOff, n int) (format.FileOff, error) {
	need := format.FileOff(n * b.Unit)
	for {
		m, ok, err := b.From(off)
		if err != nil || !ok || m.Off >= off+need {
			return off, err
		}
		off = m.End()
	}
}
