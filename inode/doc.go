// Package inode knows inodes and their forks: the fixed part with modes, owners, times and
// sizes; the data and attribute forks in their formats (device, local, extents, B+tree); and
// how both are read and built.
//
// A fork is a map from file offsets to extents (format.Mapping), in order of offset and without
// overlap. Up to Geometry.LiteralSize bytes of the inode hold both forks; forkoff divides them.
//
// Reading: Source.Read gives an Inode, which is checked, and Inode.Fork its forks: All and From
// list mappings, Find looks one up, ReadBlocks reads metadata. Start with read.go and readfork.go.
package inode
