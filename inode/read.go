package inode

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cowfs/cowfs/format"
)

// ErrFree says that an inode number is valid but its inode is not in use.
var ErrFree = errors.New("inode is free")

// Source is where inodes and their forks are read from: a volume's bytes, from its first one
// on, and its shape. It is a small value to be copied; reading through it is safe for
// concurrent use when Dev is.
type Source struct {
	Geo *format.Geometry
	Dev io.ReaderAt
}

// Inode is an inode in use, as it was when it was read. It never changes and is safe for
// concurrent use.
type Inode struct {
	Ino format.Ino
	// Raw holds the inode's bytes on disk, Geometry.InodeSize of them. Not to be changed.
	Raw []byte

	src Source
}

// Read reads and checks an inode. The error is ErrFree when it is not in use, and an ErrCorrupt
// when the number cannot exist on the volume or the inode is damaged.
func (s Source) Read(ino format.Ino) (*Inode, error) {
	if !s.Geo.ValidIno(ino) {
		return nil, format.Corrupt("inode", "number", ino, "a number within the volume").At(format.InInode(ino))
	}
	raw := make([]byte, s.Geo.InodeSize)
	if _, err := s.Dev.ReadAt(raw, s.Geo.InoOffset(ino)); err != nil {
		return nil, fmt.Errorf("read inode %d: %w", ino, err)
	}
	return s.Decode(ino, raw)
}

// Decode checks the bytes of an inode that somebody else has read. The inode keeps raw.
func (s Source) Decode(ino format.Ino, raw []byte) (*Inode, error) {
	if err := format.Verify(s.Geo, format.TypeInode, raw, format.InInode(ino)); err != nil {
		return nil, err
	}
	if format.DiMode.Get(raw) == 0 {
		return nil, fmt.Errorf("inode %d: %w", ino, ErrFree)
	}
	return &Inode{Ino: ino, Raw: raw, src: s}, nil
}

// Source returns where the inode was read from.
func (i *Inode) Source() Source { return i.src }

// Mode is the file type and the permissions, as st_mode has them.
func (i *Inode) Mode() uint16 { return format.DiMode.Get(i.Raw) }

// Type is the file type part of the mode.
func (i *Inode) Type() uint16 { return i.Mode() & format.ModeType }

// IsDir reports whether the inode is a directory.
func (i *Inode) IsDir() bool { return i.Type() == format.ModeDir }

// IsRegular reports whether the inode is a regular file.
func (i *Inode) IsRegular() bool { return i.Type() == format.ModeReg }

// IsLink reports whether the inode is a symbolic link.
func (i *Inode) IsLink() bool { return i.Type() == format.ModeLink }

// Size is the length in bytes: of a file's contents, a link's target, or a directory's data
// space. It is below 2^63.
func (i *Inode) Size() int64 { return int64(format.DiSize.Get(i.Raw)) }

// UID is the owner.
func (i *Inode) UID() uint32 { return format.DiUID.Get(i.Raw) }

// GID is the owning group.
func (i *Inode) GID() uint32 { return format.DiGID.Get(i.Raw) }

// NLink is the number of names.
func (i *Inode) NLink() uint32 { return format.DiNLink.Get(i.Raw) }

// Gen is the generation: it changes when the number is used again.
func (i *Inode) Gen() uint32 { return format.DiGen.Get(i.Raw) }

// ProjID is the project for quotas.
func (i *Inode) ProjID() uint32 {
	return uint32(format.DiProjHi.Get(i.Raw))<<16 | uint32(format.DiProjLo.Get(i.Raw))
}

// Blocks is the number of filesystem blocks that all forks take, their trees included.
func (i *Inode) Blocks() uint64 { return format.DiNBlocks.Get(i.Raw) }

// Flags are the flags of the first word.
func (i *Inode) Flags() format.DiFlag { return format.DiFlags.Get(i.Raw) }

// Flags2 are the flags of the second word.
func (i *Inode) Flags2() format.DiFlag2 { return format.DiFlags2.Get(i.Raw) }

// ATime, MTime, CTime and CRTime are the times of the last access, change of contents, change
// of the inode, and of its creation.
func (i *Inode) ATime() time.Time  { return i.time(format.DiATime) }
func (i *Inode) MTime() time.Time  { return i.time(format.DiMTime) }
func (i *Inode) CTime() time.Time  { return i.time(format.DiCTime) }
func (i *Inode) CRTime() time.Time { return i.time(format.DiCRTime) }

func (i *Inode) time(f format.U64[uint64]) time.Time {
	return format.DecodeTime(f.Get(i.Raw), i.Flags2()&format.Flag2Bigtime != 0)
}

// Device is the number of a character or block device; 0 for all other inodes.
func (i *Inode) Device() (major, minor uint32) {
	if t := i.Type(); t != format.ModeChar && t != format.ModeBlk {
		return 0, 0
	}
	data, _ := format.Forks(i.Raw)
	return format.DecodeDev(format.U32[uint32](0).Get(data))
}

// CowRoot is the block with the root of the persistent CoW fork, or 0 when there is none. The
// bytes mean nothing unless the volume says that some inode has such a fork.
func (i *Inode) CowRoot() format.FSBlock {
	if !i.src.Geo.HasCowForks() {
		return 0
	}
	return format.DiCowRoot.Get(i.Raw)
}
