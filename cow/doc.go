// Package cow writes to files, and never to blocks that a file shares with others.
//
// The Engine has the write path of a volume. A File is what it has in memory of one file: dirty
// pages, what is reserved for holes of the data fork, and the CoW fork. A write to shared blocks
// goes to the CoW fork: its blocks are staged (package refcount), in use and of no file, until the
// data are in them. Then they move to the data fork, in one transaction with the release of the
// old ones. So a crash leaves each extent as it was before or after.
//
// A buffered write goes through these stages:
//
//	Write      the bytes go to pages. Begin says where the file has them, and reserves blocks: for
//	           holes in the data fork, for shared blocks in the CoW fork. (buffered.go, iomap.go)
//	Writeback  dirty pages in a row become pieces, as long as possible; the allocator is asked once
//	           for all of them. Blocks in the data fork are unwritten so far. (plan.go)
//	           Pieces are written with large writes. (writeback.go)
//	           What was written becomes part of the file; what could not be is given up, and the
//	           file is as before. (ioend.go)
//
// Direct writes go past the pages. Stages can be gone through by hand (stage.go), and then the
// CoW fork is on disk, so that one process can leave a write half-way and another one end it:
// Forks is what a volume has of such forks, Fork is one of them (forks.go, fork.go).
// docs/format-extension.md specifies it. In Linux the CoW fork is in memory only, and so it is here
// for all other writes: what a crash leaves of them are staged blocks without a fork, which the
// next one who replays the log frees.
//
// Invariants: a file's blocks that others share are never written to. Reserved blocks can be
// allocated: when space is short it is the write that fails, not the writeback. What was looked up
// without holding the transaction that uses it is used only if its cookie says that the forks are
// still the same. Blocks of extents in memory are staged, or unwritten, on disk.
//
// Start reading at file.go, then iomap.go, buffered.go, plan.go.
package cow
