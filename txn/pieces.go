package txn

import (
	"fmt"
	"iter"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
)

// Piece is a run of bytes of the volume that a part of a metadata block lies in.
type Piece struct {
	Off int64
	Len int
}

// parts gives the runs that the buffer lies in with the bytes of each, in the order of the bytes.
func (b *Buf) parts() iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		if b.pieces == nil {
			yield(b.Off, b.Data)
			return
		}
		at := 0
		for _, p := range b.pieces {
			if !yield(p.Off, b.Data[at:at+p.Len]) {
				return
			}
			at += p.Len
		}
	}
}

// ReadPieces is ReadOneOf for a directory block that does not lie in one run: of pieces, more than
// one and whole filesystem blocks each.
func (tx *Tx) ReadPieces(pieces []Piece, at format.Place, types ...*format.BlockType) (*Buf, error) {
	b, err := tx.read(pieces[0].Off, pieces, at, types...)
	if err == nil {
		b.tx = tx
	}
	return b, err
}

// NewPieces is New for a directory block that does not lie in one run.
func (tx *Tx) NewPieces(pieces []Piece, t *format.BlockType) *Buf {
	n := 0
	for _, p := range pieces {
		n += p.Len
	}
	return tx.newBuf(&Buf{Off: pieces[0].Off, Data: make([]byte, n), Type: t, made: true, pieces: slices.Clone(pieces)})
}

// readParts reads the bytes of a block.
func (s *Store) readParts(data []byte, off int64, pieces []Piece) error {
	if pieces == nil {
		_, err := s.dev.ReadAt(data, off)
		return err
	}
	total := 0
	for _, p := range pieces {
		total += p.Len
	}
	if total != len(data) {
		return fmt.Errorf("%d bytes in pieces for a block of %d", total, len(data))
	}
	for _, p := range pieces {
		if _, err := s.dev.ReadAt(data[:p.Len], p.Off); err != nil {
			return err
		}
		data = data[p.Len:]
	}
	return nil
}

// pieceFlags are those of buffers that are pieces of a block. The log knows each piece as a buffer of
// its own, and the kernel would take it for a whole block and refuse it. Of the type of the realtime
// bitmap it knows that there is nothing to check in it and nothing to make anew: it puts the bytes
// where they belong, with the checksum that they have.
var pieceFlags = format.LogBufFlag(0).WithType(format.LogBufTypeRtBitmap)

// pieceItems makes the items for a buffer that lies in pieces.
func (b *Buf) pieceItems(out []Item) []Item {
	b.Type.SetChecksum(b.Data)
	b.stale = false
	b.dirty.Mark(0, format.LogBufChunk) // the checksum
	chunk := 0
	for off, part := range b.parts() {
		var dirty journal.DirtyMap
		for i := range len(part) / format.LogBufChunk {
			if c := chunk + i; b.dirty[c/32]>>(c%32)&1 != 0 {
				dirty.Mark(i*format.LogBufChunk, format.LogBufChunk)
			}
		}
		chunk += len(part) / format.LogBufChunk
		if !dirty.Empty() {
			out = append(out, journal.BufferItem(daddr(off), part, &dirty, pieceFlags))
		}
	}
	return out
}
