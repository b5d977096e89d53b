// Package damage makes images wrong, for tests of whatever has to notice or to mend it.
//
// Structures finds all metadata of a sound image that has a checksum, without help from the
// structures that lead there: it looks at every block in use. Fields lists the fields of one
// structure, by the tables of package format. Change gives a field another value with one of the
// verbs of xfs_db's fuzz command, and the structure a right checksum, so that nothing but the
// field is wrong. Compounds are faults that take more than one field.
//
// Rich makes an image in which most structures occur, in all their forms, and which is still so
// small that a check takes milliseconds.
package damage
