// Package metadump copies the metadata of a volume into a file, and makes an image of such a file
// again: to send a damaged volume to somebody without its contents.
//
//	report, err := metadump.Dump(ctx, v, file, metadump.Options{Obfuscate: true})
//	info, err := metadump.Restore(ctx, file, dev)
//
// Files are of xfs_metadump's version 2; version 1 can be read, too. A dump holds all that
// volume.Metadata finds and the log, and no contents of files. What is left over in blocks behind
// what their structures say, such as names of removed files, is zeroed unless asked for.
//
// # Obfuscation
//
// With Options.Obfuscate names and values are replaced, such that the copy is as sound as the
// volume was: names keep their length and their hash, by which directories and attributes are
// ordered. The same name always becomes the same, within one dump, so that parent pointers and
// the targets of symbolic links still fit; a key that is made for each dump keeps it from being
// guessed. Names of up to 4 bytes stay as they are: there are no others with their hash. The label
// becomes as many L.
//
// Invariants: with obfuscation, no byte of a name longer than that, of an attribute's value or of a
// link's target, or of the label, gets into the dump; a structure that is too damaged to tell where these are is
// left out and reported. The log is replaced by an empty one, so a dirty log must be replayed first.
//
// Start with dump.go, then clean.go and names.go; restore.go stands apart.
package metadump
