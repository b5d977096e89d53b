// Package txn changes the metadata of a volume in transactions, so that a crash at any instant
// leaves everything as before or after.
//
// A Store holds the metadata blocks that are in use as buffers. A transaction (Tx) reads
// buffers, announces each range of bytes before it changes it (Change), and at the end commits
// or cancels; cancelling puts back every byte. One transaction is open at a time.
//
// Committing makes the changes part of the checkpoint in memory. The checkpoint is written to
// the log as one unit, when it has grown large or somebody calls Sync, so that many
// transactions share one flush. Its blocks are written in place later still, when the log or
// the memory is short of room, and at the end. So a buffer goes through these states:
//
//	clean    equal to its block on the device
//	dirty    changed by a committed transaction since the last checkpoint
//	logged   in a checkpoint in the log, not yet in place
//
// Invariants: nothing is written in place before the log record that holds it is on stable
// storage; no log record is overwritten before its blocks are; a buffer that an open
// transaction has changed is never written anywhere; blocks in place have an LSN from before what
// the log holds for them, and of what it holds for a block the first is all of the block. So a
// replay over blocks in any state, torn ones too, goes through states that each block had. File
// data goes to the device directly: its writers must not write to blocks that a transaction has
// freed before the checkpoint with that transaction is in the log (Store.Busy).
//
// Readers of the volume that know nothing of transactions read through View, which shows the
// state that all committed transactions have made.
//
// Start reading at store.go, then tx.go, then checkpoint.go.
package txn
