// Cowfsck checks XFS images: that everything in them fits together, and what does not. It needs no
// root, no mount and no kernel module, and changes nothing unless it is told to.
//
// This package holds the command line: flags, exit codes and what is printed. All else is in the
// package check.
package main
