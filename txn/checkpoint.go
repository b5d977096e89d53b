package txn

import (
	"slices"

	"github.com/cowfs/cowfs/format"
)

// checkpoint collects what transactions have committed and the log does not have yet.
type checkpoint struct {
	bufs    []*Buf // with dirty chunks, in the order in which they first were
	bytes   int    // that they will take in the log, about
	chunks  []*Chunk
	cancels map[int64]int64 // metadata given up: byte offset to bytes
	busy    []run           // everything given up
}

// run is a range of bytes of the volume.
type run struct{ off, n int64 }

// add makes what the open transaction changed in a buffer part of the checkpoint.
func (c *checkpoint) add(b *Buf) {
	if b.dirty == nil {
		b.dirty = newChunks(len(b.Data))
		c.bufs = append(c.bufs, b)
		c.bytes += len(b.Data) / 8
	}
	before := b.dirty.count()
	b.dirty.join(b.now)
	c.bytes += (b.dirty.count() - before) * format.LogBufChunk
}

// remove forgets a buffer that was given up.
func (c *checkpoint) remove(b *Buf) {
	if b.dirty == nil {
		return
	}
	b.dirty = nil
	if i := slices.Index(c.bufs, b); i >= 0 {
		c.bufs[i] = nil
	}
}

// free notes that a range was given up.
func (c *checkpoint) free(f *freed) {
	c.busy = append(c.busy, run{f.off, f.n})
	if f.metadata {
		if c.cancels == nil {
			c.cancels = map[int64]int64{}
		}
		c.cancels[f.off] = max(c.cancels[f.off], f.n)
	}
}

// uncancel takes back that the blocks of a buffer were given up: the whole of the new content
// will be in the log, so that older items for them do no harm.
func (c *checkpoint) uncancel(b *Buf) {
	for off, n := range c.cancels {
		if off >= b.Off+int64(len(b.Data)) || off+n <= b.Off {
			continue
		}
		delete(c.cancels, off)
		if off < b.Off {
			c.cancels[off] = b.Off - off
		}
		if end := b.Off + int64(len(b.Data)); off+n > end {
			c.cancels[end] = off + n - end
		}
	}
}

// empty reports whether there is nothing to write.
func (c *checkpoint) empty() bool {
	return len(c.bufs) == 0 && len(c.chunks) == 0 && len(c.cancels) == 0
}

// maxBusy is how many ranges Busy looks at before it says yes to be safe.
const maxBusy = 256

// Busy reports whether a transaction that isn't in the log yet has given up any of n bytes from
// off. Before file data is written there, Sync must have been called: else a crash could bring
// back the old owner of the blocks with the new one's data.
func (tx *Tx) Busy(off, n int64) bool { return tx.ckpt.isBusy(off, n) }

func (c *checkpoint) isBusy(off, n int64) bool {
	if len(c.busy) > maxBusy {
		return true
	}
	for _, r := range c.busy {
		if r.off < off+n && off < r.off+r.n {
			return true
		}
	}
	return false
}
