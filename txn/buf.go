package txn

import (
	"math/bits"

	"github.com/cowfs/cowfs/format"
)

// Buf is a metadata block in memory: a sector, a filesystem block, a directory block or an
// inode. Its bytes may be read by everyone who got it from a transaction, and changed only
// where Tx.Change has announced it.
type Buf struct {
	Off  int64             // of its first byte, from the start of the volume
	Data []byte            // its length never changes
	Type *format.BlockType // what it holds

	tx     *Tx        // the last transaction that asked for it
	now    chunks     // changed by the open transaction
	dirty  chunks     // changed since the last checkpoint
	lsn    format.LSN // of the newest checkpoint with it, while that isn't in place; else 0
	made   bool       // by a transaction; there is nothing on the device to compare with
	shown  bool       // View knows it
	logged bool       // in Store.logged
}

// clean reports whether the buffer equals its block on the device.
func (b *Buf) clean() bool { return b.now == nil && b.dirty == nil && b.lsn == 0 && !b.logged }

// chunks is a set of ranges of a buffer, in units of format.LogBufChunk bytes.
type chunks []uint64

func newChunks(size int) chunks { return make(chunks, (size/format.LogBufChunk+63)/64) }

// add puts bytes off to off+n into the set, and calls missing for each chunk that was not in it.
func (c chunks) add(off, n int, missing func(chunk int)) {
	for i := off / format.LogBufChunk; i*format.LogBufChunk < off+n; i++ {
		if !c.has(i) {
			c[i/64] |= 1 << (i % 64)
			missing(i)
		}
	}
}

func (c chunks) has(i int) bool { return c[i/64]>>(i%64)&1 != 0 }

// join adds all of d.
func (c chunks) join(d chunks) {
	for i := range c {
		c[i] |= d[i]
	}
}

func (c chunks) count() (n int) {
	for _, w := range c {
		n += bits.OnesCount64(w)
	}
	return n
}
