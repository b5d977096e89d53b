// Package check finds out all that is wrong with an image, and changes nothing.
//
// Run goes over the image once, groups side by side, and passes small judgements on what it
// meets. What can only be judged with all of the image in view is kept as sums and not as lists
// wherever a sum is enough:
//
//   - Each owner of blocks that the scan meets is one reverse mapping that ought to exist. Of
//     these a sum of hashes is kept for each group, and of the records in rmapbt another. Equal
//     sums: rmapbt holds exactly what is really owned, and everything about space follows from
//     reading rmapbt in order beside the free space trees and refcountbt. Only where the sums
//     differ, or there is no rmapbt, the group's owners are collected and sorted.
//   - Of each inode there is its type, the number of entries that lead to it, and a sum over the
//     entries and parent pointers that ends at zero when they agree.
//   - Only of directories is it known who contains whom.
//
// A structure that can't be read is a finding, and what hangs below it is left out; what that
// makes impossible to judge is not reported as wrong. Whatever bytes the image holds, a check
// ends, and its memory is bounded by the number of inodes and extents that fit into the image's
// metadata.
//
// Findings have stable codes. code.go says what a code is, each area's codes stand in the file
// that reports them. Start reading at check.go.
package check
