package txn

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
)

// Buf is a metadata block in memory: a sector, a filesystem block, a directory block or an
// inode. Its bytes may be read by everyone who got it from a transaction, and changed only
// where Tx.Change has announced it.
type Buf struct {
	Off  int64             // of its first byte, from the start of the volume; what the store knows it by
	Data []byte            // its length never changes
	Type *format.BlockType // what it holds

	pieces []Piece           // where it lies, if that is not one run
	tx     *Tx               // the last transaction that asked for it
	now    *journal.DirtyMap // changed by the open transaction
	dirty  *journal.DirtyMap // changed since the last checkpoint
	made   bool              // by a transaction; there is nothing on the device to compare with
	shown  bool              // View knows it
	logged bool              // in Store.logged
	older  bool              // made, and the log has items for what the block held before
	stale  bool              // the checksum is not that of the bytes
}

// clean reports whether the buffer equals its block on the device.
func (b *Buf) clean() bool { return b.now == nil && b.dirty == nil && !b.logged }

// Place is where the buffer lies, for a block that belongs to an inode.
func (b *Buf) Place(owner format.Ino) format.Place {
	return format.BlockOf(owner, daddr(b.Off))
}

// mark adds the chunks of n bytes from off, and calls missing for each that was not marked.
func mark(d *journal.DirtyMap, off, n int, missing func(chunk int)) {
	for c := off / format.LogBufChunk; c*format.LogBufChunk < off+n; c++ {
		if bit := uint32(1) << (c % 32); d[c/32]&bit == 0 {
			d[c/32] |= bit
			missing(c)
		}
	}
}
