package cow

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Hint is one of the two hints of an inode about how long extents should be.
type Hint int

// The hints.
const (
	CowExtSize Hint = iota // for new blocks of shared files
	ExtSize                // for new blocks
)

// String names the hint as xfs_io does.
func (h Hint) String() string { return [...]string{"cowextsize", "extsize"}[h] }

// HintOf is a hint of a file, or the one that a directory hands on to what is made in it, in
// blocks. 0 is none.
func HintOf(b []byte, h Hint) uint32 {
	switch {
	case h == CowExtSize && format.DiFlags2.Get(b)&format.Flag2CowExtSize != 0:
		return format.DiCowExtSize.Get(b)
	case h == ExtSize && format.DiFlags.Get(b)&(format.FlagExtSize|format.FlagExtSzInherit) != 0:
		return format.DiExtSize.Get(b)
	}
	return 0
}

// SetHint sets a hint of a file or directory; 0 bytes take it away. It must be a whole number of
// blocks, and no more than half of an allocation group.
func SetHint(e *inode.Editor, g *format.Geometry, h Hint, size int64) error {
	most := min(int64(format.MaxExtentLen), int64(g.AGBlocks)/2)
	blocks := size >> g.BlockLog
	mode := e.Mode() & format.ModeType
	switch {
	case mode != format.ModeReg && mode != format.ModeDir:
		return fmt.Errorf("inode %d: %v: only files and directories have it", e.Ino, h)
	case h == CowExtSize && !g.HasReflink():
		return errReflink
	case size < 0 || size%int64(g.BlockSize) != 0:
		return fmt.Errorf("inode %d: %v: %d bytes are not a multiple of the block size, %d", e.Ino, h, size, g.BlockSize)
	case blocks > most:
		return fmt.Errorf("inode %d: %v: %d blocks are more than the limit, %d", e.Ino, h, blocks, most)
	case h == ExtSize && mode == format.ModeReg && HintOf(e.Raw(), h) != uint32(blocks) && e.Fork(inode.Data).Extents() > 0:
		return fmt.Errorf("inode %d: %v: the file has extents already", e.Ino, h)
	}
	putHint(e.Modify(), h, mode == format.ModeDir, uint32(blocks))
	return nil
}

func putHint(b []byte, h Hint, dir bool, blocks uint32) {
	if h == CowExtSize {
		flags := format.DiFlags2.Get(b) &^ format.Flag2CowExtSize
		if blocks > 0 {
			flags |= format.Flag2CowExtSize
		}
		format.DiFlags2.Put(b, flags)
		format.DiCowExtSize.Put(b, blocks)
		return
	}
	flags := format.DiFlags.Get(b) &^ (format.FlagExtSize | format.FlagExtSzInherit)
	switch {
	case blocks > 0 && dir:
		flags |= format.FlagExtSzInherit
	case blocks > 0:
		flags |= format.FlagExtSize
	}
	format.DiFlags.Put(b, flags)
	format.DiExtSize.Put(b, blocks)
}

// CarryHint gives dst the cowextsize of src, if it has none: for a clone of a whole file onto a
// whole file.
func CarryHint(src, dst *inode.Editor) {
	if n := HintOf(src.Raw(), CowExtSize); n > 0 && HintOf(dst.Raw(), CowExtSize) == 0 {
		putHint(dst.Modify(), CowExtSize, false, n)
	}
}
