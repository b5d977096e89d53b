package oracle

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Tree is everything about a directory tree that an image of it has to keep.
type Tree struct {
	// BlockSize of the filesystem that the tree lies on, in bytes: holes are kept at its
	// granularity.
	BlockSize int64
	// Nodes by path below the root, which itself is ".".
	Nodes map[string]*Node
}

// Node is one name of a tree with its inode. Names of the same inode share one Node.
type Node struct {
	Mode     uint32 // type and permissions, as in st_mode
	UID, GID uint32
	Nlink    uint32
	Names    uint32 // how many names of the tree lead here
	Subdirs  uint32 // of a directory
	First    string // the first of its names, in byte order
	Mtime    time.Time
	Size     int64  // of a file or symbolic link, in bytes
	Rdev     uint64 // of a device
	Hash     string // of a file's contents, independent of where its holes are
	Target   string // of a symbolic link
	Xattrs   map[string]string
	Data     []Segment // what is not a hole; unwritten counts as a hole
	Unwrit   []Segment // allocated but unwritten; only from SnapshotUnwritten
}

// Segment is a range of a file in bytes, End exclusive.
type Segment struct{ Start, End int64 }

func (n *Node) isDir() bool     { return n.Mode&unix.S_IFMT == unix.S_IFDIR }
func (n *Node) isRegular() bool { return n.Mode&unix.S_IFMT == unix.S_IFREG }

// Count returns the number of names in the tree, the root not counted.
func (t *Tree) Count() int { return len(t.Nodes) - 1 }

// longValue is the length up to which an attribute's value is kept as it is.
const longValue = 256

func showMode(mode uint32) string {
	kind := map[uint32]string{
		unix.S_IFREG: "file", unix.S_IFDIR: "directory", unix.S_IFLNK: "symlink", unix.S_IFIFO: "fifo",
		unix.S_IFSOCK: "socket", unix.S_IFCHR: "character device", unix.S_IFBLK: "block device",
	}[mode&unix.S_IFMT]
	return fmt.Sprintf("%s %04o", kind, mode&0o7777)
}
