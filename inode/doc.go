// Package inode knows inodes and their forks: the fixed part with modes, owners, times and
// sizes; the data and attribute forks in their formats (device, local, extents, B+tree); and
// how both are read and built.
//
// A fork is a map from file offsets to extents (format.Mapping), in order of offset and without
// overlap. Up to Geometry.LiteralSize bytes of the inode hold both forks; forkoff divides them.
package inode
