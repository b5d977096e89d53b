// Mkcowfs makes XFS images: empty ones as mkfs.xfs does, with its options, or filled from a
// directory, tar archives or a container image. It needs no root, no mount and no kernel module.
//
// This package holds the command line: flags, exit codes and what is printed. All else is in the
// package mkfs.
package main
