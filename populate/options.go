package populate

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
)

// CloneMode says whether file data is shared with the source files where the host can do that.
type CloneMode uint8

// The clone modes.
const (
	CloneAuto   CloneMode = iota // try, and copy what can't be cloned
	CloneAlways                  // fail where cloning fails
	CloneNever
)

// Options say what image to make.
type Options struct {
	Geo  *format.Geometry
	Tree *source.Tree // nil: an empty root directory

	// RootXattrs are attributes that the root directory gets beside those of the source: the
	// filesystem's properties.
	RootXattrs []source.Xattr

	Dedupe bool // share identical blocks of files; needs the reflink feature
	// Duplicates are those of the tree, for whoever plans it several times; nil: they are looked
	// for.
	Duplicates *Duplicates
	Clone      CloneMode

	// KeepIMaxPct makes it an error when the tree has more inodes than the geometry's share for
	// them; otherwise the share is raised.
	KeepIMaxPct bool

	Seed uint64 // of the inodes' generation numbers
	// Sec and Nsec are the time of inodes that no source gives: those of an empty image.
	Sec  int64
	Nsec uint32

	// Zero says that the device may hold old content, so that blocks which must read as zero
	// are written.
	Zero bool

	// Progress is called with the bytes of file data written so far and in all, from any
	// goroutine, one call at a time. May be nil.
	Progress func(done, total int64)
}

// Stats counts what an image holds.
type Stats struct {
	Inodes, Files, Dirs uint64 // used inodes; regular files; directories
	Bytes               uint64 // content of files, holes included
	DataBlocks          uint64 // distinct blocks of file data
	SharedBlocks        uint64 // blocks that sharing saved
	MetaBlocks          uint64 // inode chunks, directories, attributes, fork trees
	FreeBlocks          uint64
}

// NoSpaceError says that a tree doesn't fit.
type NoSpaceError struct {
	Path string // the node for which no room was left; empty when that can't be said
	What string // what there was not enough of
}

func (e *NoSpaceError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("image is too small: no room for %s", e.What)
	}
	return fmt.Sprintf("image is too small: no room for %s of %s", e.What, e.Path)
}
