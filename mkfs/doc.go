// Package mkfs makes an image: from options to a geometry, and from there, with the packages
// source and populate, to a filesystem on a file or a block device.
//
// Options are those of mkfs.xfs 7.2, in its spelling. What the user wrote becomes a list of
// Settings (ParseSuboptions for the command line, ParseFile for a configuration file), and
// NewConfig turns the list into a Config. The table in options.go has one line per option; it is
// the only place that knows their names, limits and meanings. Combinations that make no sense
// are lines of another table, in rules.go.
//
// A Config and a size give a Layout: the geometry as mkfs.xfs chooses it, computed in steps of
// one file each: sizes and features (geometry.go), allocation groups (groups.go), log (log.go)
// with the smallest size that its transactions allow (reserve.go).
//
// Make (job.go) does the whole job. It asks Probe (probe.go) whether something would be
// overwritten, chooses the size (size.go) and writes the image so that it appears whole or not
// at all.
//
// Nothing here depends on the host, the time or chance, except for a random UUID where none is
// given. What differs from mkfs.xfs is in docs/mkfs-differences.md.
package mkfs
