// Package cmdline is what the programs' command lines have in common: arguments in the order that
// getopt takes them, help by groups of flags, completion scripts for shells, and the class of
// errors about how a program was called.
package cmdline
