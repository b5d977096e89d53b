// Package cow writes to files that share blocks with others.
//
// A write to shared blocks goes to new ones. Until the data are there the new blocks are staged:
// in use, and of no file (package refcount). The CoW fork of the file says which offset they are
// for. Linux has that fork in memory only; here it can be on disk, so that one process can
// leave a write half-way and another one end it. docs/format-extension.md specifies it.
//
// Forks is what a volume has of such forks, Fork is one of them: see forks.go and fork.go.
package cow
