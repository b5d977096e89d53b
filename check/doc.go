// Package check finds out all that is wrong with an image, and changes nothing.
//
// Run goes over the image once, groups side by side, and passes small judgements on what it
// meets. What can only be judged with all of the image in view is kept as sums and not as lists
// wherever a sum is enough:
//
//   - Every extent that anything has is one owner of blocks. Of these, sums of hashes are kept for
//     each group, over the ends of extents: an end counts with the sign of whether it is a start,
//     so that it makes no difference into how many pieces an extent is cut. What rmapbt says is
//     taken away from the sum of the owners; zero says that it holds just what is owned. Another
//     sum does not look at who the owners are: owners and free extents, each block once, less
//     what refcountbt counts beyond one, give each block of the group once. These sums do not
//     depend on any order, so groups, trees and inodes are read in whatever order is fast, and
//     nothing is kept of an extent. They work without rmapbt as well. Chance of missing a fault is
//     that of two random numbers of 128 bits being equal, and which image would do so is not
//     known before the run (usage.go).
//   - Only what a sum can't tell is kept: which blocks refcountbt says are shared, so that owners
//     that can't share are seen to have some of them, and so that files' flags can be judged.
//   - A group whose sums don't come to zero gets a close look: its owners are collected in
//     a second round, sorted, and compared extent by extent (closelook.go, judge.go). A group with
//     more of them than memory allows is compared in pieces, in a round each (window.go).
//   - Of each inode there is its type, the number of entries that lead to it, and a sum over the
//     entries and parent pointers that ends at zero when they agree.
//   - Only of directories is it known who contains whom.
//
// A structure that can't be read is a finding, and what hangs below it is left out; what that
// makes impossible to judge is not reported as wrong: whose blocks were not all met is noted
// (unknown), and what rmapbt says of these owners is believed. Whatever bytes the image holds, a check
// ends, and its memory is bounded by the number of inodes and extents that fit into the image's
// metadata.
//
// The work is cut into units, done by as many workers as there are CPUs, in stages: headers of
// groups; trees that others need; all other trees and all inodes; what needs all inodes; close
// looks; counters. An image with a dirty log is checked as its log makes it (logstate.go).
//
// Findings have stable codes. code.go says what a code is; the codes of files about an area are in
// one beside them, such as spacecodes.go. Start reading at check.go, run.go and pool.go; then
// group.go and tree.go for what a group holds, inodescan.go for inodes.
package check
