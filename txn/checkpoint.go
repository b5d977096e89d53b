package txn

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
)

// checkpoint collects what transactions have committed and the log does not have yet.
type checkpoint struct {
	bufs    []*Buf // with dirty chunks, in the order in which they first were
	bytes   int    // that they will take in the log, about
	chunks  []*Chunk
	notes   []Item                    // as Tx.Note got them
	cancels map[run]format.LogBufFlag // buffers given up that the log has items for
	busy    []run                     // everything given up
	zero    []run                     // file data to be zeroed when the checkpoint is safe
}

// run is a range of bytes of the volume.
type run struct{ off, n int64 }

// add makes what the open transaction changed in a buffer part of the checkpoint. A block that the
// log has nothing for goes there as a whole: what is replayed over a block in place, torn or newer
// as that may be, is then at each checkpoint what it was at that checkpoint. The kernel checks blocks
// after each one, and would refuse a mixture.
func (c *checkpoint) add(b *Buf) {
	if b.dirty == nil {
		b.dirty = new(journal.DirtyMap)
		c.bufs = append(c.bufs, b)
		c.bytes += format.LogBuf.Size
	}
	before := b.dirty.Chunks()
	if b.logged || b.now.Empty() {
		for i, w := range b.now {
			b.dirty[i] |= w
		}
	} else {
		b.dirty.Mark(0, len(b.Data))
	}
	c.bytes += (b.dirty.Chunks() - before) * format.LogBufChunk
}

// remove forgets a buffer that was given up or replaced; it stays in the list, without changes.
func (c *checkpoint) remove(b *Buf) { b.dirty = nil }

// free notes that a range was given up. What the log has for buffers in it must not be replayed
// any more; older items than these are replayed in no case, since their blocks are in place.
func (c *checkpoint) free(g *format.Geometry, f *freed) {
	c.busy = append(c.busy, run{f.off, f.n})
	for _, b := range f.bufs {
		if b.logged || b.older {
			if c.cancels == nil {
				c.cancels = map[run]format.LogBufFlag{}
			}
			for _, k := range logKeys(g, b) {
				c.cancels[k] = b.flags()
			}
		}
	}
}

// logKeys are the buffers that the log knows a buffer by: of an inode, its cluster.
func logKeys(g *format.Geometry, b *Buf) []run {
	if b.Type == format.TypeInode {
		at, n := journal.Cluster(g, format.DiIno.Get(b.Data))
		return []run{{int64(at) << format.BasicBlockLog, int64(n)}}
	}
	var keys []run
	for off, part := range b.parts() {
		keys = append(keys, run{off, int64(len(part))})
	}
	return keys
}

// remake takes back that a buffer was given up: all of its new content will be in the log, so
// that older items for it do no harm. before is the buffer that it takes the place of, if any.
func (c *checkpoint) remake(g *format.Geometry, b, before *Buf) {
	if before != nil && (before.logged || before.older) {
		b.older = true
	}
	for _, k := range logKeys(g, b) {
		if _, ok := c.cancels[k]; ok {
			b.older = true
		}
		delete(c.cancels, k)
	}
}

// empty reports whether there is nothing to write.
func (c *checkpoint) empty() bool {
	return len(c.bufs) == 0 && len(c.chunks) == 0 && len(c.notes) == 0 && len(c.cancels) == 0
}

// maxBusy is how many ranges Busy looks at before it says yes to be safe.
const maxBusy = 256

// Busy reports whether a transaction that isn't in the log yet, this one too, has given up any of
// n bytes from off. Before file data is written there, Sync must have been called: else a crash
// could bring back the old owner of the blocks with the new one's data.
func (tx *Tx) Busy(off, n int64) bool {
	for _, e := range tx.events {
		if e.freed != nil && e.freed.off < off+n && off < e.freed.off+e.freed.n {
			return true
		}
	}
	return tx.ckpt.isBusy(off, n)
}

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
