// Package btree reads and writes the B+trees of a volume: one generic tree and seven kinds of
// it.
//
// A Kind says how records and keys of a tree look and how they are ordered; it knows nothing
// of what a record means. Six kinds live within an allocation group and point with AGBlocks;
// one, Bmbt, maps a fork of an inode and points with FSBlocks. The root of a tree is either a
// block or, for Bmbt, the beginning of the fork itself. Block numbers of both sorts pass
// through this package as uint64.
//
// Load writes a whole tree in bulk, from sorted records; Shape tells beforehand how many
// blocks it will take. Tree reads one: All gives its records, Seek and SeekLE a Cursor, Range
// the records that touch a range of keys, Walk the blocks.
//
// Invariants of a tree, kept by Load and checked by every read:
//
//   - All leaves are on level 0, and a child is one level below its parent.
//   - The keys of a block ascend strictly. A key in a node equals the first key of its child,
//     and all keys below that child are less than the next key. It follows that no block can
//     be reached twice, and that every walk ends.
//   - In an overlapping kind (Rmapbt) a node's entry has a second, high key: the greatest high
//     key of any record below it.
//   - Blocks of a level are linked with their neighbours; the outer links are null.
//   - Blocks carry their kind's magic number, the volume's UUID, their own address, their
//     owner, and a checksum.
//   - Only a root that is a leaf may be empty.
//
// Load further fills every block at least half, except the root, and a single block below a
// root in a fork. Reading does not insist on that, as a damaged or unusual tree can still be
// read without it.
//
// Start with kind.go, then node.go; load.go and tree.go stand side by side on them.
package btree
