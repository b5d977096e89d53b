package inode

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// DirFork is a directory's data fork, as its editor wants it.
type DirFork struct{ Blocks }

// DirFork returns the data fork of a directory.
func (e *Editor) DirFork() DirFork { return DirFork{Blocks{e.Fork(Data), e.geo.DirBlocks()}} }

// Local returns the fork's bytes while the directory is in shortform, else nil.
func (d DirFork) Local() []byte {
	if d.Format() != format.FmtLocal {
		return nil
	}
	return d.bytes()[:d.Size()]
}

// Room is the number of bytes that a local fork can have.
func (d DirFork) Room() int { return d.DataRoom() }

// SetLocal makes the fork local with this content, no longer than Room. It has no blocks then.
func (d DirFork) SetLocal(b []byte) error { return d.setLocal(b) }

// setLocal makes a data fork local.
func (f *ForkEditor) setLocal(b []byte) error {
	if err := f.MakeDataRoom(len(b)); err != nil {
		return err
	}
	f.Modify()
	f.setFormat(format.FmtLocal)
	dst := f.bytes()
	clear(dst[copy(dst, b):])
	return nil
}

// SetBlocks makes the fork one of blocks, none so far.
func (d DirFork) SetBlocks() {
	d.Modify()
	d.setFormat(format.FmtExtents)
	clear(d.bytes())
}

// AttrFork is an attribute fork, as its editor wants it.
type AttrFork struct{ Blocks }

// AttrFork returns the attribute fork.
func (e *Editor) AttrFork() AttrFork { return AttrFork{Blocks{e.Fork(Attr), 1}} }

// ErrForkFull says that the data fork takes the whole inode, so that it can have no attributes
// beside it. A directory in shortform must first become one of blocks.
var ErrForkFull = errors.New("no room for attributes in the inode")

// Local returns the attributes in shortform, nil while they are in blocks, and an empty slice
// when there are none.
func (a AttrFork) Local() []byte {
	b := a.bytes()
	switch {
	case len(b) == 0 || a.Format() == format.FmtExtents && a.Extents() == 0:
		return []byte{}
	case a.Format() != format.FmtLocal:
		return nil
	}
	return b[:min(int(format.AttrSFTotSize.Get(b)), len(b))]
}

// SetLocal stores attributes in shortform. It reports false, and does nothing, when the inode
// has no room for them.
func (a AttrFork) SetLocal(b []byte) (bool, error) {
	ok, err := a.MakeAttrRoom(len(b))
	if err != nil || !ok {
		return false, err
	}
	a.Modify()
	a.setFormat(format.FmtLocal)
	dst := a.bytes()
	clear(dst[copy(dst, b):])
	return true, nil
}

// SetBlocks makes the fork one of blocks, none so far.
func (a AttrFork) SetBlocks() error {
	ok, err := a.MakeAttrRoom(minAttrRoom)
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("inode %d: %w", a.Ino, ErrForkFull)
	}
	a.Modify()
	a.setFormat(format.FmtExtents)
	clear(a.bytes())
	return nil
}

// SetNone takes the fork away, which has no blocks.
func (a AttrFork) SetNone() error {
	a.Modify()
	a.setFormat(format.FmtExtents)
	return a.divide(a.geo.LiteralSize())
}

// WriteRemote allocates n blocks at off, which have none, and writes each as fill makes it.
func (a AttrFork) WriteRemote(off format.FileOff, n int, fill func(i int, bno format.Daddr, b []byte)) error {
	buf := make([]byte, a.geo.BlockSize)
	for i := 0; i < n; {
		m, err := a.Grow(off+format.FileOff(i), 1, uint32(n-i), false, true)
		if err != nil {
			return err
		}
		for k := range m.Count {
			fsb := m.Start + format.FSBlock(k)
			fill(i, a.geo.ToDaddr(fsb), buf)
			if err := a.tx.WriteData(buf, a.geo.Offset(fsb)); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

// ReadRemote reads a value of n bytes from off on.
func (a AttrFork) ReadRemote(off format.FileOff, n int) ([]byte, error) {
	src := Source{Geo: a.geo, Dev: a.tx.View()}
	i, err := src.Decode(a.Ino, bytes.Clone(a.buf.Data))
	if err != nil {
		return nil, err
	}
	f, err := i.Fork(Attr)
	if err != nil {
		return nil, err
	}
	return f.ReadRemote(format.TypeAttrRmt, off, n)
}

// FreeRemote gives n blocks from off on back.
func (a AttrFork) FreeRemote(off format.FileOff, n int) error {
	for end := off + format.FileOff(n); off < end; {
		m, ok, err := a.From(off)
		if err != nil {
			return err
		}
		if !ok || m.Off > off {
			return a.corrupt("mapping", fmt.Sprintf("a hole at block %d", off), "a remote value")
		}
		to := min(end, m.End())
		if err := a.Shrink(m, off, to, true); err != nil {
			return err
		}
		off = to
	}
	return nil
}
