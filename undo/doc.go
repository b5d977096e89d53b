// Package undo changes an image as a whole or not at all, and can take the change back.
//
// The changes are collected in a device.Overlay. Commit first writes an undo file that holds, of
// every page that will change, the old and the new bytes; then it changes the image; then it
// drops the new bytes from the file. Whenever it is interrupted, the file tells what to do:
//
//	writing   the image is as before; the file is worth nothing
//	applying  some pages may be new: Finish writes the rest
//	applied   the image is as after; Undo can put back every byte
//	undoing   some pages may be old again: Undo goes on
//
// So that a file is never used on the wrong image, or on one that somebody else has changed
// since, every page must hold the old or the new bytes (or, where an interruption has left a page
// half written, sectors of the two) before anything is written.
//
// The file, all numbers big-endian, in pages of 4096 bytes:
//
//	page 0      header: magic, version, state, size of the image, number of pages, checksum
//	then        index: for each page its offset in the image, and checksums of old and new bytes
//	then        the old pages, from a page's boundary on
//	then        the new pages, until they are dropped
//
// Start reading at commit.go.
package undo
