// Package btree reads, writes and changes the B+trees of a volume: one generic tree and seven
// kinds of it.
//
// A Kind says how records and keys of a tree look and how they are ordered; it knows nothing
// of what a record means. Six kinds live within an allocation group and point with AGBlocks;
// one, Bmbt, maps a fork of an inode and points with FSBlocks. The root of a tree is either a
// block or, for Bmbt, the beginning of the fork itself. Block numbers of both sorts pass
// through this package as uint64.
//
// Load writes a whole tree in bulk, from sorted records; Shape tells beforehand how many
// blocks it will take. Tree reads one: All gives its records, Seek and SeekLE a Cursor, Range
// the records that touch a range of keys, Walk the blocks. Editor changes a tree, one record at
// a time, through the blocks of a transaction (Pages): Insert, Delete, Update and the queries
// that go with them; Build and Flatten begin and end a tree.
//
// Invariants of a tree, kept by Load and Editor and checked by every read:
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
// Load and Editor further keep every block at least half full, except the root, and a single
// block below a root in a fork. Neither reading nor changing insists on that, as a damaged or
// unusual tree can still be used without it.
//
// Start with kind.go, then node.go; load.go, tree.go and editor.go stand side by side on them.
// Of the editor, page.go changes single blocks, insert.go and delete.go whole trees.
package btree
