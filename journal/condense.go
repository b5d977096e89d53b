package journal

import (
	"bytes"
	"maps"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// Recover replays a log into the image that it lies in. A crash at any instant, one that tears
// blocks too, leaves a log that we and the kernel can replay to the same end, if there is room in
// the log: before anything is written in place, all that the replay changes becomes one checkpoint
// at the head, which from then on is all of the log. It takes a block from whatever a crash has
// left of it to its final state at once. Without the room the blocks are just written, as the kernel
// does it: then a crash that tears one leaves it with an LSN that tells the kernel, which does not
// look at the checksum, that it need not be replayed.
//
// Afterwards l says how the log is now. It holds Result.Intents, and nothing else that has to be
// replayed.
func Recover(l *Log) (*Result, error) {
	r := newReplayer(l, l.dev)
	r.finish = r.condense
	return r.replay()
}

// condense writes what is staged in place, first to the log and then to the image.
func (r *replayer) condense() error {
	if err := r.seal(); err != nil {
		return err
	}
	w, err := NewWriter(r.log, WriterOptions{})
	if err != nil {
		return err
	}
	c := condenser{replayer: r, w: w, left: w.Free() << format.BasicBlockLog}
	for _, i := range r.res.Intents {
		c.add(i.Item())
	}
	fits, err := c.collect()
	if err == nil && fits {
		fits, err = c.write()
	}
	if err != nil {
		return err
	}
	if err := r.apply(); err != nil {
		return err
	}
	if err := r.into.Sync(); err != nil || !fits {
		return err
	}
	r.res.Condensed = true
	if err := c.release(); err != nil {
		return err
	}
	r.log.Head, r.log.Tail, r.log.Last = w.Head(), w.Tail(), lsnOf(cycleOf(w.Head()), int(w.prev))
	return nil
}

// condenser makes the checkpoint.
type condenser struct {
	*replayer
	w     *Writer
	items []Item
	left  int             // bytes of room in the log, about
	old   [maxBuffer]byte // what the disk has
}

func (c *condenser) add(item Item) {
	c.items = append(c.items, item)
	for _, r := range item.Regions {
		c.left -= len(r)
	}
}

// collect makes items for what the replay has changed. fits is false when there is no room for
// them.
func (c *condenser) collect() (fits bool, err error) {
	end := int64(0) // of the buffer before, bytes of the image
	for _, off := range slices.Sorted(maps.Keys(c.touched)) {
		o := c.touched[off]
		at, n := off, o.n
		switch {
		case o.typ == format.TypeDquot:
			return false, nil // the log would have to know whose quotas they are
		case o.typ == format.TypeInode && off < end:
			continue
		case o.typ == format.TypeInode:
			// The kernel knows inodes by the buffers that they lie in.
			b, err := c.read(off, o.n)
			if err != nil {
				return false, err
			}
			var daddr format.Daddr
			daddr, n = Cluster(c.g, format.DiIno.Get(b))
			at = offset(daddr)
		}
		if err := c.differences(at, n, o.typ); err != nil || c.left < 0 {
			return false, err
		}
		end = at + int64(n)
	}
	return true, nil
}

// differences adds an item for what differs in a buffer of n bytes between the disk and the stage.
func (c *condenser) differences(off int64, n int, t *format.BlockType) error {
	now, err := c.read(off, n)
	if err != nil {
		return err
	}
	old := c.old[:n]
	if _, err := c.into.ReadAt(old, off); err != nil {
		return err
	}
	var changed DirtyMap
	for at := 0; at < n; at += format.LogBufChunk {
		if !bytes.Equal(now[at:at+format.LogBufChunk], old[at:at+format.LogBufChunk]) {
			changed.Mark(at, format.LogBufChunk)
		}
	}
	if changed.Empty() {
		return nil
	}
	item := BufferItem(format.Daddr(off>>format.BasicBlockLog), now, &changed, format.LogBufFlag(0).WithType(bufType(t)))
	for i, r := range item.Regions[1:] {
		item.Regions[1+i] = bytes.Clone(r) // the stage's memory is used again
	}
	c.add(item)
	return nil
}

// bufType is the type that the log gives buffers of a type of blocks. Blocks without one, parts of
// directory blocks among them, have none there either: they are replayed as they are.
func bufType(t *format.BlockType) format.LogBufType {
	if t == format.TypeInode {
		return format.LogBufTypeDinode
	}
	for b, may := range bufTypes {
		if slices.Contains(may, t) {
			return b
		}
	}
	return 0
}

// write makes the checkpoint all of the log: another one behind it says so.
func (c *condenser) write() (fits bool, err error) {
	if len(c.items) == 0 {
		return true, nil
	}
	sb, err := c.read(0, c.g.SectSize)
	if err != nil {
		return false, err
	}
	var some DirtyMap
	some.Mark(0, 1)
	end := []Item{BufferItem(0, bytes.Clone(sb), &some, format.LogBufFlag(0).WithType(format.LogBufTypeSuperblock))}
	again := c.again()
	if c.w.Blocks(c.items)+c.w.Blocks(end)+c.w.Blocks(again) > c.w.Free() {
		return false, nil
	}
	lsn, err := c.w.Append(c.items)
	if err == nil {
		err = c.w.Sync()
	}
	if err == nil {
		err = c.w.SetTail(lsn)
	}
	if err == nil {
		_, err = c.w.Append(end)
	}
	if err == nil {
		err = c.w.Sync()
	}
	return true, err
}

// again makes items that announce the unfinished intents anew.
func (c *condenser) again() []Item {
	var items []Item
	for _, i := range c.res.Intents {
		items = append(items, i.Done(), i.Item())
	}
	return items
}

// release takes the checkpoint out of the log, as all that it holds is in place. What is written in
// place from now on must not be replayed over.
func (c *condenser) release() error {
	tail := c.w.Head()
	if items := c.again(); len(items) > 0 {
		if _, err := c.w.Append(items); err != nil {
			return err
		}
		if err := c.w.Sync(); err != nil {
			return err
		}
	}
	return c.w.SetTail(tail)
}
