// Package dir knows directories: the five forms in which XFS stores their entries, and how to
// read, look up and build them.
//
// A directory lives in the data fork of its inode. The smallest ones are in shortform, inside
// the inode. All others are an array of directory blocks (Geometry.DirBlockSize bytes, one or
// more filesystem blocks each) in three address ranges of the fork:
//
//	data space        entries, in blocks                               from byte 0
//	leaf space        index of entries by the hash of their names      from format.DirLeafSpace
//	free space index  longest free range of each data block            from format.DirFreeSpace
//
// Block form is one block with entries and index together; leaf form has data blocks and one
// leaf with index and free space; node form has data blocks, a tree of leaves under hash
// nodes, and blocks of the free space index.
//
// Invariants: names are 1 to 255 bytes and hold neither "/" nor NUL; the first two entries
// behind the header of the first data block are "." and ".."; index entries are in order of
// (hash, address); no two free ranges of a block touch.
//
// Building in bulk: Sizer says which form a set of names takes and how many blocks, Builder
// writes it, and PutShort encodes shortform.
//
// Reading: Open, then Entries for all names or Lookup for one. Start with read.go, then
// readblock.go for the entries and readindex.go for the index.
package dir
