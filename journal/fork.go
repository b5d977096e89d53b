package journal

import (
	"bytes"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// forkWalk goes through a fork of an inode as the stage has it.
type forkWalk struct {
	*stage
	node func(off int64, b []byte) error // called with each block of the fork's tree; nil: not
	each func(m format.Mapping) error    // called with each mapping; nil: not

	seen map[format.FSBlock]bool
}

// walk goes through the data fork of the inode, or its attribute fork. A tree with a block in two
// places is damaged, so the walk ends.
func (w *forkWalk) walk(inode []byte, attr bool) error {
	fork, attrFork := format.Forks(inode)
	kind := format.DiFormat.Get(inode)
	count, attrCount := format.NExtents(inode)
	if attr {
		fork, kind, count = attrFork, format.DiAFormat.Get(inode), uint64(attrCount)
	}
	switch kind {
	case format.FmtExtents:
		if room := len(fork) / format.BmbtRec.Size; count > uint64(room) {
			return format.Corrupt("inode", "core.nextents", count, fmt.Sprintf("%d at most", room))
		}
		return w.mappings(fork[:int(count)*format.BmbtRec.Size])
	case format.FmtBtree:
		w.seen = map[format.FSBlock]bool{}
		n, room := 0, format.RootMaxRecs(len(fork))
		if len(fork) >= format.RootBlock.Size {
			n = int(format.RootNumRecs.Get(fork))
		}
		if n == 0 || n > room {
			return format.Corrupt("inode", "bmbt.numrecs", n, fmt.Sprintf("1 to %d", room))
		}
		ptrs := bytes.Clone(fork[format.RootBlock.Size+room*format.BmbtKey.Size:][:n*format.LongPtr.Size])
		return w.children(ptrs, int(format.RootLevel.Get(fork))-1)
	}
	return nil
}

func (w *forkWalk) mappings(recs []byte) error {
	for ; w.each != nil && len(recs) > 0; recs = recs[format.BmbtRec.Size:] {
		m := format.UnpackMapping(recs)
		if m.Count == 0 || !w.g.ValidFSB(m.Start, uint64(m.Count)) {
			return format.Corrupt("bmbt record", "startblock", m, "blocks of one group")
		}
		if err := w.each(m); err != nil {
			return err
		}
	}
	return nil
}

// children goes through the blocks, of a level, that a node points to.
func (w *forkWalk) children(ptrs []byte, level int) error {
	if level < 0 || level >= format.MaxBtreeLevels {
		return format.Corrupt("bmbt block", "level", level, fmt.Sprintf("below %d", format.MaxBtreeLevels))
	}
	for ; len(ptrs) > 0; ptrs = ptrs[format.LongPtr.Size:] {
		fsb := format.LongPtrTo.Get(ptrs)
		if !w.g.ValidFSB(fsb, 1) || w.seen[fsb] {
			return format.Corrupt("bmbt block", "ptr", fsb, "a block of the volume, once")
		}
		w.seen[fsb] = true
		off := w.g.Offset(fsb)
		b, err := w.read(off, w.g.BlockSize)
		if err != nil {
			return err
		}
		if err := w.block(off, bytes.Clone(b), level); err != nil {
			return fmt.Errorf("block %d: %w", fsb, err)
		}
	}
	return nil
}

// block goes through a block of the tree and what is below it.
func (w *forkWalk) block(off int64, b []byte, level int) error {
	if m := format.LongMagic.Get(b); m != format.BmbtMagic {
		return format.Corrupt("bmbt block", "magic", fmt.Sprintf("%#x", uint32(m)), fmt.Sprintf("%#x", uint32(format.BmbtMagic)))
	}
	size := format.BmbtRec.Size // also of a key and a pointer
	n, room := int(format.LongNumRecs.Get(b)), (len(b)-format.LongBlock.Size)/size
	if got := int(format.LongLevel.Get(b)); got != level || n > room {
		return format.Corrupt("bmbt block", "level", fmt.Sprintf("%d, with %d records", got, n), fmt.Sprintf("%d, with %d at most", level, room))
	}
	if w.node != nil {
		if err := w.node(off, b); err != nil {
			return err
		}
	}
	if level == 0 {
		return w.mappings(b[format.LongBlock.Size:][:n*size])
	}
	return w.children(b[format.LongBlock.Size+room*format.BmbtKey.Size:][:n*format.LongPtr.Size], level-1)
}

// adopt makes the inode the owner of its forks' trees where its item says so: the trees were
// swapped with another inode's. That holds for blocks of an inode that is newer, too.
func (r *replayer) adopt(i *inodeItem, inode []byte) error {
	const both = format.LogInodeDOwner | format.LogInodeAOwner
	if i.fields&both == 0 || format.DiMode.Get(inode) == 0 {
		return nil
	}
	inode = bytes.Clone(inode)
	w := forkWalk{stage: r.stage, node: func(off int64, b []byte) error {
		return r.amend(off, b, format.TypeBmbt, func() { format.LongOwner.Put(b, i.ino) })
	}}
	if i.fields&format.LogInodeDOwner != 0 {
		if err := w.walk(inode, false); err != nil {
			return fmt.Errorf("inode %d: data fork: %w", i.ino, err)
		}
	}
	if i.fields&format.LogInodeAOwner != 0 {
		if err := w.walk(inode, true); err != nil {
			return fmt.Errorf("inode %d: attribute fork: %w", i.ino, err)
		}
	}
	return nil
}
