package source

import (
	"iter"
)

// ID names a node of a Tree. 0 is the root directory. Nodes are numbered in path order: depth
// first, names in byte order; one with several links by the first of them. So a directory has a
// smaller ID than everything in it, and equal sources give equal IDs.
type ID uint32

// Node is one inode; its hard links share it.
type Node struct {
	Mode  uint16 // Unix mode: file type, setuid, setgid, sticky and permissions
	_     uint16
	UID   uint32
	GID   uint32
	NLink uint32 // links inside the tree; of a directory 2 + its subdirectories
	Size  int64  // regular file: bytes of content; symbolic link: bytes of the target; else 0
	// Sec and Nsec are the modification time. A source has no other: access times change by
	// reading them, and an image's change and creation times are its own.
	Sec  int64
	Nsec uint32
	Rdev uint32 // character or block device: format.EncodeDev

	parent ID      // the directory that Path names the node in; the root is its own
	name   nameRef // the node's name there
	// at depends on the type. Directory: index of the first entry << 32 | entries. Symbolic
	// link: nameRef of the target. Regular file: what the tree's store makes of it.
	at      uint64
	xattrs  uint32 // 1 + index in Tree.xattrs; 0: none
	extents uint32 // 1 + index in Tree.extents; 0: dense
}

// entry is a name in a directory.
type entry struct {
	name nameRef
	id   ID
}

// Xattr is an extended attribute in the form that Linux shows: "user.x", "trusted.y",
// "security.capability", "system.posix_acl_access".
type Xattr struct {
	Name  string
	Value []byte
}

// Range is a part of a file that has blocks, in bytes. Unwritten ranges are allocated and read
// as zeroes.
type Range struct {
	Off, Len  int64
	Unwritten bool
}

// End is the offset in bytes of the first byte behind the range.
func (r Range) End() int64 { return r.Off + r.Len }

// Tree is what goes into an image. It does not change once made, and any number of goroutines
// may use it; Close ends its life. All slices that it gives out are its own.
type Tree struct {
	nodes   slabs[Node]
	entries slabs[entry]
	names   arena
	xattrs  [][]Xattr
	extents [][]Range
	store   store
}

// store is where contents of regular files lie.
type store interface {
	newReader(t *Tree) Reader
	Close() error
}

// Reader reads contents of regular files. It belongs to one goroutine; a tree can have many.
// It is fastest when files are read in path order.
type Reader interface {
	// ReadAt fills p with the bytes of a file from offset off on; they must lie within its size.
	// Holes and unwritten ranges read as zeroes. An error names the path; it is ErrChanged when
	// the file is no longer what was scanned. An empty p only checks that.
	ReadAt(id ID, p []byte, off int64) error
	// Host returns an open host file that holds the whole content, holes included, from byte
	// base on, to clone or copy from. It is valid until the next call on this Reader. Not ok
	// when there is none, or it cannot be opened; ReadAt will tell why. Whoever has taken
	// contents from it asks ReadAt with an empty p afterwards whether it was still the same.
	Host(id ID) (fd int, base int64, ok bool)
	Close() error
}

// Len returns the number of nodes; IDs are 0 to Len-1.
func (t *Tree) Len() int { return t.nodes.n }

// Node returns a node, to be read only.
func (t *Tree) Node(id ID) *Node { return t.nodes.at(int(id)) }

// Entries gives the names in a directory and what they lead to, in byte order, without . and ..;
// nothing when id is no directory. Names are 1 to 255 bytes of anything but / and NUL.
func (t *Tree) Entries(dir ID) iter.Seq2[string, ID] {
	return func(yield func(string, ID) bool) {
		first, n := t.dirRange(dir)
		for i := first; i < first+n; i++ {
			e := t.entries.at(i)
			if !yield(t.names.name(e.name), e.id) {
				return
			}
		}
	}
}

// NumEntries returns the number of names in a directory, without . and ..
func (t *Tree) NumEntries(dir ID) int {
	_, n := t.dirRange(dir)
	return n
}

func (t *Tree) dirRange(dir ID) (first, n int) {
	d := t.Node(dir)
	if !d.isDir() {
		return 0, 0
	}
	return int(d.at >> 32), int(uint32(d.at))
}

// Target returns what a symbolic link points to, byte for byte.
func (t *Tree) Target(id ID) string {
	n := t.Node(id)
	if n.Mode&modeType != modeLink {
		return ""
	}
	return t.names.bytes(nameRef(n.at), int(n.Size))
}

// Xattrs returns a node's extended attributes, sorted by name; nil for most.
func (t *Tree) Xattrs(id ID) []Xattr {
	if i := t.Node(id).xattrs; i != 0 {
		return t.xattrs[i-1]
	}
	return nil
}

// Extents returns the ranges of a regular file that have blocks, ascending and apart; what lies
// between them is holes. Nil when the file is all data, empty and not nil when it is all hole.
func (t *Tree) Extents(id ID) []Range {
	if i := t.Node(id).extents; i != 0 {
		return t.extents[i-1]
	}
	return nil
}

// Path returns a path of a node, for messages: "/usr/bin/x". Of several links it is the first in
// path order.
func (t *Tree) Path(id ID) string {
	if id == 0 {
		return "/"
	}
	return "/" + t.relPath(id)
}

// relPath is the path below the root, without a leading slash; "." for the root.
func (t *Tree) relPath(id ID) string {
	if id == 0 {
		return "."
	}
	var names []string
	size := -1
	for ; id != 0; id = t.Node(id).parent {
		name := t.names.name(t.Node(id).name)
		names = append(names, name)
		size += len(name) + 1
	}
	p := make([]byte, 0, size)
	for i := len(names) - 1; i >= 0; i-- {
		p = append(p, names[i]...)
		if i > 0 {
			p = append(p, '/')
		}
	}
	return string(p)
}

// NewReader makes a reader of the tree's contents. Close it before the tree.
func (t *Tree) NewReader() Reader { return t.store.newReader(t) }

// Close gives up the files that the tree holds open.
func (t *Tree) Close() error { return t.store.Close() }
