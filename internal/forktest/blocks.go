package forktest

import (
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Blocks is a fork of metadata in a transaction with a map for an allocator: what editors of
// directories and attributes ask of one. A block that is used and not there, or there and made
// anew, ends the test.
type Blocks struct {
	T      testing.TB
	Tx     *txn.Tx
	Unit   int // filesystem blocks of a block of the fork
	Places map[format.FileOff]format.AGBlock

	free []format.AGBlock
	next format.AGBlock
}

// NewBlocks makes a fork without blocks. Those that it gets lie in group 1.
func NewBlocks(t testing.TB, unit int) *Blocks {
	return &Blocks{T: t, Unit: unit, Places: map[format.FileOff]format.AGBlock{}, next: 1000}
}

// Place is where a block lies, in bytes.
func (f *Blocks) Place(off format.FileOff) int64 { return f.Tx.Geo.AGOffset(1, f.Places[off]) }

// Take gives the fork a block.
func (f *Blocks) Take(off format.FileOff) {
	if _, ok := f.Places[off]; ok {
		f.T.Fatalf("new block %d, which is there", off)
	}
	b := f.next
	if n := len(f.free); n > 0 {
		b, f.free = f.free[n-1], f.free[:n-1]
	} else {
		f.next += format.AGBlock(f.Unit)
	}
	f.Places[off] = b
}

// Drop takes a block away without telling the transaction.
func (f *Blocks) Drop(off format.FileOff) {
	f.must(off, "free")
	f.free = append(f.free, f.Places[off])
	delete(f.Places, off)
}

func (f *Blocks) must(off format.FileOff, what string) {
	if _, ok := f.Places[off]; !ok {
		f.T.Fatalf("%s of block %d, which is not there", what, off)
	}
}

func (f *Blocks) size() int { return f.Unit << f.Tx.Geo.BlockLog }

// Read returns the block at an offset, which holds one of the types.
func (f *Blocks) Read(off format.FileOff, types ...*format.BlockType) (*txn.Buf, error) {
	f.must(off, "read")
	return f.Tx.ReadOneOf(f.Place(off), format.NullPlace, types...)
}

// Change announces changes of a block.
func (f *Blocks) Change(b *txn.Buf, off, n int) []byte { return f.Tx.Change(b, off, n) }

// New gives the fork a zeroed block of a type.
func (f *Blocks) New(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	f.Take(off)
	return f.Tx.New(f.Place(off), f.size(), t), nil
}

// Replace makes a block a zeroed one of another type.
func (f *Blocks) Replace(off format.FileOff, t *format.BlockType) (*txn.Buf, error) {
	f.must(off, "replacement")
	return f.Tx.New(f.Place(off), f.size(), t), nil
}

// Free takes a block away.
func (f *Blocks) Free(off format.FileOff) error {
	f.must(off, "free")
	f.Tx.Free(f.Place(off), int64(f.size()), false)
	f.Drop(off)
	return nil
}

// Mapped gives the offset of the first block from off on.
func (f *Blocks) Mapped(off format.FileOff) (first format.FileOff, ok bool, err error) {
	for at := range f.Places {
		if at >= off && (!ok || at < first) {
			first, ok = at, true
		}
	}
	return first, ok, nil
}

// Unmapped gives the first of n offsets in a row, from off on, that have no blocks.
func (f *Blocks) Unmapped(off format.FileOff, n int) (format.FileOff, error) {
	unit := format.FileOff(f.Unit)
	for run := 0; ; off += unit {
		if _, ok := f.Places[off]; ok {
			run = 0
		} else if run++; run == n {
			return off - format.FileOff(n-1)*unit, nil
		}
	}
}

// Verify holds what the fork has in its blocks against the format, but for those that skip names.
// node is what a node of the hash tree is, which looks the same in directories and attributes.
func (f *Blocks) Verify(node *format.BlockType, skip func(format.FileOff) bool) {
	f.T.Helper()
	for off := range f.Places {
		if skip != nil && skip(off) {
			continue
		}
		b := make([]byte, f.size())
		if _, err := f.Tx.View().ReadAt(b, f.Place(off)); err != nil {
			f.T.Fatal(err)
		}
		kind := format.Detect(f.Tx.Geo, b)
		if kind == format.TypeAttrNode || kind == format.TypeDirNode {
			kind = node
		}
		kind.SetChecksum(b)
		if err := format.Verify(f.Tx.Geo, kind, b, format.NullPlace); err != nil {
			f.T.Errorf("block %d: %v", off, err)
		}
	}
}
