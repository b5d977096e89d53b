// Package group writes the metadata of an allocation group in bulk: the AGF, AGI and AGFL, and
// the trees of free space, inodes, owners and reference counts.
//
// Content says what a group holds and where its trees' blocks lie. It is complete and without
// contradictions: who makes it has placed everything, and Write only encodes. New images are
// made this way, and groups whose metadata is lost. Groups of a volume in use are changed
// through transactions instead; see packages space, refcount and inode.
//
// Start reading at content.go.
package group
