// Package populate turns a tree of files and a geometry into the content of an image, in bulk
// and without a log: it first plans where everything lies, then writes it with large I/Os.
//
// Planning (NewPlan) walks the source tree in an order of its own, in which the entries of
// a directory come one after the other, and gives every node an inode, its metadata (directory
// and attribute blocks, fork trees) and its data a place. Allocation groups are filled one
// after the other, each with its share; within a group inodes, metadata and data each have one
// contiguous region (see agroup). Nothing is written before all has found its place, so an
// image that is too small is found out first: NoSpaceError.
//
// Writing (Plan.Write) walks the same order again: file data by several goroutines in units of
// contiguous blocks, inodes and metadata by another one, then the groups' headers and trees,
// and as the very last thing the primary superblock, without which there is no filesystem.
//
// Memory is bounded by the number of nodes and extents, not by the bytes of the files or the
// size of the image. The same tree and options give the same bytes.
//
// Start reading at plan.go, then write.go.
package populate
