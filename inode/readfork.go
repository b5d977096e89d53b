package inode

import (
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// Which names one of an inode's forks.
type Which uint8

// The forks. Cow is the persistent CoW fork: staged writes that are not yet part of the file.
const (
	Data Which = iota
	Attr
	Cow
)

// String names the fork as messages do.
func (w Which) String() string { return [...]string{"data fork", "attribute fork", "CoW fork"}[w] }

// Fork is one fork of an inode. It is safe for concurrent use.
type Fork struct {
	Which  Which
	Format format.ForkFormat
	// Local is the content of a fork in local format, a view into the inode: a directory in
	// shortform, the target of a link, or attributes in shortform. It is checked.
	Local []byte
	// Extents is the number of mappings, as the inode says. 0 for a CoW fork, where it is not
	// recorded.
	Extents uint64

	ino  *Inode
	maps []format.Mapping     // extents format
	tree *btree.Tree          // btree format
	last atomic.Pointer[spot] // where the last reader of the tree stopped
}

// Fork opens a fork. A fork that does not exist is one in extents format without mappings.
// The mappings of a B+tree are checked when they are read.
func (i *Inode) Fork(w Which) (*Fork, error) {
	f := &Fork{Which: w, Format: format.FmtExtents, ino: i}
	data, attr := format.Forks(i.Raw)
	dataCount, attrCount := format.NExtents(i.Raw)
	switch {
	case w == Data && i.Flags()&format.FlagRealtime != 0 && i.IsRegular():
		return nil, fmt.Errorf("inode %d: %w: a file in the realtime section", i.Ino, format.ErrUnsupported)
	case w == Data:
		f.Format, f.Extents = format.DiFormat.Get(i.Raw), dataCount
		f.open(data, int(min(i.Size(), int64(len(data)))))
	case w == Attr && attr != nil:
		f.Format, f.Extents = format.DiAFormat.Get(i.Raw), uint64(attrCount)
		f.open(attr, int(format.AttrSFTotSize.Get(attr)))
	case w == Cow && i.CowRoot() != 0:
		return f, f.openCow()
	}
	return f, nil
}

// open takes a fork that begins in the inode; local is the length of one in local format. What
// lies in the inode was judged when that was read.
func (f *Fork) open(fork []byte, local int) {
	switch f.Format {
	case format.FmtLocal:
		f.Local = fork[:local]
	case format.FmtExtents:
		f.maps = make([]format.Mapping, f.Extents)
		for k := range f.maps {
			f.maps[k] = format.UnpackMapping(fork[k*format.BmbtRec.Size:])
		}
	case format.FmtBtree:
		f.tree = f.newTree()
		f.tree.Fork = fork
	}
}

func (f *Fork) corrupt(field string, got, want any) error {
	return format.Corrupt(f.Which.String(), field, got, want).At(format.InInode(f.ino.Ino))
}

// All gives the mappings in order of offset.
func (f *Fork) All() iter.Seq2[format.Mapping, error] { return f.From(0) }

// From gives the mappings that end behind off, in order of offset. An error ends the sequence.
func (f *Fork) From(off format.FileOff) iter.Seq2[format.Mapping, error] {
	return func(yield func(format.Mapping, error) bool) {
		if f.tree != nil {
			f.fromTree(off, yield)
			return
		}
		for _, m := range f.maps {
			if m.End() > off && !yield(m, nil) {
				return
			}
		}
	}
}

// Find returns the mapping that covers off; ok is false where there is a hole.
func (f *Fork) Find(off format.FileOff) (m format.Mapping, ok bool, err error) {
	for m, err := range f.From(off) {
		return m, err == nil && m.Off <= off, err
	}
	return format.Mapping{}, false, nil
}

// ReadBlocks fills b, a whole number of blocks, from offset off of the fork and returns the
// disk address of the first block. A hole or an unwritten block is an ErrCorrupt: it is how
// metadata is read.
func (f *Fork) ReadBlocks(off format.FileOff, b []byte) (format.Daddr, error) {
	g := f.ino.src.Geo
	var at format.Daddr
	for done := 0; done < len(b); {
		here := off + format.FileOff(done>>g.BlockLog)
		m, ok, err := f.Find(here)
		if err != nil {
			return 0, err
		}
		if !ok || m.Unwritten {
			return 0, f.corrupt(fmt.Sprintf("block %d", here), "a hole or an unwritten block", "metadata")
		}
		start := m.Start + format.FSBlock(here-m.Off)
		n := min(len(b)-done, int(m.End()-here)<<g.BlockLog)
		if _, err := f.ino.src.Dev.ReadAt(b[done:done+n], g.Offset(start)); err != nil {
			return 0, fmt.Errorf("read inode %d: %v: block %d: %w", f.ino.Ino, f.Which, here, err)
		}
		if done == 0 {
			at = g.ToDaddr(start)
		}
		done += n
	}
	return at, nil
}
