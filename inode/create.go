package inode

import (
	"bytes"
	"encoding/binary"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Node is what a new inode is made from.
type Node struct {
	Mode     uint16
	UID, GID uint32
	Rdev     uint32 // devices: format.EncodeDev
	Sec      int64  // of all four times
	Nsec     uint32
	// Attrs is the size of the attributes in shortform that the inode will get at once, in
	// bytes: room is left for them.
	Attrs int
	// From is the directory that it is made in: hints are inherited from it.
	From *Editor
}

// Create makes an inode of one that was free. Its data fork is empty; a directory or a link
// gets its content afterwards, in the same transaction. It has no names yet.
func (a *Allocator) Create(tx *txn.Tx, near format.Ino, n Node) (*Editor, error) {
	ino, err := a.New(tx, near, n.Mode&format.ModeType == format.ModeDir)
	if err != nil {
		return nil, err
	}
	e, err := edit(tx, a.groups, ino)
	if err != nil {
		return nil, err
	}
	b := e.Modify()
	gen, change := format.DiGen.Get(b), format.DiChangeCount.Get(b)
	clear(b)
	dev := false
	c := Core{
		Ino: ino, Mode: n.Mode, UID: n.UID, GID: n.GID, Sec: n.Sec, Nsec: n.Nsec,
		Gen: gen, ChangeCount: change + 1, Format: format.FmtExtents,
	}
	switch n.Mode & format.ModeType {
	case format.ModeChar, format.ModeBlk, format.ModeFIFO, format.ModeSock:
		dev, c.Format = true, format.FmtDev
		binary.BigEndian.PutUint32(b[format.Dinode.Size:], n.Rdev)
	}
	if room, in := Split(a.geo, dev, n.Attrs); n.Attrs > 0 {
		c.Room, c.AttrFormat = room, format.FmtExtents
		if in {
			c.AttrFormat = format.FmtLocal
		}
	}
	Put(a.geo, b, &c)
	if n.From != nil {
		inherit(b, n.From.Raw())
	}
	if c.AttrFormat == format.FmtLocal {
		// The attributes come next; until then there are none.
		format.DiAFormat.Put(b, format.FmtExtents)
	}
	return e, nil
}

// SetTarget makes a new symbolic link lead somewhere.
func (e *Editor) SetTarget(target string) error {
	f := e.Fork(Data)
	e.SetSize(uint64(len(target)))
	if len(target) <= len(f.bytes()) {
		return f.setLocal([]byte(target))
	}
	return e.targetToBlocks([]byte(target))
}

// TargetToBlocks moves the target of a symbolic link out of the inode, so that the inode has room
// for other things.
func (e *Editor) TargetToBlocks() error {
	f := e.Fork(Data)
	if f.Format() != format.FmtLocal {
		return nil
	}
	target := bytes.Clone(f.bytes()[:e.Size()])
	f.setFormat(format.FmtExtents)
	clear(f.bytes())
	return e.targetToBlocks(target)
}

func (e *Editor) targetToBlocks(target []byte) error {
	n := uint32(format.RemoteBlocks(e.geo.BlockSize, len(target)))
	m, err := e.Fork(Data).Grow(0, n, n, false, false)
	if err != nil {
		return err
	}
	b := e.tx.New(e.geo.Offset(m.Start), int(n)<<e.geo.BlockLog, format.TypeSymlink)
	format.PutRemote(b.Data, format.SymlinkMagic, e.geo.MetaUUID, e.Ino, e.geo.ToDaddr(m.Start), 0, target)
	return nil
}

// FreeData gives up to most extents of the data fork back that lie at block from or behind it, the
// last ones first. more is true when there may be more. release frees the blocks of a mapping,
// or a part of it, as the sharing of them asks for.
func (e *Editor) FreeData(from format.FileOff, most int, release func(m format.Mapping) error) (more bool, err error) {
	f := e.Fork(Data)
	for range most {
		m, ok, err := f.Before(format.NullFileOff)
		if err != nil || !ok || m.End() <= from {
			return false, err
		}
		if err := e.Punch(m, max(m.Off, from), m.End(), release); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Release frees the blocks of a mapping that no other file shares.
func (e *Editor) Release(m format.Mapping, data bool) error {
	return e.groups.Free(e.tx, space.Extent{Start: m.Start, Count: m.Count}, e.Fork(Data).owner(m.Off, m.Unwritten), data)
}

// Punch takes blocks off to end of a mapping out of the data fork and gives them to release.
func (e *Editor) Punch(m format.Mapping, off, end format.FileOff, release func(m format.Mapping) error) error {
	part := m.Part(off, end)
	if err := e.Fork(Data).Unmap(m, off, end); err != nil {
		return err
	}
	if err := e.addBlocks(-int64(part.Count)); err != nil {
		return err
	}
	return release(part)
}
