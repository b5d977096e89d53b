// Command cowdb looks into XFS images: files, directories, extended attributes, and every
// structure on the disk. It needs neither root nor a mount.
//
//	cowdb [--json] [--offset BYTES] IMAGE COMMAND ARGS...
//	cowdb IMAGE -c COMMAND -c COMMAND...
//	cowdb IMAGE < script
//
// The commands are in package shell; here are only the command line, the outputs and the exit
// codes: 0, 1 when a command fails or meets damage, 2 for wrong usage, 130 when interrupted.
package main
