// Package e2e tests the built programs from outside, as their users run them: mkcowfs makes
// images of real trees, and xfsprogs, the Linux kernel and cowdb say whether they are right.
//
// The programs are built once for a run, by TestMain. The tests need root for mounts and
// both generations of xfsprogs; see internal/oracle for what happens without them.
//
// COWFS_SOAK=1 runs the large trees at their full size (a million names, say); without it
// they run in a shortened form. COWFS_MKFS=PROGRAM puts another mkfs.xfs in the place of
// mkcowfs, to find out whether a failure lies in the program or in the test.
package e2e
