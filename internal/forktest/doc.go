// Package forktest makes inodes with forks in memory, for tests of the packages that read what is in
// forks and that edit it. The blocks of a fork are there to be filled in by the test, in whatever way.
//
// Blocks is a fork of metadata in a transaction, with a map for an allocator: a block that is used
// and not there, or made twice, ends the test.
package forktest
