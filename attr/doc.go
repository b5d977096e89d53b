// Package attr knows extended attributes as XFS stores them: in shortform inside the inode, in
// one leaf block, or in a hash tree of leaves; values too large for a leaf in blocks of their
// own. Parent pointers are attributes of a namespace of their own: one for each name of an
// inode, with the directory as value.
//
// An attribute is a namespace (format.AttrFlag), a name without prefix and a value. FromHost
// and ToHost convert to the names that Linux shows, ACLs included.
//
// The attribute fork is small: its blocks are numbered from 0 in filesystem blocks, the root
// of the tree first. Leaves and nodes are one filesystem block each.
//
// Building in bulk: ShortSize and PutShort for shortform, Measure and Builder for the others.
//
// Reading: Open, then All, Find and Parents. A listing gives a Ref, as values can be large;
// Value reads what it refers to. Start with read.go, then readform.go.
package attr
