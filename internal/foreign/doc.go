// Package foreign tells what else lies on an image where no XFS filesystem begins: another filesystem,
// or a partition table. Copies of a superblock that are left of an XFS volume which was there before
// must not be taken for what the image holds now.
//
// Start reading at foreign.go.
package foreign
